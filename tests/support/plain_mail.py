"""A digest as an ordinary program makes it: Jinja2, css-inline over the whole, EmailMessage.

It shares templates and views with the mails we send, and nothing of how they are put
together: the tests hold the two against each other, and the benchmark measures both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import parseaddr
from pathlib import Path

import css_inline
import jinja2
from markupsafe import Markup

from digest.digests.card import SNIPPET
from digest.digests.columns import wrap
from digest.digests.message import MailHeaders
from digest.digests.plain import header_text
from digest.digests.style import parse_style_sheet
from digest.digests.view import DigestView, digest_view
from digest.model import Digest, DigestLinks, Link, Rendered


class PlainMail:
    """Renders every mail whole."""

    def __init__(self, templates: Path, *, service_name: str) -> None:
        folder = templates / "mail"
        sheet = parse_style_sheet((folder / "mail.css").read_text(encoding="utf-8"))
        self._service_name = service_name
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            autoescape=jinja2.select_autoescape(("html",), default_for_string=False),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters["wrap"] = wrap
        self._environment.globals["head_css"] = Markup(sheet.head_css)
        self._inliner = css_inline.CSSInliner(
            inline_style_tags=False,
            keep_style_tags=True,
            load_remote_stylesheets=False,
            minify_css=True,
            extra_css=sheet.inline_css,
        )

    def render(
        self,
        digest: Digest,
        links: DigestLinks,
        *,
        less: Sequence[tuple[Link, ...]] = (),
        snippet: int = SNIPPET,
        shown: int | None = None,
    ) -> Rendered:
        view = digest_view(
            digest,
            links,
            service_name=self._service_name,
            less=less,
            snippet=snippet,
            shown=shown,
        )
        return Rendered(
            subject=header_text(self._render("digest.subject.txt", view)),
            text=self._render("digest.txt", view),
            html=self._inliner.inline(self._render("digest.html", view)),
        )

    def _render(self, name: str, view: DigestView) -> str:
        return self._environment.get_template(name).render(view=view)


def plain_message(
    rendered: Rendered, headers: MailHeaders, *, policy: EmailPolicy[EmailMessage] = SMTP
) -> EmailMessage:
    """Build the mail with the standard library."""
    mail = EmailMessage(policy=policy)
    name, address = parseaddr(headers.sender)
    mail["From"] = Address(display_name=name, addr_spec=address)
    mail["To"] = headers.recipient
    mail["Subject"] = rendered.subject
    mail["Date"] = headers.date_at.astimezone(UTC)
    mail["Message-ID"] = headers.message_id
    if headers.reply_to:
        mail["Reply-To"] = headers.reply_to
    mail["List-Id"] = f"<{headers.list_id}>"
    mail["List-Unsubscribe"] = f"<{headers.unsubscribe_url}>, <{headers.unsubscribe_mailto}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["List-Help"] = f"<{headers.help_url}>"
    mail["List-Archive"] = f"<{headers.archive_url}>"
    mail["Feedback-ID"] = headers.feedback_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["Precedence"] = "bulk"
    mail.set_content(rendered.text)
    mail.add_alternative(rendered.html, subtype="html")
    return mail
