"""Render mails from their template triples: subject, text, HTML.

The templates get one finished `view` and nothing else. A missing variable is an error
that names it, never an empty hole in a mail.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from digest.digests.columns import wrap
from digest.digests.message import wire_size
from digest.digests.plain import header_text
from digest.digests.style import StyleSheet, inline_template, parse_style_sheet
from digest.digests.view import SNIPPET, DigestView, digest_view
from digest.errors import RenderError
from digest.model import Digest, DigestLinks, Rendered

MAX_WIRE_BYTES = 90_000
_HEADER_ROOM = 4_000
_SNIPPETS = (SNIPPET, 160, 100, 60, 0)
_STYLE_SHEET = "mail.css"


class DigestRenderer:
    """Renders digests and letters; make one and keep it, templates are compiled once.

    Args:
        templates: Folder that holds `mail/`.
        service_name: The mail's heading.

    Raises:
        RenderError: If the style sheet is missing or uses an unnamed colour.
    """

    def __init__(self, templates: Path, *, service_name: str) -> None:
        self._service_name = service_name
        folder = templates / "mail"
        try:
            css = (folder / _STYLE_SHEET).read_text(encoding="utf-8")
        except OSError as exc:
            raise RenderError(_STYLE_SHEET, f"cannot be read: {exc.strerror}") from exc
        self.sheet = parse_style_sheet(css, name=_STYLE_SHEET)
        self._environment = jinja2.Environment(
            loader=_InliningLoader(folder, self.sheet),
            autoescape=jinja2.select_autoescape(("html",), default_for_string=False),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._environment.filters["wrap"] = wrap
        self._environment.globals["head_css"] = Markup(self.sheet.head_css)  # noqa: S704 - ours

    def render(self, digest: Digest, links: DigestLinks) -> Rendered:
        """Render a digest so that its message stays below 90 KB.

        Raises:
            RenderError: Naming the template, and the missing variable where there is one.
        """

        def view(snippet: int, shown: int | None) -> DigestView:
            return digest_view(
                digest, links, service_name=self._service_name, snippet=snippet, shown=shown
            )

        return fit_digest(
            lambda snippet, shown: self._render_triple("digest", view(snippet, shown)),
            papers=len(digest.matches),
        )

    def render_letter(self, name: str, view: object) -> Rendered:
        """Render the triple `name` ("confirm") with its finished view.

        Raises:
            RenderError: Naming the template, and the missing variable where there is one.
        """
        return self._render_triple(name, view)

    def _render_triple(self, name: str, view: object) -> Rendered:
        return Rendered(
            subject=header_text(self._render(f"{name}.subject.txt", view)),
            text=self._render(f"{name}.txt", view),
            html=self._render(f"{name}.html", view),
        )

    def check(self) -> None:
        """Load every template, so that a broken one is found at start.

        Raises:
            RenderError: Naming the first that cannot be loaded.
        """
        for name in self._environment.list_templates():
            if name.endswith((".txt", ".html")):
                self._load(name)

    def _load(self, name: str) -> jinja2.Template:
        try:
            return self._environment.get_template(name)
        except jinja2.TemplateSyntaxError as exc:
            raise RenderError(
                exc.name or name, f"line {exc.lineno}: {exc.message or 'cannot be read'}"
            ) from exc
        except jinja2.TemplateNotFound as exc:
            raise RenderError(str(exc.name or name), "is missing from templates/mail") from exc

    def _render(self, name: str, view: object) -> str:
        template = self._load(name)
        try:
            return template.render(view=view)
        except jinja2.UndefinedError as exc:
            raise RenderError(name, exc.message or "a variable is missing") from exc
        except jinja2.TemplateNotFound as exc:
            raise RenderError(str(exc.name or name), "is missing from templates/mail") from exc
        except jinja2.TemplateError as exc:
            raise RenderError(name, exc.message or "cannot be rendered") from exc


def fit_digest(
    render: Callable[[int, int | None], Rendered],
    *,
    papers: int,
    max_bytes: int = MAX_WIRE_BYTES,
) -> Rendered:
    """Render until the mail fits: shorter abstracts first, then fewer papers.

    Args:
        render: Called with the characters of an abstract, and the number of papers to
            print (None for all).
        papers: How many papers the digest holds.
        max_bytes: Of the whole message.
    """
    room = max_bytes - _HEADER_ROOM
    for snippet in _SNIPPETS:
        rendered = render(snippet, None)
        if wire_size(rendered) <= room:
            return rendered
    low, high = 0, papers
    while low < high - 1:
        middle = (low + high) // 2
        if wire_size(render(0, middle)) <= room:
            low = middle
        else:
            high = middle
    return render(0, low)


class _InliningLoader(jinja2.FileSystemLoader):
    """Loads templates, and writes the style sheet into those that are HTML."""

    def __init__(self, folder: Path, sheet: StyleSheet) -> None:
        super().__init__(folder)
        self._sheet = sheet

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Any]:
        source, filename, uptodate = super().get_source(environment, template)
        if template.endswith(".html"):
            source = inline_template(source, self._sheet, name=template)
        return source, filename, uptodate
