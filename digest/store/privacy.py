"""What is kept of a person, erasing it, and whom not to mail without keeping an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select as select_many
from sqlmodel import Session, col, delete, insert, select, update

from digest.model import Alias, DeliveryState, Period, SubscriberId, SubscriberState
from digest.store.tables import (
    ConsentRow,
    DeliveryRow,
    ForgottenRow,
    InterestRow,
    LetterRow,
    PaperRow,
    ReportRow,
    SubscriberRow,
    TokenRow,
)

_CHUNK = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDelivery:
    """A digest as a person's data export tells it; papers by canonical alias."""

    period: Period
    state: DeliveryState
    scheduled_at: datetime
    papers: tuple[Alias, ...]
    reply: str


def past_deliveries(tx: Session, subscriber_id: SubscriberId) -> list[PastDelivery]:
    """Return all deliveries of a subscriber, oldest first."""
    rows = tx.execute(
        select_many(
            col(DeliveryRow.period),
            col(DeliveryRow.state),
            col(DeliveryRow.scheduled_at),
            col(DeliveryRow.content),
            col(DeliveryRow.reply),
        )
        .where(col(DeliveryRow.subscriber_id) == subscriber_id)
        .order_by(col(DeliveryRow.scheduled_at), col(DeliveryRow.id))
    ).all()
    papers = [[entry[0] for entry in content.get("papers", ())] for _, _, _, content, _ in rows]
    wanted = sorted({one for group in papers for one in group})
    aliases: dict[int, Alias] = {}
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        found = tx.exec(select(PaperRow.id, PaperRow.alias).where(col(PaperRow.id).in_(chunk)))
        aliases.update((one, Alias(alias)) for one, alias in found if one is not None)
    return [
        PastDelivery(
            period=Period(period),
            state=DeliveryState(state),
            scheduled_at=scheduled_at,
            papers=tuple(aliases[one] for one in group if one in aliases),
            reply=reply,
        )
        for (period, state, scheduled_at, _content, reply), group in zip(rows, papers, strict=True)
    ]


def forgotten_states(tx: Session, hashes: Sequence[str]) -> dict[str, SubscriberState]:
    """Return what erased and suppressed people were, by the keyed hash of their address."""
    found: dict[str, SubscriberState] = {}
    for start in range(0, len(hashes), _CHUNK):
        rows = tx.exec(
            select(ForgottenRow.address_hash, ForgottenRow.state).where(
                col(ForgottenRow.address_hash).in_(hashes[start : start + _CHUNK])
            )
        ).all()
        found.update((address_hash, SubscriberState(state)) for address_hash, state in rows)
    return found


def forget_suppression(tx: Session, hashes: Sequence[str]) -> None:
    """Drop the memory of a suppressed address, after a new double opt-in."""
    tx.exec(delete(ForgottenRow).where(col(ForgottenRow.address_hash).in_(hashes)))


def erase_subscriber(
    tx: Session,
    subscriber_id: SubscriberId,
    *,
    now: datetime,
    address_hash: str,
    state: SubscriberState | None,
) -> None:
    """Remove all that names a person; what was sent stays as anonymous rows.

    Args:
        tx: A writing transaction.
        subscriber_id: Whom.
        now: When they were erased.
        address_hash: Keyed hash of the address.
        state: The suppression to remember under that hash, None to remember nothing.
    """
    # No digest is prepared for them from here on.
    tx.exec(
        select(SubscriberRow.id).where(col(SubscriberRow.id) == subscriber_id).with_for_update()
    )
    for table in (InterestRow, TokenRow, LetterRow, ReportRow):
        tx.exec(delete(table).where(col(table.subscriber_id) == subscriber_id))
    tx.exec(
        update(ConsentRow).where(col(ConsentRow.subscriber_id) == subscriber_id).values(evidence="")
    )
    deliveries = tx.exec(
        select(DeliveryRow.id, DeliveryRow.content).where(
            col(DeliveryRow.subscriber_id) == subscriber_id
        )
    ).all()
    if deliveries:
        tx.exec(
            update(DeliveryRow),
            params=[
                {"id": one, "content": _without_queries(content), "reply": ""}
                for one, content in deliveries
            ],
        )
    marker = f"erased:{subscriber_id}"
    tx.exec(
        update(SubscriberRow)
        .where(col(SubscriberRow.id) == subscriber_id)
        .values(
            email=marker,
            email_key=marker,
            state=SubscriberState.UNSUBSCRIBED.value,
            timezone="UTC",
            pause_until=None,
            next_digest_at=None,
            welcome_due_at=None,
            erased_at=now,
        )
    )
    if state is not None:
        forget_suppression(tx, [address_hash])
        tx.exec(insert(ForgottenRow).values(address_hash=address_hash, state=state.value, at=now))


def drop_unconfirmed(tx: Session, *, before: datetime) -> int:
    """Drop sign-ups that were never confirmed, with their letters.

    Args:
        tx: A writing transaction.
        before: Those who came, and were last written to, before this instant.

    Returns:
        How many were dropped.
    """
    recent = select(LetterRow.subscriber_id).where(col(LetterRow.created_at) >= before)
    ids = tx.exec(
        select(SubscriberRow.id).where(
            col(SubscriberRow.state) == SubscriberState.PENDING.value,
            col(SubscriberRow.consented_at).is_(None),
            col(SubscriberRow.created_at) < before,
            col(SubscriberRow.id).not_in(recent),
        )
    ).all()
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        for table in (InterestRow, TokenRow, LetterRow, ReportRow, ConsentRow):
            tx.exec(delete(table).where(col(table.subscriber_id).in_(chunk)))
        tx.exec(delete(SubscriberRow).where(col(SubscriberRow.id).in_(chunk)))
    return len(ids)


def _without_queries(content: Mapping[str, Any]) -> dict[str, Any]:
    """Keep which papers were sent, and drop which interests wanted them."""
    papers = [[entry[0], []] for entry in content.get("papers", ())]
    return {**content, "papers": papers, "rest": [], "notices": []}
