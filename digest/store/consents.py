"""Consent records: dated facts that are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, insert, select

from digest.model import ConsentKind, SubscriberId
from digest.store.tables import ConsentRow


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
