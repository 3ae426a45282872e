"""The library: search and filters, tags with counts, and the timeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlmodel import Session
from starlette.responses import Response

from digest.digests.plain import one_line, shorten
from digest.errors import QueryError, UsageError
from digest.matching.hints import Hint, first_hint
from digest.matching.query import Query as Expression
from digest.matching.query import caret, parse_query
from digest.store.feeds import list_feeds
from digest.store.library import Order, Shelf, month_of, tag_name
from digest.web.cards import (
    Anchor,
    CardView,
    Paths,
    card,
    count_words,
    papers_of,
    plain_names,
    tally_anchors,
)
from digest.web.deps import WebDeps
from digest.web.facts import FactKeeper, TopicTally
from digest.web.finding import MAX_NUMBER, Found, read_place, write_place
from digest.web.pages import Site
from digest.web.timeline import YearView, month_title, year_views

_PAGE = 30
_SUGGESTED_TAGS = 60
_READS = ["GET", "HEAD"]
_PUBLIC = "public, max-age=60"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked of the library, as it stands in the address."""

    q: str = ""
    tag: str = ""
    feed: str = ""
    month: str = ""
    upvotes: str = ""
    sort: str = "newest"
    view: str = "cards"
    after: str = ""

    def query_string(self, **changed: str) -> str:
        """Write the address's parameters, with some changed; defaults are left out."""
        blank = Wish()
        wish = replace(self, **changed)
        given = {
            name: value
            for name in ("q", "tag", "feed", "month", "upvotes", "sort", "view", "after")
            if (value := getattr(wish, name)) != getattr(blank, name)
        }
        return f"?{urlencode(given)}" if given else ""


