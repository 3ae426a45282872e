"""Who is owed a digest: due work is a query over the tables, not a memory of ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlmodel import Session

from digest.model import Subscriber, SubscriberId, SubscriberState
from digest.store.ledger.rows import SUBSCRIBER
from digest.store.subscribers import subscribers_by_ids

FAR_AHEAD = timedelta(days=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSubscriber:
    """A subscriber whose schedule must be looked at now, and whether a welcome is owed."""

    subscriber: Subscriber
    welcome_due: bool


def due_subscribers(
    tx: Session, now: datetime, *, limit: int, after: SubscriberId | None = None
) -> list[DueSubscriber]:
    """Return a shard of the active subscribers who are owed something, by id.

    Also those whose next digest stands more than 8 days ahead though they are not
    paused, or is not set at all: a clock was wrong, and nobody else would find them.

    Args:
        tx: A transaction.
        now: Aware UTC.
        limit: At most so many.
        after: The last id of the shard before; the shards of a run never go back.
    """
    column = SUBSCRIBER.c
    due = or_(
        column.next_digest_at <= now,
        column.welcome_due_at <= now,
        column.next_digest_at.is_(None),
        and_(
            column.next_digest_at > now + FAR_AHEAD,
            or_(column.pause_until.is_(None), column.pause_until <= now),
        ),
    )
    rows = tx.execute(
        select(column.id, column.welcome_due_at)
        .where(
            column.state == SubscriberState.ACTIVE.value,
            due,
            column.id > (after if after is not None else 0),
        )
        .order_by(column.id)
        .limit(limit)
    ).all()
    welcome_due = {SubscriberId(one): at is not None and at <= now for one, at in rows}
    subscribers = subscribers_by_ids(tx, list(welcome_due))
    return [
        DueSubscriber(subscriber=subscribers[one], welcome_due=welcome)
        for one, welcome in welcome_due.items()
    ]
