"""The mail's templates: Jinja files, their styles written in when they are loaded.

Each can be rendered whole, or open: with holes in the place of the templates it
includes and of values that differ from reader to reader (`docs/mail.md`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from digest.digests.columns import wrap
from digest.digests.holes import AnyHole, hole, take_apart, wrap_with_holes
from digest.digests.style import StyleSheet, inline_template, parse_style_sheet
from digest.errors import RenderError

CARD = "card "
"""A paper's place in the frame, followed by its number from 0."""
WHY, LESS = "why", "less"

_STYLE_SHEET = "mail.css"
_OPENING = "open:"
_PIECES = {
    "paper.html": hole(CARD + "{{ paper.place }}"),
    "paper.txt": hole(CARD + "{{ paper.place }}"),
    "why.html": hole(WHY),
    "why.txt": hole(WHY),
    "less.html": hole(LESS),
}


class MailTemplates:
    """The templates of a folder; make one and keep it, each is compiled once.

    Args:
        folder: Holds `mail.css` and the templates.

    Raises:
        RenderError: If the style sheet is missing or uses an unnamed colour.
    """

    def __init__(self, folder: Path) -> None:
        try:
            css = (folder / _STYLE_SHEET).read_text(encoding="utf-8")
        except OSError as exc:
            raise RenderError(_STYLE_SHEET, f"cannot be read: {exc.strerror}") from exc
        self.sheet = parse_style_sheet(css, name=_STYLE_SHEET)
        loader = _InliningLoader(folder, self.sheet)
        self._whole = _environment(jinja2.Environment, loader, self.sheet)
        self._whole.filters["wrap"] = wrap
        self._open = _environment(_OpenEnvironment, loader, self.sheet)
        self._open.filters["wrap"] = wrap_with_holes

    def whole(self, name: str, **values: object) -> str:
        """Render a template with all it includes.

        Raises:
            RenderError: Naming the template, and the missing variable where there is one.
        """
        return _render(self._whole, name, values)

    def opened(self, name: str, **values: object) -> tuple[str | AnyHole, ...]:
        """Render a template with holes, and take it apart at them.

        Raises:
            RenderError: Naming the template, and the missing variable where there is one.
        """
        try:
            return tuple(take_apart(_render(self._open, name, values)))
        except ValueError as exc:
            raise RenderError(name, str(exc)) from exc

    def check(self) -> None:
        """Load every template, so that a broken one is found at start.

        Raises:
            RenderError: Naming the first that cannot be loaded.
        """
        for name in self._whole.list_templates():
            if name.endswith((".txt", ".html")):
                _load(self._whole, name)


class _OpenEnvironment(jinja2.Environment):
    """Leaves a hole where a template includes one that is rendered apart."""

    def join_path(self, template: str, parent: str) -> str:
        return f"{_OPENING}{template}" if template in _PIECES else template


class _InliningLoader(jinja2.FileSystemLoader):
    """Loads templates, and writes the style sheet into those that are HTML."""

    def __init__(self, folder: Path, sheet: StyleSheet) -> None:
        super().__init__(folder)
        self._sheet = sheet

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Any]:
        source, filename, uptodate = super().get_source(
            environment, template.removeprefix(_OPENING)
        )
        if template.startswith(_OPENING):
            return _PIECES[template.removeprefix(_OPENING)], filename, uptodate
        if template.endswith(".html"):
            source = inline_template(source, self._sheet, name=template)
        return source, filename, uptodate


def _environment(
    kind: type[jinja2.Environment], loader: jinja2.BaseLoader, sheet: StyleSheet
) -> jinja2.Environment:
    environment = kind(
        loader=loader,
        autoescape=jinja2.select_autoescape(("html",), default_for_string=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals["head_css"] = Markup(sheet.head_css)  # noqa: S704 - ours
    return environment


def _load(environment: jinja2.Environment, name: str) -> jinja2.Template:
    try:
        return environment.get_template(name)
    except jinja2.TemplateSyntaxError as exc:
        raise RenderError(
            exc.name or name, f"line {exc.lineno}: {exc.message or 'cannot be read'}"
        ) from exc
    except jinja2.TemplateNotFound as exc:
        raise RenderError(str(exc.name or name), "is missing from templates/mail") from exc


def _render(environment: jinja2.Environment, name: str, values: dict[str, object]) -> str:
    template = _load(environment, name)
    try:
        return template.render(values)
    except jinja2.UndefinedError as exc:
        raise RenderError(name, exc.message or "a variable is missing") from exc
    except jinja2.TemplateNotFound as exc:
        raise RenderError(str(exc.name or name), "is missing from templates/mail") from exc
    except jinja2.TemplateError as exc:
        raise RenderError(name, exc.message or "cannot be rendered") from exc
