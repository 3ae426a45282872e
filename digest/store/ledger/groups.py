"""Intents and outcomes of several connections in one transaction, set-based.

What goes as usual is one UPDATE for all: nearly every intent, and every acceptance.
Whatever is left over goes through the functions for one, in the same transaction, so
that there is one meaning of each event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import BindParameter, bindparam, exists, select
from sqlmodel import Session

from digest.model import Delivery, DeliveryId, DeliveryState, Outcome, OutcomeKind, SubscriberState
from digest.store.ledger.handoff import (
    LEASE,
    REPLY_LIMIT,
    handed_off_values,
    intend,
    intended_values,
    record,
)
from digest.store.ledger.rows import DELIVERY, SUBSCRIBER, move
from digest.store.ledger.states import Event

_COLUMN = DELIVERY.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is to be written down of one hand-off; `record` says what the fields mean."""

    delivery: Delivery
    outcome: Outcome
    retry_at: datetime | None = None
    counts_as_attempt: bool = True
    counts_as_try: bool = True


_IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)

# Statements are made once: making them costs more than running them.
_LOCK_SUBSCRIBERS = (
    select(SUBSCRIBER.c.id)
    .join(DELIVERY, _COLUMN.subscriber_id == SUBSCRIBER.c.id)
    .where(_COLUMN.id.in_(_IDS))
    .order_by(SUBSCRIBER.c.id)
    .with_for_update(read=True, of=SUBSCRIBER)
)
_INTEND = (
    move(
        Event.INTEND,
        _COLUMN.id.in_(_IDS),
        _COLUMN.fence == bindparam("of_fence"),
        _COLUMN.lease_until_at > bindparam("at"),
        _COLUMN.closes_at > bindparam("at"),
        exists().where(
            SUBSCRIBER.c.id == _COLUMN.subscriber_id,
            SUBSCRIBER.c.state == SubscriberState.ACTIVE.value,
        ),
    )
    .values(intended_values(bindparam("leased_until_at")))
    .returning(_COLUMN.id)
)


def intend_all(tx: Session, claimed: Sequence[Delivery], now: datetime) -> list[bool]:
    """Say that these hand-offs begin; after the commit DATA may be said for each.

    Returns:
        For each whether it may go on, as `intend` does.
    """
    if tx.get_bind().dialect.name == "postgresql":
        # Who is suppressed waits for us, or we for them: then the UPDATE sees it. In the
        # order of the ids, so that two groups cannot wait for each other. On SQLite
        # writers queue anyway.
        tx.connection().execute(_LOCK_SUBSCRIBERS, {"ids": [one.id for one in claimed]})
    by_fence: defaultdict[int, list[DeliveryId]] = defaultdict(list)
    for one in claimed:
        by_fence[one.fence].append(one.id)
    # With its fence: one lane may hold an old claim of what another has claimed anew.
    begun: set[tuple[DeliveryId, int]] = set()
    for fence, ids in by_fence.items():
        values = {"ids": ids, "of_fence": fence, "at": now, "leased_until_at": now + LEASE}
        begun.update((one, fence) for one in tx.connection().execute(_INTEND, values).scalars())
    return [(one.id, one.fence) in begun or intend(tx, one.id, one.fence, now) for one in claimed]


def record_all(tx: Session, recordings: Sequence[Recording], now: datetime) -> list[bool]:
    """Write down what became of hand-offs.

    Returns:
        For each whether it could follow the state of its row, as `record` does.
    """
    sent = [one for one in recordings if _is_plain_acceptance(one)]
    recorded = dict(zip(map(id, sent), _record_sent(tx, sent, now), strict=True))
    return [
        recorded[id(one)] if id(one) in recorded else _record_one(tx, one, now)
        for one in recordings
    ]


def _is_plain_acceptance(one: Recording) -> bool:
    return one.outcome.kind is OutcomeKind.SENT and one.counts_as_attempt and one.counts_as_try


_SENT = move(
    Event.SENT, _COLUMN.id == bindparam("of_id"), _COLUMN.fence == bindparam("of_fence")
).values(
    **handed_off_values(OutcomeKind.SENT, counts_as_attempt=True, counts_as_try=True),
    reply=bindparam("said"),
    lease_until_at=None,
    next_attempt_at=None,
    finished_at=bindparam("at"),
)


def _record_sent(tx: Session, sent: Sequence[Recording], now: datetime) -> list[bool]:
    if not sent:
        return []
    rows = [
        {
            "of_id": one.delivery.id,
            "of_fence": one.delivery.fence,
            "said": one.outcome.reply[:REPLY_LIMIT],
            "at": now,
        }
        for one in sent
    ]
    if tx.connection().execute(_SENT, rows).rowcount == len(sent):
        return [True] * len(sent)
    # Some had left the states that an acceptance may follow: see which have not.
    fences = _fences_of_sent(tx, [one.delivery.id for one in sent])
    return [fences.get(one.delivery.id) == one.delivery.fence for one in sent]


def _fences_of_sent(tx: Session, ids: Sequence[DeliveryId]) -> Mapping[DeliveryId, int]:
    rows = tx.execute(
        select(_COLUMN.id, _COLUMN.fence).where(
            _COLUMN.id.in_(ids), _COLUMN.state == DeliveryState.SENT.value
        )
    )
    return MappingProxyType({DeliveryId(one): fence for one, fence in rows})


def _record_one(tx: Session, one: Recording, now: datetime) -> bool:
    return record(
        tx,
        one.delivery.id,
        one.delivery.fence,
        one.outcome,
        now,
        retry_at=one.retry_at,
        counts_as_attempt=one.counts_as_attempt,
        counts_as_try=one.counts_as_try,
    )