class Asked(BaseModel):
    """The parameters of a search, before they are understood."""

    q: str = Field("", max_length=8_000)
    tag: str = Field("", max_length=400)
    feed: str = Field("", max_length=100)
    month: str = Field("", max_length=10)
    upvotes: str = Field("", max_length=10)
    sort: str = Field("newest", max_length=20)
    view: str = Field("cards", max_length=20)
    after: str = Field("", max_length=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """A query that cannot be understood, with the place under a caret."""

    cause: str
    drawing: str
    suggestion: str
    suggestion_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryView:
    """A page of the library."""

    title: str
    lead: str
    note: str
    wish: Wish
    problem: ProblemView | None
    hint: str
    cards: tuple[CardView, ...]
    chosen: tuple[Anchor, ...]
    looks: tuple[Anchor, ...]
    feeds: tuple[str, ...]
    tags: tuple[str, ...]
    months: tuple[Anchor, ...]
    more: Anchor | None
    feed_url: str
    subscribe_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicGroup:
    """Topics of one group, each with what it is about."""

    name: str
    topics: tuple[tuple[Anchor, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsView:
    """All topics by group, and all tags, with their counts."""

    lead: str
    groups: tuple[TopicGroup, ...]
    tags: tuple[Anchor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineView:
    """Years and months with their counts."""

    lead: str
    years: tuple[YearView, ...]


def library_routes(deps: WebDeps, site: Site, facts: FactKeeper) -> APIRouter:
    """Make `/papers`, `/tags`, `/tags/{tag}` and `/timeline`."""
    routes = APIRouter()
    library = _Library(deps, site, facts)

    @routes.api_route("/papers", methods=_READS)
    def papers(asked: Annotated[Asked, Query()]) -> Response:
        return library.show(Wish(**{**asked.model_dump(), "q": asked.q.strip()}))

    @routes.api_route("/tags", methods=_READS)
    def tags() -> Response:
        with deps.store.read() as tx:
            known = facts.read(tx)
        view = TagsView(
            lead=f"What {papers_of(known.papers)} are about."
            if known.labels
            else "No paper carries a tag yet.",
            groups=_topic_groups(known.topics, site.paths),
            tags=tally_anchors(known.tags, site.paths),
        )
        return site.page("tags", view, cache_control=_PUBLIC)

    @routes.api_route("/tags/{tag:path}", methods=_READS)
    def one_tag(tag: str, request: Request) -> Response:
        with deps.store.read() as tx:
            name = tag_name(tx, tag)
        if name is None:
            return site.error(404)
        params = request.query_params
        wish = Wish(
            tag=name,
            sort=params.get("sort", "newest"),
            view=params.get("view", "cards"),
            after=params.get("after", "")[:60],
        )
        return library.show(wish)

    @routes.api_route("/timeline", methods=_READS)
    def timeline() -> Response:
        with deps.store.read() as tx:
            known = facts.read(tx)
        view = TimelineView(
            lead=f"{papers_of(known.papers)}, by the month they were published in.",
            years=year_views(known.months, site.paths),
        )
        return site.page("timeline", view, cache_control=_PUBLIC)

    return routes


class _Library:
    def __init__(self, deps: WebDeps, site: Site, facts: FactKeeper) -> None:
        self._deps = deps
        self._site = site
        self._facts = facts

    def show(self, wish: Wish) -> Response:
        shelf = read_shelf(wish)
        order = Order.UPVOTES if wish.sort == "upvotes" else Order.NEWEST
        if shelf is None:
            return self._site.error(404)
        try:
            after = read_place(wish.after, order) if wish.after else None
        except UsageError:
            return self._site.error(404)
        query, problem = self._understand(wish)
        with self._deps.store.read() as tx:
            view = self._frame(tx, wish, query)
            if problem is not None:
                view = replace(view, problem=problem, lead="This search cannot be understood.")
                return self._site.page("library", view, status=400, cache_control=_PUBLIC)
            found = self._deps.find(tx, query, shelf, order=order, after=after, limit=_PAGE)
        paths = self._site.paths
        view = replace(
            view,
            lead=_lead(count_words(found.count), wish),
            note=_note(found),
            cards=tuple(card(one.paper, paths, one.reasons) for one in found.matches),
            more=Anchor(
                text="Next page",
                url=paths.to("/papers") + wish.query_string(after=write_place(found.after)),
            )
            if found.after
            else None,
        )
        return self._site.page("library", view, cache_control=_PUBLIC)

    def _understand(self, wish: Wish) -> tuple[Expression | None, ProblemView | None]:
        if not wish.q:
            return None, None
        try:
            return parse_query(wish.q), None
        except QueryError as exc:
            suggestion = exc.suggestion or ""
            return None, ProblemView(
                cause=exc.cause,
                drawing=caret(exc),
                suggestion=suggestion,
                suggestion_url=self._site.paths.to("/papers")
                + wish.query_string(q=suggestion, after=""),
            )

    def _frame(self, tx: Session, wish: Wish, query: Expression | None) -> LibraryView:
        known = self._facts.read(tx)
        paths = self._site.paths
        here = paths.to("/papers")
        hint = first_hint(query) if query is not None else None
        return LibraryView(
            title=f"Tagged “{wish.tag}”" if wish.tag and not wish.q else "Library",
            lead="",
            note="",
            wish=wish,
            problem=None,
            hint=_told(hint) if hint else "",
            cards=(),
            chosen=tuple(
                Anchor(text=text, url=here + wish.query_string(after="", **{name: ""}))
                for name, text in _chosen(wish)
            ),
            looks=tuple(
                Anchor(
                    text=text,
                    url=here + wish.query_string(view=name),
                    current=(wish.view == "list") == (name == "list"),
                )
                for name, text in (("cards", "cards"), ("list", "list"))
            ),
            feeds=plain_names(feed.name for feed in list_feeds(tx)),
            tags=plain_names(one.name for one in known.labels[:_SUGGESTED_TAGS]),
            months=tuple(
                Anchor(text=month_title(one.name), url=one.name, count=f"{one.papers:,}")
                for one in known.months
            ),
            more=None,
            feed_url=paths.to("/feed.atom", tag=wish.tag, q=wish.q),
            subscribe_url=paths.to("/subscribe", keyword=wish.q) if wish.q else "",
        )


def _topic_groups(topics: Iterable[TopicTally], paths: Paths) -> tuple[TopicGroup, ...]:
    """Print the topics that papers are about; those of no group stand last."""
    groups: dict[str, list[tuple[Anchor, str]]] = defaultdict(list)
    for one in topics:
        if one.papers:
            anchor = Anchor(
                text=one.topic.name, url=paths.tag(one.topic.name), count=f"{one.papers:,}"
            )
            groups[one.topic.group].append((anchor, one.topic.description))
    order = sorted(groups, key=lambda name: not name)
    return tuple(TopicGroup(name=name or "Other", topics=tuple(groups[name])) for name in order)


def read_shelf(wish: Wish) -> Shelf | None:
    """Read the filters, None where one of them is not what it should be."""
    shelf = Shelf(tag=wish.tag, feed=wish.feed)
    if wish.month:
        span = month_of(wish.month)
        if span is None:
            return None
        shelf = replace(shelf, since=span.since, until=span.until)
    if wish.upvotes:
        if not (wish.upvotes.isascii() and wish.upvotes.isdigit()):
            return None
        shelf = replace(shelf, min_upvotes=min(int(wish.upvotes), MAX_NUMBER))
    return shelf


def _chosen(wish: Wish) -> tuple[tuple[str, str], ...]:
    said = (
        ("q", f"“{shorten(one_line(wish.q), 60)}”" if wish.q else ""),
        ("tag", f"tag {wish.tag}" if wish.tag else ""),
        ("feed", f"feed {wish.feed}" if wish.feed else ""),
        ("month", month_title(wish.month) if wish.month else ""),
        ("upvotes", f"{wish.upvotes} upvotes or more" if wish.upvotes else ""),
    )
    return tuple((name, text) for name, text in said if text)


def _note(found: Found) -> str:
    if found.looked_through:
        return f"Only the newest {found.looked_through:,} papers were looked through."
    if found.is_partial:
        return "Some papers are still being read for searching: they are missing here for a while."
    return ""


def _lead(count: str, wish: Wish) -> str:
    if count == "0 papers":
        return "No papers found."
    said = count[:1].upper() + count[1:]
    return f"{said} found." if _chosen(wish) else f"{said} in the library."


def _told(hint: Hint) -> str:
    meant = f" You may mean: {hint.suggestion}" if hint.suggestion else ""
    return f"{hint.cause}.{meant}"
