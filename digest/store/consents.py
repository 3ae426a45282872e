"""Consent records: dated facts that are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select as select_many
from sqlmodel import Session, col, func, insert, select

from digest.model import ConsentKind, SubscriberId, SubscriberState
from digest.store.tables import ConsentRow, SubscriberRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A dated fact about consent, with where it came from."""

    subscriber_id: SubscriberId
    kind: ConsentKind
    at: datetime
    evidence: str = ""


def consents_of(tx: Session, subscriber_id: SubscriberId) -> list[Consent]:
    """Return the consent records of a subscriber, oldest first."""
    rows = tx.exec(
        select(ConsentRow.kind, ConsentRow.at, ConsentRow.evidence)
        .where(col(ConsentRow.subscriber_id) == subscriber_id)
        .order_by(col(ConsentRow.id))
    ).all()
    return [
        Consent(subscriber_id=subscriber_id, kind=ConsentKind(kind), at=at, evidence=evidence)
        for kind, at, evidence in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedSubscriber:
    """A suppressed subscriber, and when and by what their mail stopped, if that is on record."""

    id: SubscriberId
    email: str
    state: SubscriberState
    since: datetime | None
    evidence: str


def stopped_subscribers(
    tx: Session, states: Sequence[SubscriberState], *, after: SubscriberId | None, limit: int
) -> list[StoppedSubscriber]:
    """Return a page of those in one of these states, in the order they came.

    Args:
        tx: A transaction.
        states: Suppressed ones; their names are those of the consent that led to them.
        after: The last id seen, or None.
        limit: At most so many.
    """
    newest = (
        select_many(func.max(col(ConsentRow.id)))
        .where(
            col(ConsentRow.subscriber_id) == col(SubscriberRow.id),
            col(ConsentRow.kind) == col(SubscriberRow.state),
        )
        .correlate(SubscriberRow)
        .scalar_subquery()
    )
    query = (
        select_many(
            col(SubscriberRow.id),
            col(SubscriberRow.email),
            col(SubscriberRow.state),
            col(ConsentRow.at),
            col(ConsentRow.evidence),
        )
        .join(ConsentRow, col(ConsentRow.id) == newest, isouter=True)
        .where(
            col(SubscriberRow.state).in_([state.value for state in states]),
            col(SubscriberRow.erased_at).is_(None),
        )
        .order_by(col(SubscriberRow.id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(SubscriberRow.id) > after)
    return [
        StoppedSubscriber(
            id=SubscriberId(one),
            email=email,
            state=SubscriberState(state),
            since=at,
            evidence=evidence or "",
        )
        for one, email, state, at, evidence in tx.execute(query).all()
    ]


def add_consents(tx: Session, consents: Sequence[Consent]) -> None:
    """Add consent records; there is no way to change one."""
    if consents:
        tx.exec(
            insert(ConsentRow),
            params=[
                {
                    "subscriber_id": one.subscriber_id,
                    "kind": one.kind.value,
                    "at": one.at,
                    "evidence": one.evidence,
                }
                for one in consents
            ],
        )
