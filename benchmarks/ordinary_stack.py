"""The ordinary way to send a digest: one Jinja2 environment, css-inline, EmailMessage, a pool.

Its template is its own, about as large as ours; each mail is rendered, inlined and
serialised whole, and sent by aiosmtplib over reused connections.
"""

from __future__ import annotations

import asyncio
import time
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib
import css_inline
from jinja2 import Environment

from benchmarks.population import make_papers
from benchmarks.result import peak_mb

_STYLE = """
body{margin:0;background:#f4f5f7;color:#1b1f24;font-family:Helvetica,Arial,sans-serif}
.page{max-width:600px;margin:0 auto;padding:24px;background:#fff}
h1{font-size:22px;line-height:28px;margin:0 0 16px}
.card{border:1px solid #dfe3e8;border-radius:8px;padding:16px;margin:0 0 16px}
.card h2{font-size:17px;line-height:23px;margin:0 0 6px}
.card h2 a{color:#0b57d0;text-decoration:none}
.by{font-size:13px;line-height:18px;color:#57606a;margin:0 0 8px}
.abstract{font-size:14px;line-height:21px;margin:0 0 8px}
.why{font-size:12px;line-height:16px;color:#57606a;background:#eef2f7;padding:4px 8px}
.actions a{font-size:12px;color:#0b57d0;padding-right:12px}
.foot{font-size:12px;line-height:18px;color:#57606a;border-top:1px solid #dfe3e8}
"""
_HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>{{ style }}</style></head><body><div class="page"><h1>{{ title }}</h1>
{% for paper in papers %}<div class="card"><h2><a href="{{ paper.url }}">{{ paper.title }}</a></h2>
<p class="by">{{ paper.authors | join(', ') }}</p><p class="abstract">{{ paper.abstract }}</p>
<p class="why">Matches your keyword <b>{{ paper.why }}</b></p>
<p class="actions"><a href="{{ base }}/less/{{ token }}/{{ loop.index }}">Less like this</a>
<a href="{{ base }}/more/{{ token }}/{{ loop.index }}">More like this</a></p></div>
{% endfor %}<p class="foot">You asked for this. <a href="{{ base }}/u/{{ token }}">Unsubscribe</a>
<a href="{{ base }}/p">Interests</a></p></div></body></html>"""
_TEXT = """{{ title }}

{% for paper in papers %}{{ paper.title }}
{{ paper.url }}
{{ paper.authors | join(', ') }}

{{ paper.abstract }}

Matches your keyword {{ paper.why }}

{% endfor %}Unsubscribe: {{ base }}/u/{{ token }}
"""
_BASE = "https://papers.example.org"


def send(port: int, connections: int, count: int) -> tuple[int, float, int]:
    """Render and send so many; give their number, the seconds and the peak of memory."""
    environment = Environment(autoescape=True)
    html, text = environment.from_string(_HTML), Environment().from_string(_TEXT)
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
    papers = [
        {
            "title": one.title,
            "url": f"https://arxiv.org/abs/{one.alias.partition(':')[2]}",
            "authors": one.authors,
            "abstract": one.abstract[:500],
            "why": one.abstract.split()[7],
        }
        for one in make_papers(300)
    ]
    numbers = iter(range(count))

    def build(number: int) -> EmailMessage:
        view = {
            "title": f"20 papers for reader {number}",
            "papers": [papers[(number * 7 + place) % len(papers)] for place in range(20)],
            "token": f"{number:064x}",
            "style": _STYLE,
            "base": _BASE,
        }
        mail = EmailMessage(policy=SMTP)
        mail["From"] = "Daily papers <digest@papers.example.org>"
        mail["To"] = f"reader{number}@example.org"
        mail["Subject"] = view["title"]
        mail["Message-ID"] = f"<ordinary-{number}@papers.example.org>"
        mail.set_content(text.render(view))
        mail.add_alternative(inliner.inline(html.render(view)), subtype="html")
        return mail

    async def lane() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False)
        await client.connect()
        for number in numbers:
            await client.send_message(build(number))
        await client.quit()

    async def all_of_them() -> None:
        await asyncio.gather(*(lane() for _ in range(connections)))

    start = time.perf_counter()
    asyncio.run(all_of_them())
    return count, time.perf_counter() - start, peak_mb()
