"""From ready to an outcome: claim, intend, record, reap. Each is a conditional UPDATE.

Callers give every instant. On SQLite each function runs in a transaction that began
IMMEDIATE, on PostgreSQL beside others: what it decides by is locked, or stands in the
condition of its UPDATE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Dialect,
    Integer,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    select,
)
from sqlmodel import Session

from digest.model import (
    Delivery,
    DeliveryId,
    DeliveryState,
    Outcome,
    OutcomeKind,
    SubscriberState,
)
from digest.store.ledger.papers import release_papers
from digest.store.ledger.rows import DELIVERY, SUBSCRIBER, move, to_delivery
from digest.store.ledger.states import Event
from digest.store.prepared import Columns, Prepared, Row

LEASE = timedelta(minutes=15)
MAX_CLAIM = 50
REPLY_LIMIT = 500

TOO_LATE = "too late: the period ended before it could be handed off"
STOPPED = "the sender stopped during the hand-off; nobody knows whether it arrived"
IN_DOUBT = "; nobody knows whether an earlier hand-off arrived"

_COLUMN = DELIVERY.c
_EVENT_OF = {
    OutcomeKind.SENT: Event.SENT,
    OutcomeKind.BOUNCED: Event.BOUNCED,
    OutcomeKind.FAILED: Event.FAILED,
    OutcomeKind.RETRY: Event.RETRY,
    OutcomeKind.UNKNOWN: Event.LOST,
}
_RELEASING = frozenset({OutcomeKind.BOUNCED, OutcomeKind.FAILED})
_DOUBTED = _COLUMN.doubted_fence.is_not(None)


_AT: BindParameter[datetime] = bindparam("at", type_=_COLUMN.closes_at.type)
_READY = (
    select(_COLUMN.id)
    .join(SUBSCRIBER, SUBSCRIBER.c.id == _COLUMN.subscriber_id)
    .where(
        _COLUMN.state == DeliveryState.READY.value,
        _COLUMN.next_attempt_at <= _AT,
        _COLUMN.closes_at > _AT,
        SUBSCRIBER.c.state == SubscriberState.ACTIVE.value,
    )
    # As the index has them: a digest's hour makes thousands ready at one instant, and none
    # of them need be sorted for a claim.
    .order_by(_COLUMN.next_attempt_at, _COLUMN.id)
    .limit(bindparam("at_most", type_=Integer))
    .with_for_update(skip_locked=True, of=DELIVERY)
    # As a plain subquery PostgreSQL may run it again, and lock more than the limit.
    .cte("ready")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
_CLAIM = Prepared(
    move(Event.CLAIM, _COLUMN.id.in_(select(_READY.c.id)), by_id=True)
    .values(
        fence=_COLUMN.fence + 1,
        lease_until_at=bindparam("leased_until_at", type_=_COLUMN.lease_until_at.type),
    )
    .returning(*_COLUMN)
)
_COLUMNS = Columns(_COLUMN)


@dataclass(frozen=True, slots=True)
class Claim:
    """What was claimed, not read yet: that may be done after the commit, by somebody else."""

    _rows: Sequence[Row]
    _dialect: Dialect

    def deliveries(self) -> list[Delivery]:
        """Read the deliveries, in the order of their ids."""
        claimed = [to_delivery(row) for row in _COLUMNS.read(self._rows, self._dialect)]
        return sorted(claimed, key=lambda one: one.id)


def claim(tx: Session, now: datetime, *, limit: int = MAX_CLAIM) -> Claim:
    """Take what is ready now for 15 minutes; each claim has a new fence number.

    Args:
        tx: A writing transaction.
        now: Aware UTC.
        limit: At most 50 are taken whatever it says.
    """
    at_most = min(limit, MAX_CLAIM)
    rows = _CLAIM.rows(tx, at=now, at_most=at_most, leased_until_at=now + LEASE)
    return Claim(rows, tx.get_bind().dialect)


def claim_deliveries(tx: Session, now: datetime, *, limit: int = MAX_CLAIM) -> list[Delivery]:
    """Claim, as `claim` does, and read at once."""
    return claim(tx, now, limit=limit).deliveries()


def give_back(
    tx: Session, delivery_id: DeliveryId, fence: int, *, next_attempt_at: datetime, reply: str = ""
) -> bool:
    """Return a claim on which nothing was begun; it does not count as an attempt."""
    values: dict[str, Any] = {"next_attempt_at": next_attempt_at, "lease_until_at": None}
    if reply:
        values["reply"] = reply[:REPLY_LIMIT]
    return _moved(
        tx,
        move(Event.GIVE_BACK, _COLUMN.id == delivery_id, _COLUMN.fence == fence).values(values),
    )


def intend(tx: Session, delivery_id: DeliveryId, fence: int, now: datetime) -> bool:
    """Say that the hand-off begins; after the commit DATA may be said.

    Locks the subscriber's row and checks it in the same transaction: suppressing
    updates that row, so the two cannot pass each other. A delivery that may not be
    handed off any more ends `skipped` (suppressed) or `failed` (too late) here.

    Returns:
        False when the hand-off must stop: lease lost, suppressed, too late.
    """
    subscriber_state = tx.execute(
        select(SUBSCRIBER.c.state)
        .join(DELIVERY, _COLUMN.subscriber_id == SUBSCRIBER.c.id)
        .where(_COLUMN.id == delivery_id)
        .with_for_update(read=True, of=SUBSCRIBER)
    ).scalar()
    mine = and_(_COLUMN.id == delivery_id, _COLUMN.fence == fence, _COLUMN.lease_until_at > now)
    if subscriber_state != SubscriberState.ACTIVE.value:
        _withdraw(tx, mine, now)
        return False
    if _too_late(tx, and_(mine, _COLUMN.closes_at <= now), now):
        return False
    return _moved(
        tx,
        move(Event.INTEND, mine).values(intended_values(now + LEASE)),
    )


def intended_values(lease_until_at: datetime | BindParameter[datetime]) -> dict[str, Any]:
    """What an intent changes besides the state."""
    return {"attempts": _COLUMN.attempts + 1, "lease_until_at": lease_until_at}


def record(
    tx: Session,
    delivery_id: DeliveryId,
    fence: int,
    outcome: Outcome,
    now: datetime,
    *,
    retry_at: datetime | None = None,
    counts_as_attempt: bool = True,
    counts_as_try: bool = True,
) -> bool:
    """Write down what became of a hand-off.

    Args:
        tx: A writing transaction.
        delivery_id: Of the claim.
        fence: Of the claim: a worker that lost its lease to another changes nothing.
        outcome: Any but `WITHDRAWN`.
        now: Aware UTC.
        retry_at: When a `RETRY`, or by policy an `UNKNOWN`, may be tried again.
        counts_as_attempt: Whether it counts against the subscriber.
        counts_as_try: Whether the backoff grows by this one.

    A refusal says nothing of an earlier hand-off that may have arrived: then the
    delivery is unknown again, and keeps its papers.

    Returns:
        False when the row is in a state that this outcome cannot follow.
    """
    event = _EVENT_OF[outcome.kind]
    reply = outcome.reply[:REPLY_LIMIT]
    mine = and_(_COLUMN.id == delivery_id, _COLUMN.fence == fence)
    values = handed_off_values(
        outcome.kind, counts_as_attempt=counts_as_attempt, counts_as_try=counts_as_try
    )
    if outcome.kind in _RELEASING:
        ending = _Ending(event, Event.REFUSED_IN_DOUBT, literal(reply), values)
        earlier = and_(_DOUBTED, _COLUMN.doubted_fence != fence)
        return _end(tx, ending, mine, now, in_doubt=earlier) == 1
    values |= {"reply": reply, "lease_until_at": None, "next_attempt_at": retry_at}
    if outcome.kind is not OutcomeKind.RETRY:
        values["finished_at"] = now
    return _moved(tx, move(event, mine).values(values))


def handed_off_values(
    kind: OutcomeKind, *, counts_as_attempt: bool, counts_as_try: bool
) -> dict[str, Any]:
    """What the end of a hand-off changes in the counters and in the doubt."""
    return {
        "attempts": _attempts(counts_as_attempt=counts_as_attempt),
        "tries": _COLUMN.tries + (1 if counts_as_try else 0),
        "doubted_fence": _doubt_after(kind),
    }


def _doubt_after(kind: OutcomeKind) -> ColumnElement[int | None]:
    """An answer ends the doubt of its own hand-off, and of no other."""
    if kind is OutcomeKind.UNKNOWN:
        return func.coalesce(_COLUMN.doubted_fence, _COLUMN.fence)
    return case((_COLUMN.doubted_fence == _COLUMN.fence, null()), else_=_COLUMN.doubted_fence)


def _attempts(*, counts_as_attempt: bool) -> ColumnElement[int]:
    # The intent has counted already what ends after it; what ends at MAIL or RCPT has none.
    before_intent = _COLUMN.state == DeliveryState.CLAIMED.value
    if counts_as_attempt:
        return case((before_intent, _COLUMN.attempts + 1), else_=_COLUMN.attempts)
    return case((before_intent, _COLUMN.attempts), else_=_COLUMN.attempts - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """What was found lying about, in numbers of deliveries."""

    reclaimed: int = 0
    unknown: int = 0
    resent: int = 0
    withdrawn: int = 0
    too_late: int = 0


def tidy(
    tx: Session, now: datetime, *, resend_unknown: bool = False
) -> tuple[Tidied, list[DeliveryId]]:
    """Mend what dead workers, suppressions and closed periods left behind.

    Expired claims are ready again and expired hand-offs unknown. Then what may not be
    mailed any more is skipped, and what is too late has failed; both give back their
    papers, before anything new is prepared. Of these, what may have arrived is unknown
    again instead, and keeps its papers.

    Args:
        tx: A writing transaction.
        now: Aware UTC.
        resend_unknown: Whether `unknown_policy` is `resend`.

    Returns:
        What was found, and which unknown deliveries are ready again by policy.
    """
    expired = _COLUMN.lease_until_at <= now
    reclaimed = _count(
        tx, move(Event.REAP_CLAIM, expired).values(lease_until_at=None, next_attempt_at=now)
    )
    unknown = _count(
        tx,
        move(Event.REAP_HAND_OFF, expired).values(
            lease_until_at=None,
            next_attempt_at=now,
            finished_at=now,
            reply=STOPPED,
            doubted_fence=_doubt_after(OutcomeKind.UNKNOWN),
        ),
    )
    active = exists().where(
        SUBSCRIBER.c.id == _COLUMN.subscriber_id,
        SUBSCRIBER.c.state == SubscriberState.ACTIVE.value,
    )
    resent: list[DeliveryId] = []
    if resend_unknown:
        still_open = and_(_COLUMN.next_attempt_at <= now, _COLUMN.closes_at > now, active)
        resent = _ids(tx, move(Event.RESEND_BY_POLICY, still_open).values(finished_at=None))
    tidied = Tidied(
        reclaimed=reclaimed,
        unknown=unknown,
        resent=len(resent),
        withdrawn=_withdraw(tx, ~active, now),
        too_late=_too_late(tx, _COLUMN.closes_at <= now, now),
    )
    return tidied, resent


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a delivery ends: for good, or `in_doubt` where an earlier hand-off may have arrived."""

    event: Event
    in_doubt: Event
    reply: ColumnElement[str]
    values: Mapping[str, Any] = field(default_factory=dict)


