"""What feeds brought day by day: kept for ten weeks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import Table, case, func, select
from sqlmodel import Session

from digest.model import FeedDay, FeedId
from digest.store.dialect import Insert, insert_for, is_postgresql
from digest.store.tables import FeedDayRow

KEPT_DAYS = 70
_DAY: Table = FeedDayRow.metadata.tables["feed_day"]


def record_day(tx: Session, feed_id: FeedId, poll: FeedDay) -> None:
    """Add one poll to a feed's day, and forget the days of long ago."""
    run = tx.connection().execute
    run(_adding(on_postgresql=is_postgresql(tx)), {"feed_id": feed_id, **asdict(poll)})
    forgotten = poll.day - timedelta(days=KEPT_DAYS)
    run(_DAY.delete().where(_DAY.c.feed_id == feed_id, _DAY.c.day < forgotten))


@cache
def _adding(*, on_postgresql: bool) -> Insert:
    """Make the statement once: it is run for each poll of each feed."""
    statement = insert_for(_DAY, on_postgresql=on_postgresql)
    new, old = statement.excluded, _DAY.c
    return statement.on_conflict_do_update(
        index_elements=["feed_id", "day"],
        set_={
            "polls": old.polls + new.polls,
            "failures": old.failures + new.failures,
            "entries": case(
                (func.coalesce(new.entries, -1) > func.coalesce(old.entries, -1), new.entries),
                else_=old.entries,
            ),
            "new_papers": old.new_papers + new.new_papers,
        },
    )


def feed_days(tx: Session, feed_id: FeedId) -> list[FeedDay]:
    """Return what one feed brought, oldest day first."""
    rows = tx.execute(select(_DAY).where(_DAY.c.feed_id == feed_id).order_by(_DAY.c.day))
    return [_value(row) for row in rows]


def all_feed_days(tx: Session) -> dict[FeedId, list[FeedDay]]:
    """Return what every feed brought, oldest day first."""
    found: dict[FeedId, list[FeedDay]] = defaultdict(list)
    for row in tx.execute(select(_DAY).order_by(_DAY.c.feed_id, _DAY.c.day)):
        found[FeedId(row.feed_id)].append(_value(row))
    return dict(found)


def _value(row: Any) -> FeedDay:
    return FeedDay(
        day=row.day,
        polls=row.polls,
        failures=row.failures,
        entries=row.entries,
        new_papers=row.new_papers,
    )
