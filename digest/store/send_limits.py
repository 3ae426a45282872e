"""Limits on handing off, kept over restarts: holds of domains and of the relay, used rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import case
from sqlmodel import Session, and_, col, delete, or_, select, update
from sqlmodel.sql.expression import SelectOfScalar

from digest.model import SendLimit
from digest.store.dialect import insert_into
from digest.store.tables import SendLimitRow

KEPT = 10_000
"""At most so many are read; those that matter least are left out."""

LONG_PAST = timedelta(days=2)
"""Longer than any hold, and than any rate takes to be whole again."""


def load_limits(tx: Session) -> list[SendLimit]:
    """Return all limits, those that hold longest first."""
    return _limits(tx, select(SendLimitRow))


def held_limits(tx: Session, now: datetime) -> list[SendLimit]:
    """Return what is held now."""
    return _limits(tx, select(SendLimitRow).where(col(SendLimitRow.held_until_at) > now))


def _limits(tx: Session, query: SelectOfScalar[SendLimitRow]) -> list[SendLimit]:
    rows = tx.exec(
        query.order_by(
            col(SendLimitRow.held_until_at).desc().nulls_last(), col(SendLimitRow.key)
        ).limit(KEPT)
    )
    return [
        SendLimit(
            key=row.key,
            held_until_at=row.held_until_at,
            holds=row.holds,
            reason=row.reason,
            tokens=row.tokens,
            filled_at=row.filled_at,
        )
        for row in rows
    ]


def save_limits(tx: Session, changes: Iterable[SendLimit], now: datetime) -> None:
    """Keep changes beside those of other workers, and drop what limits nothing any more.

    Of two holds the one that ends later stays, and an acceptance lifts none that was
    still on when it came: another worker has met that one since. Holds and rates know
    nothing of each other.
    """
    changes = sorted(changes, key=lambda one: one.key)  # two workers lock rows in one order
    for one in changes:
        if one.lifted_at is not None:
            _lift(tx, one.key, one.lifted_at)
    _merge(tx, [one for one in changes if one.held_until_at or one.filled_at])
    held_until_at, filled_at = col(SendLimitRow.held_until_at), col(SendLimitRow.filled_at)
    long_past = now - LONG_PAST
    tx.exec(
        delete(SendLimitRow).where(
            or_(held_until_at.is_(None), held_until_at < long_past),
            or_(filled_at.is_(None), filled_at < long_past),
        )
    )


def _lift(tx: Session, key: str, at: datetime) -> None:
    tx.exec(
        update(SendLimitRow)
        .where(col(SendLimitRow.key) == key, col(SendLimitRow.held_until_at) <= at)
        .values(held_until_at=None, holds=0, reason="")
    )


def _merge(tx: Session, changes: Sequence[SendLimit]) -> None:
    if not changes:
        return
    insert = insert_into(tx, SendLimitRow).values(
        [
            {
                "key": one.key,
                "held_until_at": one.held_until_at,
                "holds": one.holds,
                "reason": one.reason,
                "tokens": one.tokens,
                "filled_at": one.filled_at,
            }
            for one in changes
        ]
    )
    new = insert.excluded
    held_until_at, filled_at = col(SendLimitRow.held_until_at), col(SendLimitRow.filled_at)
    holds_longer = and_(
        new.held_until_at.is_not(None),
        or_(held_until_at.is_(None), held_until_at < new.held_until_at),
    )
    used_since = and_(
        new.filled_at.is_not(None), or_(filled_at.is_(None), filled_at <= new.filled_at)
    )
    when = {
        "held_until_at": holds_longer,
        "holds": holds_longer,
        "reason": holds_longer,
        "tokens": used_since,
        "filled_at": used_since,
    }
    tx.exec(
        insert.on_conflict_do_update(
            index_elements=["key"],
            set_={
                name: case((condition, new[name]), else_=getattr(SendLimitRow, name))
                for name, condition in when.items()
            },
        )
    )


def clear_limit(tx: Session, key: str) -> bool:
    """Lift a limit; return whether there was one."""
    return tx.exec(delete(SendLimitRow).where(col(SendLimitRow.key) == key)).rowcount > 0
