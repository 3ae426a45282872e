from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.digests.columns import columns
from digest.digests.letters import confirm_view
from digest.digests.message import Encoded, MailHeaders, build_message
from digest.digests.render import DigestRenderer
from digest.errors import RenderError
from digest.model import Digest, InterestKind, Link, Match, PaperId, Reason, Rendered
from digest.resources import resource_dir
from digest.subscribers.actions import CHOICES
from tests.support.digests import (
    LINKS,
    SCHEDULE,
    SPARSE,
    awkward_papers,
    make_digest,
    make_interest,
    make_paper,
    one_paper,
    three_papers,
    twenty_papers,
    welcome,
)

RENDERER = DigestRenderer(resource_dir("templates"), service_name="Daily papers")


def elements(html: str) -> list[Any]:
    """Return all elements; html5lib in strict mode refuses what browsers must guess."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return list(cast("Any", parser.parse(html)).iter())


def links_of(html: str) -> set[str]:
    return {element.get("href") for element in elements(html) if element.tag == "a"}


def raw_size(rendered: Rendered) -> int:
    headers = MailHeaders(
        sender="Daily papers <digest@papers.example.org>",
        recipient="ada@example.org",
        envelope_from="b@papers.example.org",
        message_id="<1@papers.example.org>",
        date_at=datetime(2026, 2, 3, tzinfo=UTC),
        list_id="daily.papers.example.org",
        unsubscribe_url=LINKS.unsubscribe,
        unsubscribe_mailto=LINKS.unsubscribe_mailto,
        archive_url=LINKS.web,
    )
    return len(build_message(Encoded.of(rendered), headers=headers).content)


def custom_templates(tmp_path: Path, name: str, source: str) -> DigestRenderer:
    shutil.copytree(resource_dir("templates") / "mail", tmp_path / "mail")
    (tmp_path / "mail" / name).write_text(source, encoding="utf-8")
    return DigestRenderer(tmp_path, service_name="Daily papers")


def test_plain_text_is_as_good_as_the_html() -> None:
    rendered = RENDERER.render(three_papers(), LINKS)

    assert rendered.text == (Path(__file__).parent / "three_papers.txt").read_text("utf-8")


def test_both_parts_tell_the_same() -> None:
    rendered = RENDERER.render(three_papers(), LINKS)

    seen = " ".join("".join(elements(rendered.html)[0].itertext()).split())
    for fact in (
        "Tuesday 3 February 2026",
        "Three papers match your interests today, and 12 more wait on the site.",
        "Ada Lovelace, Alan Turing and 4 more · arXiv cs.LG · ▲ 128 (+41)",
        "sparse autoencoder in the abstract · tag interpretability",
        "diffusion and protein in title and abstract, without “survey”",
        "cs.AI · scaling · also on Hugging Face · code",
        "12 more matched: see them all. The best of them come tomorrow.",
        "You get this at 08:00 (Europe/Paris) on weekdays. No pixels, no tracking.",
    ):
        assert fact in seen


@pytest.mark.parametrize(
    "digest",
    [one_paper(), three_papers(), twenty_papers(), awkward_papers(), welcome(), make_digest(())],
    ids=["one", "three", "twenty", "awkward", "welcome", "none"],
)
def test_every_digest_is_valid_html_without_anything_to_fetch(digest: Digest) -> None:
    rendered = RENDERER.render(digest, LINKS)

    found = elements(rendered.html)

    assert not {element.tag for element in found} & {"img", "script", "link", "iframe", "object"}
    assert not [element for element in found if element.get("src") or element.get("background")]
    assert "url(" not in rendered.html
    assert "@import" not in rendered.html
    assert {LINKS.manage, LINKS.web, LINKS.unsubscribe} <= links_of(rendered.html)
    assert LINKS.unsubscribe in rendered.text
    assert raw_size(rendered) < 90_000


def test_only_web_addresses_become_links() -> None:
    rendered = RENDERER.render(awkward_papers(), LINKS)

    assert all(link.startswith("https://") for link in links_of(rendered.html))
    assert "javascript:" not in rendered.html
    assert "javascript:" not in rendered.text


def test_outside_markup_is_shown_as_text() -> None:
    nasty = "<script>alert(1)</script><img src=x onerror=alert(1)> {{ view }} {% raw %} &amp;"
    match = Match(
        paper=make_paper(1, nasty, abstract=nasty, authors=(nasty[:50],), venue=nasty[:50]),
        reasons=(Reason(term=nasty[:60], field="title"),),
    )

    rendered = RENDERER.render(make_digest((match,), notices=(nasty,)), LINKS)

    assert not {element.tag for element in elements(rendered.html)} & {"script", "img"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in rendered.html
    assert "{{ view }} {% raw %} &amp;amp;" in rendered.html
    assert "<script>alert(1)</script>" in rendered.text


@given(st.text(max_size=200), st.text(max_size=300), st.text(max_size=40))
def test_no_text_of_a_feed_changes_the_shape_of_the_mail(
    title: str, abstract: str, term: str
) -> None:
    paper = make_paper(1, f"t{title}", abstract=f"a{abstract}", authors=("A",), venue="v")
    plain = make_paper(1, "t", abstract="a", authors=("A",), venue="v")

    wild = RENDERER.render(
        make_digest((Match(paper=paper, reasons=(Reason(term=f"r{term}", field="title"),)),)), LINKS
    )
    tame = RENDERER.render(
        make_digest((Match(paper=plain, reasons=(Reason(term="r", field="title"),)),)), LINKS
    )

    assert [e.tag for e in elements(wild.html)] == [e.tag for e in elements(tame.html)]
    assert "\n" not in wild.subject


def test_text_part_stays_within_its_columns() -> None:
    rendered = RENDERER.render(awkward_papers(), LINKS)

    too_wide = [line for line in rendered.text.split("\n") if columns(line) > 72]
    assert [line for line in too_wide if "https://" not in line] == []
    assert not re.search(r"\n\n\n", rendered.text)


def test_full_digest_of_awkward_papers_stays_below_the_limit_of_mail_programs() -> None:
    matches = tuple(
        Match(
            paper=make_paper(
                number,
                "深層学習による疎な特徴の抽出について " * 20,
                abstract="אנו מציגים שיטה חדשה לאימון רשתות דלילות. " * 30,
                authors=("山田 太郎 " * 9,) * 9,
                venue="人工知能学会論文誌",
                tags=("タグ" * 10,) * 3,
                links=tuple(
                    Link(label=f"l{n}", url=f"https://example.org/{'x' * 400}/{n}")
                    for n in range(3)
                ),
            ),
            reasons=tuple(Reason(term="語" * 70, field="title", query=f"{n}") for n in range(5)),
        )
        for number in range(100)
    )

    rendered = RENDERER.render(make_digest(matches, left_over=5), LINKS)

    assert raw_size(rendered) < 90_000
    assert "on the web only, so that this mail is not cut off." in rendered.html
    assert LINKS.unsubscribe in rendered.html
    assert LINKS.unsubscribe in rendered.text
    assert "5 more matched" in rendered.html


def test_hundred_ordinary_papers_fit_with_shorter_abstracts_first() -> None:
    matches = tuple(replace(SPARSE, paper=make_paper(n, abstract="word " * 90)) for n in range(45))

    rendered = RENDERER.render(make_digest(matches), LINKS)

    assert raw_size(rendered) < 90_000
    assert rendered.html.count("Sparse features that survive scale</a>") == 45
    assert "on the web only" not in rendered.html


def test_where_room_is_short_abstracts_go_before_papers_and_the_foot_never_does() -> None:
    matches = tuple(
        replace(
            SPARSE, paper=make_paper(n, "t" * 290, abstract="filler " * 60, authors=("A" * 60,) * 3)
        )
        for n in range(70)
    )

    rendered = RENDERER.render(make_digest(matches), LINKS)

    assert 80_000 < raw_size(rendered) < 90_000
    assert "filler" not in rendered.html
    assert 20 < rendered.html.count('class="paper"') < 70
    assert "more papers of this digest stand on the web only" in rendered.text
    assert LINKS.unsubscribe in rendered.html
    assert LINKS.unsubscribe in rendered.text


def test_missing_variable_is_named_with_its_template(tmp_path: Path) -> None:
    renderer = custom_templates(tmp_path, "digest.txt", "{{ view.lead }} {{ view.weather }}\n")

    with pytest.raises(RenderError, match=r"template digest\.txt: .*'weather'") as caught:
        renderer.render(one_paper(), LINKS)

    assert caught.value.template == "digest.txt"


def test_broken_template_is_named_with_its_line(tmp_path: Path) -> None:
    renderer = custom_templates(tmp_path, "digest.html", "<p>\n{% if %}</p>\n")

    with pytest.raises(RenderError, match=r"template digest\.html: line 2: "):
        renderer.check()


def test_template_that_fails_is_named(tmp_path: Path) -> None:
    renderer = custom_templates(tmp_path, "digest.txt", "{{ view.lead|wrap|nosuch }}\n")

    with pytest.raises(RenderError, match=r"digest\.txt: line 1: No filter named 'nosuch'"):
        renderer.render(one_paper(), LINKS)


def test_included_template_that_is_gone_is_named(tmp_path: Path) -> None:
    renderer = custom_templates(tmp_path, "paper.txt", "{% include 'gone.txt' %}\n")

    with pytest.raises(RenderError, match=r"gone\.txt: is missing"):
        renderer.render(one_paper(), LINKS)


def test_runtime_failure_of_a_template_is_named(tmp_path: Path) -> None:
    renderer = custom_templates(tmp_path, "digest.txt", "{{ 'abc'|map('nosuch')|list }}\n")

    with pytest.raises(RenderError, match=r"digest\.txt: No filter named 'nosuch'"):
        renderer.render(one_paper(), LINKS)


def test_missing_template_is_named() -> None:
    with pytest.raises(RenderError, match=r"digest2\.subject\.txt: is missing"):
        RENDERER.render_letter("digest2", object())


def test_missing_style_sheet_is_named(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"mail\.css: cannot be read"):
        DigestRenderer(tmp_path, service_name="x")


def test_bundled_templates_all_load() -> None:
    RENDERER.check()


def test_confirm_letter_has_its_link_as_button_and_as_text() -> None:
    url = "https://papers.example.org/confirm/" + "a" * 43

    rendered = RENDERER.render_letter(
        "confirm",
        confirm_view(
            service_name="Daily papers",
            day=date(2026, 2, 3),
            interests=(
                make_interest("<b>sparse</b>", 1),
                make_interest("s", 2, InterestKind.MUTED),
            ),
            schedule=SCHEDULE,
            confirm_url=url,
        ),
    )

    assert rendered.subject == "Confirm your subscription to Daily papers"
    assert links_of(rendered.html) == {url}
    assert f"    {url}\n" in rendered.text
    assert "  - keywords «<b>sparse</b>»" in rendered.text
    assert "&lt;b&gt;sparse&lt;/b&gt;" in rendered.html


def test_confirm_letter_without_interests_leaves_the_list_out() -> None:
    rendered = RENDERER.render_letter(
        "confirm",
        confirm_view(
            service_name="Daily papers",
            day=date(2026, 2, 3),
            interests=(),
            schedule=SCHEDULE,
            confirm_url="https://papers.example.org/confirm/a",
        ),
    )

    assert "What you asked for" not in rendered.html
    assert "What you asked for" not in rendered.text


def test_links_to_actions_go_before_any_abstract_is_cut() -> None:
    matches = tuple(
        Match(
            paper=replace(match.paper, id=PaperId(n), authors=(f"Author {n}",)),
            reasons=match.reasons,
        )
        for n, match in enumerate(twenty_papers().matches * 2)
    )
    links = replace(LINKS, act="https://papers.example.org/act/")

    tokens = [b"x" * 73] * CHOICES * len(matches)

    roomy = RENDERER.encode(make_digest(matches[:3]), links, tokens).decoded()
    tight = RENDERER.encode(make_digest(matches), links, tokens)

    assert roomy.html.count("Less of this") == 3
    assert "Less of this" not in tight.decoded().html
    assert tight.decoded().html.count('class="paper"') == 40
    assert "on hardware that" not in tight.decoded().html
    assert tight.decoded().html.count("before training is repeated") == 14
    assert tight.size < 86_000


@pytest.mark.parametrize(
    ("name", "source", "line"),
    [
        ("why.txt", "{{ paper.text_why|upper }}\n", "why.txt"),
        ("digest.subject.txt", "{{ view.subject|length }}", "'49'"),
        ("digest.html", "<p>{{ view.lead|replace('T', 'X') }}</p>", "Xwo papers"),
        (
            "why.html",
            "<p>{% for one in paper.why %}{{ one.text|title }}{% endfor %}</p>",
            "Attention In The Title",
        ),
    ],
)
def test_a_template_that_computes_with_a_personal_value_is_refused(
    tmp_path: Path, name: str, source: str, line: str
) -> None:
    renderer = custom_templates(tmp_path, name, source)

    with pytest.raises(RenderError, match="differs from reader to reader") as caught:
        renderer.check_digests(LINKS)

    assert line in str(caught.value)


def test_a_template_may_print_personal_values_wherever_it_likes(tmp_path: Path) -> None:
    renderer = custom_templates(
        tmp_path,
        "paper.html",
        '<div class="paper">{% include "less.html" %}{{ paper.number }}. {{ paper.title }} '
        '{% include "why.html" %}<a href="{{ paper.url }}">read</a></div>',
    )

    renderer.check_digests(replace(LINKS, act="https://papers.example.org/act/"))

    seen = renderer.render(three_papers(), LINKS).html
    assert re.findall(r"(\d)\. (?:Sparse|What|A second)", seen) == ["1", "2", "3"]


def test_a_frame_that_prints_what_only_a_paper_knows_is_refused_by_name(tmp_path: Path) -> None:
    renderer = custom_templates(
        tmp_path, "digest.txt", "{% for paper in view.papers %}{{ paper.title }}{% endfor %}"
    )

    with pytest.raises(RenderError, match=r"digest\.txt: .*PlaceView.*'title'"):
        renderer.check_digests(LINKS)


def test_bundled_templates_can_be_put_together_of_pieces() -> None:
    RENDERER.check_digests(replace(LINKS, act="https://papers.example.org/act/"))
