"""Limits on handing off, kept over restarts: holds of domains and of the relay, used rates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, func, select
from sqlmodel.sql.expression import SelectOfScalar

from digest.model import SendLimit
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


def save_limits(tx: Session, limits: Iterable[SendLimit], now: datetime) -> None:
    """Keep limits; those that limit nothing any more go, and with them what is long past."""
    tx.exec(
        delete(SendLimitRow).where(
            func.coalesce(SendLimitRow.held_until_at, SendLimitRow.filled_at) < now - LONG_PAST
        )
    )
    for one in limits:
        if one.held_until_at is None and one.tokens is None:
            tx.exec(delete(SendLimitRow).where(col(SendLimitRow.key) == one.key))
            continue
        tx.merge(
            SendLimitRow(
                key=one.key,
                held_until_at=one.held_until_at,
                holds=one.holds,
                reason=one.reason,
                tokens=one.tokens,
                filled_at=one.filled_at,
            )
        )
    tx.flush()


def clear_limit(tx: Session, key: str) -> bool:
    """Lift a limit; return whether there was one."""
    return tx.exec(delete(SendLimitRow).where(col(SendLimitRow.key) == key)).rowcount > 0
