"""A paper's page: everything that is known of it, and its citation to take away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from fastapi import APIRouter
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from digest.digests.card import paper_view
from digest.digests.plain import one_line, safe_url, shorten
from digest.digests.wording import MONTH_NAMES
from digest.model import Alias, Link, Paper
from digest.papers.identity import parse_alias, url_of
from digest.store.editions import listings_of
from digest.store.papers import get_paper, paper_aliases, paper_revisions
from digest.web.cards import MAX_ABSTRACT, Anchor, tag_anchors
from digest.web.citing import bibtex, file_name, ris
from digest.web.deps import WebDeps
from digest.web.pages import Site
from digest.web.plot import TrendView, trend_view

_MAX_AUTHORS = 200
_MAX_ALIASES = 12
_READS = ["GET", "HEAD"]
_PUBLIC = "public, max-age=60"
_SCHEMES = {"arxiv": "arXiv", "doi": "DOI", "pmid": "PubMed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """A line of a small table: what, then its value, as a link where there is one."""

    what: str
    value: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPageView:
    """One paper, whole."""

    title: str
    authors: tuple[str, ...]
    authors_more: str
    venue: str
    source_url: str
    upvotes: str
    counts: tuple[str, ...]
    published: str
    paragraphs: tuple[str, ...]
    tags: tuple[Anchor, ...]
    links: tuple[Link, ...]
    aliases: tuple[RowView, ...]
    listed: tuple[RowView, ...]
    versions: tuple[RowView, ...]
    trend: TrendView | None
    bibtex: str
    bibtex_url: str
    ris_url: str


def paper_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/papers/{alias}` and its citations under `/cite/`."""
    routes = APIRouter()

    @routes.api_route("/papers/{alias:path}", methods=_READS)
    def show(alias: str) -> Response:
        with deps.store.read() as tx:
            paper = find_alias(tx, alias)
            if paper is None:
                return site.error(404)
            if alias != paper.alias:
                # Our own address of our own paper: nothing of the request is in it.
                return RedirectResponse(site.paths.paper(paper.alias), status_code=302)
            view = _page_view(tx, paper, site)
        return site.page("paper", view, cache_control=_PUBLIC)

    def cite(
        alias: str, write: Callable[[Paper, tuple[Alias, ...]], str], *, kind: str, ending: str
    ) -> Response:
        with deps.store.read() as tx:
            paper = find_alias(tx, alias)
            aliases = paper_aliases(tx, paper.id) if paper else ()
        if paper is None:
            return site.error(404)
        name = f"{file_name(paper)}.{ending}"
        return Response(
            write(paper, aliases),
            media_type=f"{kind}; charset=utf-8",
            headers={
                "content-disposition": f'attachment; filename="{name}"',
                "cache-control": _PUBLIC,
            },
        )

    @routes.api_route("/cite/bibtex/{alias:path}", methods=_READS)
    def as_bibtex(alias: str) -> Response:
        return cite(alias, bibtex, kind="application/x-bibtex", ending="bib")

    @routes.api_route("/cite/ris/{alias:path}", methods=_READS)
    def as_ris(alias: str) -> Response:
        return cite(alias, ris, kind="application/x-research-info-systems", ending="ris")

    return routes


def find_alias(tx: Session, text: str) -> Paper | None:
    """Return the paper that any identifier names, as a person may write it."""
    if len(text) > 2_000:
        return None
    paper = get_paper(tx, Alias(text))
    if paper is None:
        alias = parse_alias(text)
        paper = get_paper(tx, alias) if alias is not None else None
    return paper


def say_day(day: date | datetime) -> str:
    """Write a date as "3 Feb 2026"."""
    return f"{day.day} {MONTH_NAMES[day.month - 1][:3]} {day.year}"


def _page_view(tx: Session, paper: Paper, site: Site) -> PaperPageView:
    aliases = paper_aliases(tx, paper.id)
    listings = listings_of(tx, paper.id)
    short = paper_view(paper)
    names = [shorten(name, 100) for name in map(one_line, paper.authors) if name]
    first_listed: dict[str, date] = {}
    for feed, listing in listings:
        first_listed.setdefault(feed, listing.day)
    paths = site.paths
    path = paths.paper(paper.alias).removeprefix(f"{paths.base}/papers/")
    abstract = shorten(paper.abstract.strip(), MAX_ABSTRACT)
    return PaperPageView(
        title=short.title,
        authors=tuple(names[:_MAX_AUTHORS]),
        authors_more=f"{len(names) - _MAX_AUTHORS:,} more" if len(names) > _MAX_AUTHORS else "",
        venue=short.venue,
        source_url=short.url,
        upvotes=short.upvotes,
        counts=_counts(paper),
        published=say_day(paper.published_on) if paper.published_on else "",
        paragraphs=tuple(filter(None, map(one_line, abstract.split("\n\n")))),
        tags=tag_anchors(paper.tags, paths, limit=40),
        links=tuple(
            Link(label=one_line(link.label), url=url)
            for link in paper.links
            if (url := safe_url(link.url)) and one_line(link.label)
        ),
        aliases=tuple(filter(None, (_alias_row(one) for one in aliases)))[:_MAX_ALIASES],
        listed=tuple(
            RowView(what=one_line(feed), value=say_day(day)) for feed, day in first_listed.items()
        ),
        versions=tuple(
            RowView(what=f"Version {one.version}", value=_changed(seen_at, one.changed))
            for seen_at, one in paper_revisions(tx, paper.id)
        ),
        trend=trend_view(listing for _feed, listing in listings),
        bibtex=bibtex(paper, aliases),
        bibtex_url=f"{paths.base}/cite/bibtex/{path}",
        ris_url=f"{paths.base}/cite/ris/{path}",
    )


def _counts(paper: Paper) -> tuple[str, ...]:
    said = (
        (paper.upvotes, "upvote", "upvotes"),
        (paper.comments, "comment", "comments"),
        (paper.stars, "star on GitHub", "stars on GitHub"),
    )
    return tuple(f"{count:,} {one if count == 1 else many}" for count, one, many in said if count)


def _alias_row(alias: Alias) -> RowView | None:
    scheme, _, value = alias.partition(":")
    if scheme not in _SCHEMES:
        return None
    return RowView(what=_SCHEMES[scheme], value=one_line(value), url=safe_url(url_of(alias)) or "")


def _changed(seen_at: datetime, changed: tuple[str, ...]) -> str:
    day = f"seen {say_day(seen_at)}"
    if not changed:
        return f"{day}; title, authors and abstract stayed the same"
    words = list(map(one_line, changed))
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"{day}; the {listed} changed"
