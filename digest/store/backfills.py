"""How far each feed was read back, so that it can go on after any interruption."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from digest.model import FeedId
from digest.store.tables import BackfillRow


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillProgress:
    """Everything from `since` to before `next_day` is stored.

    `new_papers` counts since the beginning.
    """

    since: date
    next_day: date
    new_papers: int = 0


def get_backfill(tx: Session, feed_id: FeedId) -> BackfillProgress | None:
    """Return how far a feed was read back, None when it never was."""
    row = tx.get(BackfillRow, feed_id)
    if row is None:
        return None
    return BackfillProgress(
        since=row.since,
        next_day=row.next_day,
        new_papers=row.new_papers,
    )


def record_backfill(
    tx: Session, feed_id: FeedId, progress: BackfillProgress, *, now: datetime
) -> None:
    """Store progress, in the transaction that stores the papers of the page."""
    tx.merge(
        BackfillRow(
            feed_id=feed_id,
            since=progress.since,
            next_day=progress.next_day,
            new_papers=progress.new_papers,
            updated_at=now,
        )
    )
    tx.flush()
