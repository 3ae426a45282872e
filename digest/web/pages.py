"""Pages: finished views, and the templates that print them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse

from digest.digests.view import DigestView
from digest.errors import RenderError
from digest.matching.text import UNPRINTABLE
from digest.web.cards import Anchor, Paths


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """One button: where it posts, and what it says."""

    action: str
    label: str
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A page that says one thing, and may offer one button.

    `contact` is the operator's address, printed after the last paragraph, or empty.
    """

    title: str
    paragraphs: tuple[str, ...]
    form: FormView | None = None
    contact_before: str = ""
    contact: str = ""
    onward: Anchor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginView:
    """The form that asks for a login link, with what was typed and what is wrong with it."""

    email: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestView:
    """A paper that found no room in a digest, on one line."""

    title: str
    url: str
    meta: str
    upvotes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPageView:
    """A past digest: its papers as they read now, and those that found no room."""

    digest: DigestView
    rest: tuple[RestView, ...]
    rest_title: str
    rest_note: str


def _shown(value: object) -> object:
    """Take out what could hide or reorder text: whatever a page prints passes here."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return UNPRINTABLE.sub("", value)
    return value


class Site:
    """Renders pages; the templates are compiled once.

    Args:
        templates: Folder that holds `site/`.
        service_name: Stands at the top of each page.
        base_url: Of the site; its path goes before our own links.
    """

    def __init__(self, templates: Path, *, service_name: str, base_url: str) -> None:
        self.folder = templates / "site"
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self.folder),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_shown,
        )
        self.base_path = urlsplit(base_url).path.rstrip("/")
        self.paths = Paths(self.base_path)
        self._environment.globals["base"] = self.base_path
        self._environment.globals["service_name"] = service_name

    def page(
        self, name: str, view: object, *, status: int = 200, cache_control: str = "no-store"
    ) -> HTMLResponse:
        """Render the page `name` with its view.

        Pages that are not stored are personal, and not for search engines either.

        Raises:
            RenderError: Naming the template, and the missing variable where there is one.
        """
        try:
            html = self._environment.get_template(f"{name}.html").render(view=view)
        except jinja2.TemplateNotFound as exc:
            raise RenderError(f"site/{exc.name}", "is missing") from exc
        except jinja2.TemplateError as exc:
            raise RenderError(f"site/{name}.html", str(exc)) from exc
        headers = {"cache-control": cache_control}
        if cache_control == "no-store":
            headers["x-robots-tag"] = "noindex"
        return HTMLResponse(html, status_code=status, headers=headers)

    def message(self, view: MessageView, *, status: int = 200) -> HTMLResponse:
        """Render a page that says one thing."""
        return self.page("message", view, status=status)

    def error(self, status: int) -> HTMLResponse:
        """Render the page of an error."""
        title, text = _ERRORS.get(status, _ERRORS[500])
        return self.message(MessageView(title=title, paragraphs=(text,)), status=status)


_ERRORS = {
    400: (
        "This request cannot be answered",
        "It was sent to a name that this site does not know, or it is not complete.",
    ),
    404: (
        "There is no such page",
        "The link may be incomplete. If it stood in a mail, open it from there again.",
    ),
    403: (
        "This request came from elsewhere",
        "Forms of this site work only on this site. Open the page again and repeat it there.",
    ),
    405: ("That does not work here", "This page cannot be used in that way."),
    410: ("This page is gone", "It was kept for a while, and is no longer shown."),
    429: (
        "Too many requests",
        "Your network asked for this too often. Please wait an hour and try again.",
    ),
    413: ("That is too large", "This site takes no large requests."),
    500: (
        "Something failed on our side",
        "It has been noted. Nothing was half done; please try again later.",
    ),
    503: (
        "The site cannot reach its database",
        "It has been noted. Please try again in a few minutes.",
    ),
}
