"""What feeds brought day by day: kept for ten weeks."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, case, func, select
from sqlmodel import Session

from digest.model import FeedDay, FeedId
from digest.store.dialect import insert_into
from digest.store.tables import FeedDayRow

KEPT_DAYS = 70
_DAY: Table = FeedDayRow.metadata.tables["feed_day"]


def record_day(tx: Session, feed_id: FeedId, poll: FeedDay) -> None:
    """Add one poll to a feed's day, and forget the days of long ago."""
    run = tx.connection().execute
    statement = insert_into(tx, _DAY).values(
        feed_id=feed_id,
        day=poll.day,
        polls=poll.polls,
        failures=poll.failures,
        entries=poll.entries,
        new_papers=poll.new_papers,
    )
    new, old = statement.excluded, _DAY.c
    run(
        statement.on_conflict_do_update(
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
    )
    forgotten = poll.day - timedelta(days=KEPT_DAYS)
    run(_DAY.delete().where(old.feed_id == feed_id, old.day < forgotten))


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