def _withdraw(tx: Session, condition: ColumnElement[bool], now: datetime) -> int:
    state = (
        select(SUBSCRIBER.c.state).where(SUBSCRIBER.c.id == _COLUMN.subscriber_id).scalar_subquery()
    )
    reply = state + literal(" before hand-off")
    return _end(tx, _Ending(Event.WITHDRAW, Event.WITHDRAW_IN_DOUBT, reply), condition, now)


def _too_late(tx: Session, condition: ColumnElement[bool], now: datetime) -> int:
    last_reply = func.replace(_COLUMN.reply, IN_DOUBT, "")
    reply = case(
        (_COLUMN.reply == "", literal(TOO_LATE)),
        else_=literal(f"{TOO_LATE}; before that: ") + last_reply,
    )
    return _end(tx, _Ending(Event.TOO_LATE, Event.TOO_LATE_IN_DOUBT, reply), condition, now)


def _end(
    tx: Session,
    ending: _Ending,
    condition: ColumnElement[bool],
    now: datetime,
    *,
    in_doubt: ColumnElement[bool] = _DOUBTED,
) -> int:
    """End deliveries and release their papers; what may have arrived keeps them, unknown."""
    values = {
        "reply": ending.reply,
        "finished_at": now,
        "lease_until_at": None,
        "next_attempt_at": None,
        **ending.values,
    }
    over: Sequence[tuple[int, int]] = tx.execute(
        move(ending.event, condition, ~in_doubt)
        .values({**values, "released_at": now})
        .returning(_COLUMN.subscriber_id, _COLUMN.id)
    ).all()
    release_papers(tx, over)
    doubted = _count(
        tx,
        move(ending.in_doubt, condition, in_doubt).values(
            {**values, "reply": ending.reply + literal(IN_DOUBT)}
        ),
    )
    return len(over) + doubted


def _ids(tx: Session, statement: Any) -> list[DeliveryId]:
    return list(tx.execute(statement.returning(_COLUMN.id)).scalars())


def _count(tx: Session, statement: Any) -> int:
    return len(_ids(tx, statement))


def _moved(tx: Session, statement: Any) -> bool:
    return len(_ids(tx, statement)) == 1
