"""The papers of a day: which day is the newest, and what was listed on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, and_, col, func, select

from digest.model import Paper, PaperId
from digest.store.feeds import SIGNAL_FEEDS
from digest.store.papers import get_papers
from digest.store.tables import ListingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class DayListings:
    """The papers of a day, those with most upvotes first; `total` counts all of them."""

    day: date
    papers: tuple[Paper, ...]
    total: int
    feeds: int


def newest_listings(tx: Session, *, until: date, limit: int) -> DayListings | None:
    """Return the papers of the newest day that has any, None when there is none.

    Args:
        tx: Any transaction.
        until: The last day that counts; feeds may date a batch ahead.
        limit: How many papers at most.
    """
    brought = col(ListingRow.feed_id).not_in(SIGNAL_FEEDS)
    day = tx.exec(
        select(func.max(ListingRow.day)).where(col(ListingRow.day) <= until, brought)
    ).first()
    if day is None:
        return None
    of_day = and_(col(ListingRow.day) == day, brought)
    total, feeds = tx.exec(
        select(
            func.count(func.distinct(ListingRow.paper_id)),
            func.count(func.distinct(ListingRow.feed_id)),
        ).where(of_day)
    ).one()
    upvotes = func.max(func.coalesce(ListingRow.upvotes, 0))
    ids = tx.exec(
        select(ListingRow.paper_id)
        .where(of_day)
        .group_by(col(ListingRow.paper_id))
        .order_by(upvotes.desc(), col(ListingRow.paper_id).desc())
        .limit(limit)
    ).all()
    found = get_papers(tx, [PaperId(one) for one in ids])
    return DayListings(
        day=day,
        papers=tuple(found[PaperId(one)] for one in ids if PaperId(one) in found),
        total=total,
        feeds=feeds,
    )
