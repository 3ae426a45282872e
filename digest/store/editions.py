"""The papers of a day: what was listed on it, with that day's scores and tags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, and_
from sqlalchemy import select as select_many
from sqlmodel import Session, col, func, select

from digest.model import FeedId, Listing, Paper, PaperId
from digest.store.feeds import SIGNAL_FEEDS
from digest.store.library import Tally
from digest.store.papers import get_papers
from digest.store.tables import FeedRow, ListingRow, PaperRow, PaperTagRow, TagRow


class EditionOrder(StrEnum):
    """How the papers of a day are sorted: by upvotes and their change, or by date."""

    TREND = "trend"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayListings:
    """Papers of a day, sorted; upvotes and their change are those of that day.

    `total` counts all papers of the day, `feeds` the feeds that list them.
    """

    day: date
    papers: tuple[Paper, ...]
    total: int
    feeds: int


def newest_day(tx: Session, *, until: date) -> date | None:
    """Return the newest day that has listings, None when there is none.

    `until` is the last day that counts: feeds may date a batch ahead.
    """
    return tx.exec(
        select(func.max(ListingRow.day)).where(col(ListingRow.day) <= until, _brought())
    ).first()


def day_before(tx: Session, day: date) -> date | None:
    """Return the newest day with listings before this one."""
    return tx.exec(
        select(func.max(ListingRow.day)).where(col(ListingRow.day) < day, _brought())
    ).first()


def day_after(tx: Session, day: date, *, until: date) -> date | None:
    """Return the first day with listings after this one, and not after `until`."""
    return tx.exec(
        select(func.min(ListingRow.day)).where(
            col(ListingRow.day) > day, col(ListingRow.day) <= until, _brought()
        )
    ).first()


def day_listings(
    tx: Session,
    day: date,
    *,
    limit: int,
    offset: int = 0,
    order: EditionOrder = EditionOrder.TREND,
    tag: str = "",
) -> DayListings:
    """Return papers of a day.

    Args:
        tx: Any transaction.
        day: Which.
        limit: How many papers at most.
        offset: How many to pass over; a day is small enough for that.
        order: How they are sorted.
        tag: Only papers with this tag, or all.
    """
    of_day = and_(col(ListingRow.day) == day, _brought())
    upvotes = func.max(ListingRow.upvotes)
    rows = tx.execute(
        select_many(col(ListingRow.paper_id), upvotes.label("upvotes"))
        .where(of_day)
        .group_by(col(ListingRow.paper_id))
    )
    feeds = tx.exec(select(func.count(func.distinct(ListingRow.feed_id))).where(of_day)).one()
    scores: dict[int, int | None] = {int(one): value for one, value in rows}
    if tag:
        scores = {one: scores[one] for one in _tagged(tx, day, tag) if one in scores}
    before = _scores_before(tx, day)

    def change(one: int) -> int | None:
        now, then = scores[one], before.get(one)
        return None if now is None or then is None else now - then

    if order is EditionOrder.TREND:
        ids = sorted(scores, key=lambda one: (-(scores[one] or 0), -(change(one) or 0), -one))
    else:
        dated = _dated(tx, day)
        ids = sorted(scores, key=lambda one: (dated[one], one), reverse=True)
    shown = ids[offset : offset + limit]
    found = get_papers(tx, [PaperId(one) for one in shown])
    return DayListings(
        day=day,
        papers=tuple(
            replace(found[PaperId(one)], upvotes=scores[one], upvotes_change=change(one))
            for one in shown
            if PaperId(one) in found
        ),
        total=len(ids),
        feeds=feeds,
    )


def day_tags(tx: Session, day: date, *, limit: int) -> list[Tally]:
    """Return the tags that most papers of a day carry."""
    papers = select(col(ListingRow.paper_id)).where(col(ListingRow.day) == day).distinct()
    count = func.count()
    rows = tx.execute(
        select_many(col(TagRow.name), count)
        .join(PaperTagRow, col(PaperTagRow.tag_id) == col(TagRow.id))
        .where(col(PaperTagRow.paper_id).in_(papers))
        .group_by(col(TagRow.id))
        .order_by(count.desc(), col(TagRow.key))
        .limit(limit)
    )
    return [Tally(name=name, papers=papers) for name, papers in rows]


def listings_of(tx: Session, paper_id: PaperId) -> list[tuple[str, Listing]]:
    """Return all listings of a paper with the name of their feed, oldest first."""
    rows = tx.exec(
        select(FeedRow.name, ListingRow)
        .join(ListingRow, col(ListingRow.feed_id) == col(FeedRow.id))
        .where(col(ListingRow.paper_id) == paper_id)
        .order_by(col(ListingRow.day), col(FeedRow.name))
    ).all()
    return [
        (
            name,
            Listing(
                paper_id=paper_id,
                feed_id=FeedId(row.feed_id),
                day=row.day,
                upvotes=row.upvotes,
                comments=row.comments,
                stars=row.stars,
            ),
        )
        for name, row in rows
    ]


def _brought() -> ColumnElement[bool]:
    """Leave out listings that only tell of papers which others brought."""
    return col(ListingRow.feed_id).not_in(SIGNAL_FEEDS)


def _tagged(tx: Session, day: date, tag: str) -> list[int]:
    rows = tx.execute(
        select_many(col(PaperTagRow.paper_id))
        .join(TagRow, col(TagRow.id) == col(PaperTagRow.tag_id))
        .where(
            col(TagRow.key) == tag.casefold(),
            col(PaperTagRow.paper_id).in_(
                select(col(ListingRow.paper_id)).where(col(ListingRow.day) == day)
            ),
        )
    )
    return [one for (one,) in rows]


def _scores_before(tx: Session, day: date) -> dict[int, int]:
    """Return the upvotes of the day's papers at their newest listing before it."""
    papers = select(col(ListingRow.paper_id)).where(col(ListingRow.day) == day)
    rows = tx.execute(
        select_many(col(ListingRow.paper_id), col(ListingRow.day), func.max(ListingRow.upvotes))
        .where(
            col(ListingRow.paper_id).in_(papers),
            col(ListingRow.day) < day,
            col(ListingRow.upvotes).is_not(None),
        )
        .group_by(col(ListingRow.paper_id), col(ListingRow.day))
        .order_by(col(ListingRow.day))
    )
    return {one: upvotes for one, _day, upvotes in rows}


def _dated(tx: Session, day: date) -> dict[int, date]:
    rows = tx.execute(
        select_many(col(PaperRow.id), col(PaperRow.dated_on)).where(
            col(PaperRow.id).in_(select(col(ListingRow.paper_id)).where(col(ListingRow.day) == day))
        )
    )
    return {int(one): value for one, value in rows}
