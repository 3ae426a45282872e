"""Who is owed a digest: due work is a query over the tables, not a memory of ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, or_, select
from sqlmodel import Session

from digest.model import WELCOME, Subscriber, SubscriberId, SubscriberState
from digest.store.ledger.rows import DELIVERY, SUBSCRIBER
from digest.store.subscribers import subscribers_by_ids

FAR_AHEAD = timedelta(days=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSubscriber:
    """A subscriber whose schedule must be looked at now.

    `welcome_due` says that a welcome digest is owed, `welcome_marked` that their row
    says so: who confirms a second time had theirs already.
    """

    subscriber: Subscriber
    welcome_due: bool
    welcome_marked: bool


def due_subscribers(
    tx: Session,
    now: datetime,
    *,
    limit: int,
    after: SubscriberId | None = None,
    hold: bool = False,
) -> list[DueSubscriber]:
    """Return a shard of the active subscribers who are owed something, by id.

    Also those whose next digest stands more than 8 days ahead though they are not
    paused, or is not set at all: a clock was wrong, and nobody else would find them.

    Args:
        tx: A transaction.
        now: Aware UTC.
        limit: At most so many.
        after: The last id of the shard before; the shards of a run never go back.
        hold: Whether their rows are locked, by id, until the transaction ends: nobody
            leaves or changes their schedule meanwhile, and no other shard has them.
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
    had_welcome = exists().where(
        DELIVERY.c.subscriber_id == column.id, DELIVERY.c.period == WELCOME
    )
    query = (
        select(column.id, column.welcome_due_at, had_welcome)
        .where(
            column.state == SubscriberState.ACTIVE.value,
            due,
            column.id > (after if after is not None else 0),
        )
        .order_by(column.id)
        .limit(limit)
    )
    if hold:
        query = query.with_for_update(key_share=True, of=SUBSCRIBER)
    rows = tx.execute(query).all()
    subscribers = subscribers_by_ids(tx, [SubscriberId(one) for one, _, _ in rows])
    return [
        DueSubscriber(
            subscriber=subscribers[SubscriberId(one)],
            welcome_due=due_at is not None and due_at <= now and not had_one,
            welcome_marked=due_at is not None and due_at <= now,
        )
        for one, due_at, had_one in rows
    ]
