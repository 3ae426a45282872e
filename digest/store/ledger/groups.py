"""Intents and outcomes of several connections in one transaction, set-based.

What goes as usual is one UPDATE for all: nearly every intent, and every acceptance.
Whatever is left over goes through the functions for one, in the same transaction, so
that there is one meaning of each event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    FromClause,
    Text,
    any_,
    bindparam,
    exists,
    select,
)
from sqlmodel import Session

from digest.model import Delivery, DeliveryId, DeliveryState, Outcome, OutcomeKind, SubscriberState
from digest.store.dialect import is_postgresql
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
from digest.store.prepared import Prepared, as_rows, rows_given

_COLUMN = DELIVERY.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is to be written down of one hand-off; `record` says what the fields mean."""

    delivery: Delivery
    outcome: Outcome
    retry_at: datetime | None = None
    counts_as_attempt: bool = True
    counts_as_try: bool = True


_AT: BindParameter[datetime] = bindparam("at", type_=_COLUMN.lease_until_at.type)
_CLAIMS, _CLAIMS_ON_SQLITE = rows_given("claims", {"id": BigInteger, "fence": BigInteger})


def _begin(claims: FromClause, active: ColumnElement[bool]) -> Prepared:
    return Prepared(
        move(
            Event.INTEND,
            _COLUMN.id == claims.c.id,
            _COLUMN.fence == claims.c.fence,
            _COLUMN.lease_until_at > _AT,
            _COLUMN.closes_at > _AT,
            active,
            by_id=True,
        )
        .values(intended_values(bindparam("leased_until_at", type_=_AT.type)))
        .returning(_COLUMN.id, _COLUMN.fence)
    )


_IS_ACTIVE = SUBSCRIBER.c.state == SubscriberState.ACTIVE.value
# Who is suppressed waits for us, or we for them, and then are not among these. In the order
# of the ids, so that two groups cannot wait for each other.
_LOCKED = (
    select(SUBSCRIBER.c.id)
    .where(
        SUBSCRIBER.c.id == any_(bindparam("subscriber_ids", type_=ARRAY(BigInteger))),
        # As a plain comparison PostgreSQL might search all that are active for it.
        SUBSCRIBER.c.state.concat("") == SubscriberState.ACTIVE.value,
    )
    .order_by(SUBSCRIBER.c.id)
    .with_for_update(read=True)
    .cte("locked")
    .prefix_with("MATERIALIZED")
)
_INTEND = _begin(_CLAIMS, _COLUMN.subscriber_id == _LOCKED.c.id)
# On SQLite writers queue: nothing need be locked.
_INTEND_ON_SQLITE = _begin(
    _CLAIMS_ON_SQLITE, exists().where(SUBSCRIBER.c.id == _COLUMN.subscriber_id, _IS_ACTIVE)
)


def intend_all(tx: Session, claimed: Sequence[Delivery], now: datetime) -> list[bool]:
    """Say that these hand-offs begin; after the commit DATA may be said for each.

    Returns:
        For each whether it may go on, as `intend` does.
    """
    on_postgresql = is_postgresql(tx)
    claims = as_rows(
        [(one.id, one.fence) for one in claimed], ("id", "fence"), on_postgresql=on_postgresql
    )
    if on_postgresql:
        claims["subscriber_ids"] = [one.subscriber_id for one in claimed]
    statement = _INTEND if on_postgresql else _INTEND_ON_SQLITE
    # With its fence: one lane may hold an old claim of what another has claimed anew.
    begun = set(statement.rows(tx, at=now, leased_until_at=now + LEASE, **claims))
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


_SENT_COLUMNS = {"id": BigInteger, "fence": BigInteger, "said": Text}


def _send(said: FromClause) -> Prepared:
    return Prepared(
        move(Event.SENT, _COLUMN.id == said.c.id, _COLUMN.fence == said.c.fence, by_id=True).values(
            **handed_off_values(OutcomeKind.SENT, counts_as_attempt=True, counts_as_try=True),
            reply=said.c.said,
            lease_until_at=None,
            next_attempt_at=None,
            finished_at=_AT,
        )
    )


_SENT, _SENT_ON_SQLITE = map(_send, rows_given("said", _SENT_COLUMNS))


def _record_sent(tx: Session, sent: Sequence[Recording], now: datetime) -> list[bool]:
    if not sent:
        return []
    on_postgresql = is_postgresql(tx)
    rows = as_rows(
        [(one.delivery.id, one.delivery.fence, one.outcome.reply[:REPLY_LIMIT]) for one in sent],
        tuple(_SENT_COLUMNS),
        on_postgresql=on_postgresql,
    )
    statement = _SENT if on_postgresql else _SENT_ON_SQLITE
    if statement.changed(tx, at=now, **rows) == len(sent):
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
