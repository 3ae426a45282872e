"""The library: pages of papers by filter, counts, tags, months and days.

Every list is paged by key and never by offset, so that page 1,000 costs what page 1
does, and stays where it is while papers arrive.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, and_, exists, extract, func, or_, select
from sqlmodel import Session, col

from digest.model import PaperId
from digest.store.tables import (
    FeedRow,
    ListingRow,
    PaperRow,
    PaperTagRow,
    TagRow,
    WindowRow,
)

MAX_COUNT = 10_000
"""Counts are exact up to here, and say "10,000+" beyond."""


class Order(StrEnum):
    """How a list of papers is sorted."""

    NEWEST = "newest"
    UPVOTES = "upvotes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Which papers: all filters that are set hold at once.

    `since` and `until` bound the day a paper is filed under, both inclusive: the first
    day of a month, and the last of one.
    """

    tag: str = ""
    feed: str = ""
    since: date | None = None
    until: date | None = None
    min_upvotes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page ended: the sort value and the id of its last paper."""

    value: str
    paper_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdPage:
    """One page of ids, and where the next begins, None on the last."""

    ids: tuple[PaperId, ...]
    after: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A count; `more` says that there are more than that, `at_most` that there may be fewer."""

    value: int
    more: bool = False
    at_most: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A name and how many papers stand behind it."""

    name: str
    papers: int


def count_shelf(tx: Session, shelf: Shelf) -> Count:
    """Count the papers of a shelf, exactly up to 10,000."""
    inner = _gathered(shelf)
    found = tx.execute(select(func.count()).select_from(inner.subquery())).scalar_one()
    return Count(value=min(found, MAX_COUNT), more=found > MAX_COUNT)


def shelf_page(
    tx: Session,
    shelf: Shelf,
    *,
    order: Order = Order.NEWEST,
    after: Place | None = None,
    limit: int,
    narrow: bool,
) -> IdPage:
    """Return one page of a shelf.

    Args:
        tx: A transaction.
        shelf: Which papers.
        order: `UPVOTES` leaves out papers of unknown upvotes.
        after: Where the page before ended.
        limit: Papers a page.
        narrow: Whether few papers are on the shelf (its count is exact): then they are
            gathered and sorted; else the order is walked and the filters are probed.
    """
    key: Any = col(PaperRow.upvotes) if order is Order.UPVOTES else col(PaperRow.dated_on)
    one = col(PaperRow.id)
    query = select(one, key.label("key"))
    if narrow:
        found = _gathered(shelf).subquery()
        query = query.join(found, found.c.id == one)
    else:
        query = _filtered(shelf, query, join=False)
    if order is Order.UPVOTES:
        query = query.where(key.is_not(None))
    if after is not None:
        value: Any = int(after.value) if order is Order.UPVOTES else date.fromisoformat(after.value)
        query = query.where(
            or_(key < value, and_(key == value, one < after.paper_id)), key <= value
        )
    rows = tx.execute(query.order_by(key.desc(), one.desc()).limit(limit + 1)).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return IdPage(
        ids=tuple(PaperId(row[0]) for row in rows),
        after=Place(value=str(rows[-1][1]), paper_id=rows[-1][0]) if more else None,
    )


def _gathered(shelf: Shelf) -> Select[Any]:
    """Choose up to 10,001 papers, in no order, the cheapest way.

    A span of days or a least count has an index of its own, along which tags and feeds
    are probed; without one they are gathered from their own indexes.
    """
    spanned = shelf.since is not None or shelf.until is not None or shelf.min_upvotes > 0
    query = _filtered(shelf, select(col(PaperRow.id).label("id")), join=not spanned)
    return query.limit(MAX_COUNT + 1)


def _filtered(shelf: Shelf, query: Select[Any], *, join: bool) -> Select[Any]:
    one = col(PaperRow.id)
    if shelf.tag:
        tagged = select(col(TagRow.id)).where(col(TagRow.key) == shelf.tag.casefold())
        holds = and_(
            col(PaperTagRow.paper_id) == one, col(PaperTagRow.tag_id) == tagged.scalar_subquery()
        )
        query = query.join(PaperTagRow, holds) if join else query.where(exists().where(holds))
    if shelf.feed:
        named = select(col(FeedRow.id)).where(col(FeedRow.name) == shelf.feed)
        holds = and_(
            col(WindowRow.paper_id) == one, col(WindowRow.feed_id) == named.scalar_subquery()
        )
        query = query.join(WindowRow, holds) if join else query.where(exists().where(holds))
    if shelf.since is not None:
        query = query.where(col(PaperRow.dated_on) >= shelf.since)
    if shelf.until is not None:
        query = query.where(col(PaperRow.dated_on) <= shelf.until)
    if shelf.min_upvotes:
        query = query.where(col(PaperRow.upvotes) >= shelf.min_upvotes)
    return query


def newest_paper_id(tx: Session) -> int:
    """Return the highest id given, 0 when there are no papers: it changes as they come."""
    newest: int | None = tx.execute(select(func.max(col(PaperRow.id)))).scalar_one()
    return newest or 0


def count_library(tx: Session) -> int:
    """Count all papers."""
    total: int = tx.execute(select(func.count()).select_from(PaperRow)).scalar_one()
    return total


def tag_tallies(tx: Session, *, limit: int) -> list[Tally]:
    """Return the tags with most papers, and how many each has."""
    counted = (
        select(col(PaperTagRow.tag_id), func.count().label("papers"))
        .group_by(col(PaperTagRow.tag_id))
        .subquery()
    )
    rows = tx.execute(
        select(col(TagRow.name), counted.c.papers)
        .join(counted, counted.c.tag_id == col(TagRow.id))
        .order_by(counted.c.papers.desc(), col(TagRow.key))
        .limit(limit)
    )
    return [Tally(name=name, papers=papers) for name, papers in rows]


def month_tallies(tx: Session) -> list[Tally]:
    """Return the months that papers are filed under (`2026-02`), newest first."""
    year, month = (extract(part, col(PaperRow.dated_on)) for part in ("year", "month"))
    rows = tx.execute(
        select(year, month, func.count()).group_by(year, month).order_by(year.desc(), month.desc())
    )
    return [Tally(name=f"{int(y):04d}-{int(m):02d}", papers=papers) for y, m, papers in rows]


def tag_name(tx: Session, tag: str) -> str | None:
    """Return a tag as it is written, None when there is none."""
    return tx.execute(
        select(col(TagRow.name)).where(col(TagRow.key) == tag.casefold())
    ).scalar_one_or_none()


def day_tallies(tx: Session, *, since: date, until: date) -> list[tuple[date, int]]:
    """Return the days with listings between two days, newest first, with their papers."""
    rows = tx.execute(
        select(col(ListingRow.day), func.count(func.distinct(col(ListingRow.paper_id))))
        .where(col(ListingRow.day).between(since, until))
        .group_by(col(ListingRow.day))
        .order_by(col(ListingRow.day).desc())
    )
    return [(day, papers) for day, papers in rows]


def first_and_last_day(tx: Session, *, until: date) -> tuple[date, date] | None:
    """Return the first and the last day with listings, None when there is none."""
    first, last = tx.execute(
        select(func.min(col(ListingRow.day)), func.max(col(ListingRow.day))).where(
            col(ListingRow.day) <= until
        )
    ).one()
    return (first, last) if first is not None else None


def month_of(text: str) -> Shelf | None:
    """Read `2026-02` or `2026` as the days it spans, None when it is neither."""
    year, _, month = text.partition("-")
    if not (year.isascii() and year.isdigit() and len(year) == 4 and int(year)):
        return None
    if not month:
        return Shelf(since=date(int(year), 1, 1), until=date(int(year), 12, 31))
    if not (month.isascii() and month.isdigit() and len(month) == 2 and 1 <= int(month) <= 12):
        return None
    first = date(int(year), int(month), 1)
    last = date(first.year, first.month, monthrange(first.year, first.month)[1])
    return Shelf(since=first, until=last)
