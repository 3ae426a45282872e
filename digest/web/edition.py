"""The daily page: the papers of a day, and the calendar of all days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import APIRouter, Query
from sqlmodel import Session
from starlette.responses import Response

from digest.digests.wording import MONTH_NAMES, WEEKDAY_NAMES, short_day
from digest.feeds.health import thin_day_notices
from digest.store.editions import (
    DayListings,
    EditionOrder,
    day_after,
    day_before,
    day_listings,
    day_tags,
    newest_day,
)
from digest.store.feed_days import all_feed_days
from digest.store.feeds import list_feeds
from digest.store.library import day_tallies, first_and_last_day
from digest.web.cards import Anchor, CardView, card, papers_of, tally_anchors
from digest.web.deps import WebDeps
from digest.web.facts import FactKeeper
from digest.web.pages import Site
from digest.web.timeline import recent_months

_PAGE = 25
_TOPICS = 14
_READS = ["GET", "HEAD"]
PUBLIC = "public, max-age=60"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionView:
    """A day's papers."""

    title: str
    year: str
    lead: str
    notices: tuple[str, ...]
    today: bool
    before: Anchor | None
    after: Anchor | None
    orders: tuple[Anchor, ...]
    cards: tuple[CardView, ...]
    topics: tuple[Anchor, ...]
    months: tuple[Anchor, ...]
    more: Anchor | None
    feed_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCell:
    """One day of a calendar; `url` is empty where nothing was listed."""

    number: str
    url: str
    label: str
    count: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthGrid:
    """One month of the calendar, in weeks that begin on Monday."""

    title: str
    weeks: tuple[tuple[DayCell | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """All days of a year that have papers."""

    title: str
    lead: str
    years: tuple[Anchor, ...]
    months: tuple[MonthGrid, ...]


def edition_routes(deps: WebDeps, site: Site, facts: FactKeeper) -> APIRouter:
    """Make `/`, `/daily` and `/daily/{day}`."""
    routes = APIRouter()
    editions = _Editions(deps, site, facts)

    @routes.api_route("/", methods=_READS)
    def home(sort: str = "", page: int = Query(1, ge=1, le=1000), tag: str = "") -> Response:
        return editions.show(None, sort=sort, page=page, tag=tag)

    @routes.api_route("/daily", methods=_READS)
    def calendar(year: int | None = Query(None, ge=1, le=9998)) -> Response:
        return editions.calendar(year)

    @routes.api_route("/daily/{day}", methods=_READS)
    def daily(
        day: str, sort: str = "", page: int = Query(1, ge=1, le=1000), tag: str = ""
    ) -> Response:
        try:
            asked = date.fromisoformat(day)
        except ValueError:
            return site.error(404)
        if asked.isoformat() != day:
            return site.error(404)
        return editions.show(asked, sort=sort, page=page, tag=tag)

    return routes


class _Editions:
    def __init__(self, deps: WebDeps, site: Site, facts: FactKeeper) -> None:
        self._deps = deps
        self._site = site
        self._facts = facts

    def show(self, asked: date | None, *, sort: str, page: int, tag: str) -> Response:
        order = EditionOrder.NEWEST if sort == "newest" else EditionOrder.TREND
        today = self._deps.clock().date()
        with self._deps.store.read() as tx:
            newest = newest_day(tx, until=today)
            day = asked or newest
            if day is None:
                return self._site.page("edition", _empty_view(self._site), cache_control=PUBLIC)
            if day > today:
                return self._site.error(404)
            listings = day_listings(
                tx, day, limit=_PAGE, offset=(page - 1) * _PAGE, order=order, tag=tag
            )
            if page > 1 and not listings.papers:
                return self._site.error(404)
            view = self._view(tx, listings, newest=newest, order=order, page=page, tag=tag)
        return self._site.page("edition", view, cache_control=PUBLIC)

    def _view(
        self,
        tx: Session,
        listings: DayListings,
        *,
        newest: date | None,
        order: EditionOrder,
        page: int,
        tag: str,
    ) -> EditionView:
        paths, day = self._site.paths, listings.day
        is_newest = day == newest
        today = self._deps.clock().date()
        here = "/" if is_newest else f"/daily/{day}"
        before, after = day_before(tx, day), day_after(tx, day, until=today)
        sort = "newest" if order is EditionOrder.NEWEST else ""
        rest = listings.total - page * _PAGE
        return EditionView(
            title=f"{WEEKDAY_NAMES[day.weekday()]} {day.day} {MONTH_NAMES[day.month - 1]}",
            year=str(day.year),
            lead=_lead(listings, tag),
            notices=self._notices(tx) if is_newest else (),
            today=is_newest,
            before=_day_anchor(before, paths.to(f"/daily/{before}")) if before else None,
            after=_day_anchor(after, paths.to("/" if after == newest else f"/daily/{after}"))
            if after
            else None,
            orders=(
                Anchor(
                    text="by trend",
                    url=paths.to(here, tag=tag),
                    current=order is EditionOrder.TREND,
                ),
                Anchor(
                    text="newest",
                    url=paths.to(here, sort="newest", tag=tag),
                    current=order is EditionOrder.NEWEST,
                ),
            ),
            cards=tuple(
                card(paper, paths, when="today" if day == today else "that day")
                for paper in listings.papers
            ),
            topics=tally_anchors(day_tags(tx, day, limit=_TOPICS), paths),
            months=recent_months(self._facts.read(tx).months, paths),
            more=Anchor(
                text=f"{rest:,} more {'paper' if rest == 1 else 'papers'} of this day",
                url=paths.to(here, sort=sort, tag=tag, page=str(page + 1)),
            )
            if rest > 0
            else None,
            feed_url=paths.to("/feed.atom"),
        )

    def _notices(self, tx: Session) -> tuple[str, ...]:
        return thin_day_notices(list_feeds(tx), all_feed_days(tx), now=self._deps.clock())

    def calendar(self, year: int | None) -> Response:
        today = self._deps.clock().date()
        with self._deps.store.read() as tx:
            span = first_and_last_day(tx, until=today)
            if span is None:
                view = CalendarView(
                    title="All dates", lead="No papers have been listed yet.", years=(), months=()
                )
                return self._site.page("calendar", view, cache_control=PUBLIC)
            shown = year or span[1].year
            days = dict(
                day_tallies(tx, since=date(shown, 1, 1), until=min(date(shown, 12, 31), today))
            )
        years = tuple(
            Anchor(
                text=str(one),
                url=self._site.paths.to("/daily", year=str(one)),
                current=one == shown,
            )
            for one in range(span[1].year, span[0].year - 1, -1)
        )
        listed = "1 day" if len(days) == 1 else f"{len(days)} days"
        view = CalendarView(
            title=f"All dates of {shown}",
            lead=f"{listed} with papers.",
            years=years if len(years) > 1 else (),
            months=tuple(
                _month_grid(self._site, shown, month, days)
                for month in sorted({day.month for day in days}, reverse=True)
            ),
        )
        return self._site.page("calendar", view, cache_control=PUBLIC)


def _empty_view(site: Site) -> EditionView:
    return EditionView(
        title="No papers yet",
        year="",
        lead="The first feeds have not been read. Papers appear here as they come.",
        notices=(),
        today=True,
        before=None,
        after=None,
        orders=(),
        cards=(),
        topics=(),
        months=(),
        more=None,
        feed_url=site.paths.to("/feed.atom"),
    )


def _lead(listings: DayListings, tag: str) -> str:
    if not listings.total:
        return f"Nothing tagged “{tag}” was listed on this day." if tag else (
            "Nothing was listed on this day: a weekend, a holiday, or before the first poll."
        )  # fmt: skip
    feeds = "1 feed" if listings.feeds == 1 else f"{listings.feeds:,} feeds"
    tagged = f" tagged “{tag}”" if tag else ""
    return f"{papers_of(listings.total)}{tagged} from {feeds}."


def _day_anchor(day: date, url: str) -> Anchor:
    return Anchor(text=short_day(day), url=url)


def _month_grid(site: Site, year: int, month: int, days: dict[date, int]) -> MonthGrid:
    first = date(year, month, 1)
    cells: list[DayCell | None] = [None] * first.weekday()
    day = first
    while day.month == month:
        count = days.get(day, 0)
        cells.append(
            DayCell(
                number=str(day.day),
                url=site.paths.to(f"/daily/{day}") if count else "",
                label=f"papers on {short_day(day)}" if count != 1 else f"paper on {short_day(day)}",
                count=f"{count:,}" if count else "",
            )
        )
        day += timedelta(days=1)
    cells += [None] * (-len(cells) % 7)
    return MonthGrid(
        title=f"{MONTH_NAMES[month - 1]} {year}",
        weeks=tuple(tuple(cells[at : at + 7]) for at in range(0, len(cells), 7)),
    )
