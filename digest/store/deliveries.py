"""The digests of one subscriber, for their own eyes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from digest.model import DeliveryId, DeliveryState, Period, SubscriberId
from digest.store.tables import DeliveryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """One delivery in brief; `skip_reason` says why none was sent, else it is empty."""

    id: DeliveryId
    period: Period
    state: DeliveryState
    scheduled_at: datetime
    papers: int
    skip_reason: str


OPEN_STATES = (
    DeliveryState.READY,
    DeliveryState.CLAIMED,
    DeliveryState.SENDING,
    DeliveryState.UNKNOWN,
)
"""Those that are not over, and those of which nobody knows."""


def count_open(tx: Session) -> dict[DeliveryState, int]:
    """Count the deliveries that are not over, by state: an index holds just these."""
    rows = tx.execute(
        select(col(DeliveryRow.state), func.count())
        .where(col(DeliveryRow.state).in_([state.value for state in OPEN_STATES]))
        .group_by(col(DeliveryRow.state))
    )
    return {**dict.fromkeys(OPEN_STATES, 0), **{DeliveryState(one): count for one, count in rows}}


def recent_deliveries(
    tx: Session, subscriber_id: SubscriberId, *, limit: int
) -> list[DeliveryLine]:
    """Return the newest deliveries of a subscriber."""
    rows = tx.execute(
        select(
            col(DeliveryRow.id),
            col(DeliveryRow.period),
            col(DeliveryRow.state),
            col(DeliveryRow.scheduled_at),
            col(DeliveryRow.content),
            col(DeliveryRow.reply),
        )
        .where(col(DeliveryRow.subscriber_id) == subscriber_id)
        .order_by(col(DeliveryRow.scheduled_at).desc(), col(DeliveryRow.id).desc())
        .limit(limit)
    ).all()
    return [
        DeliveryLine(
            id=DeliveryId(one),
            period=Period(period),
            state=DeliveryState(state),
            scheduled_at=scheduled_at,
            papers=len(content.get("papers", ())),
            skip_reason=reply if state == DeliveryState.SKIPPED.value else "",
        )
        for one, period, state, scheduled_at, content, reply in rows
        if one is not None
    ]
