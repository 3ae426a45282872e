"""What an operator does by hand: resend a delivery, or say what became of an unknown one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlmodel import Session

from digest.errors import DeliveryError, NotFoundError
from digest.model import (
    Delivery,
    DeliveryId,
    DeliveryState,
    PaperId,
    PlannedPaper,
    QueryId,
    SubscriberState,
)
from digest.store.ledger.handoff import REPLY_LIMIT
from digest.store.ledger.papers import delivery_of_paper, release_papers, take_papers
from digest.store.ledger.rows import DELIVERY, MERGED, PAPER, SUBSCRIBER, get_delivery, move
from digest.store.ledger.states import LEGAL, Event

REOPENED_FOR = timedelta(hours=24)


class Resolution(StrEnum):
    """What an operator found out about an unknown delivery."""

    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """A delivery that is ready again, and which of its papers could not be taken back.

    Papers that were merged meanwhile go by the ids they have now.
    """

    delivery: Delivery
    not_free: tuple[PaperId, ...]


def resend(tx: Session, delivery_id: DeliveryId, now: datetime) -> Resent:
    """Make a failed, bounced or unknown delivery ready again.

    Message-ID, Date and papers stay. Papers that another digest has taken meanwhile
    leave it. A period that has closed, or closes sooner, stays open for 24 hours more.

    Raises:
        NotFoundError: If there is no such delivery.
        DeliveryError: If it is in another state, its subscriber may not be mailed, or
            none of its papers is free.
    """
    delivery = _get(tx, delivery_id)
    _check(delivery, Event.RESEND, "resent")
    state = tx.execute(
        select(SUBSCRIBER.c.state).where(SUBSCRIBER.c.id == delivery.subscriber_id)
    ).scalar()
    if state != SubscriberState.ACTIVE.value:
        raise DeliveryError(
            f"delivery {delivery_id} cannot be resent: its subscriber is {state}", permanent=True
        )
    recorded = _as_merged(tx, delivery.papers)
    kept, not_free = _take_back(tx, delivery, list(recorded))
    if not kept:
        raise DeliveryError(
            f"delivery {delivery_id} cannot be resent: none of its papers is free", permanent=True
        )
    content = select(DELIVERY.c.content).where(DELIVERY.c.id == delivery_id)
    papers = [[paper_id, query_ids] for paper_id, query_ids in recorded.items() if paper_id in kept]
    tx.execute(
        move(Event.RESEND, DELIVERY.c.id == delivery_id).values(
            content={**(tx.execute(content).scalar() or {}), "papers": papers},
            closes_at=max(delivery.closes_at, now + REOPENED_FOR),
            next_attempt_at=now,
            tries=0,
            finished_at=None,
            released_at=None,
        )
    )
    return Resent(delivery=_get(tx, delivery_id), not_free=not_free)


def _as_merged(tx: Session, papers: Sequence[PlannedPaper]) -> dict[PaperId, list[QueryId]]:
    """Return recorded papers by the ids they have now; two that became one stand once."""
    ids = [paper.paper_id for paper in papers]
    merged = tx.execute(select(MERGED.c.old_id, MERGED.c.paper_id).where(MERGED.c.old_id.in_(ids)))
    ids_now = {PaperId(old_id): PaperId(paper_id) for old_id, paper_id in merged}
    queries: dict[PaperId, dict[QueryId, None]] = {}
    for paper in papers:
        paper_id = ids_now.get(paper.paper_id, paper.paper_id)
        queries.setdefault(paper_id, {}).update(dict.fromkeys(paper.query_ids))
    return {paper_id: list(query_ids) for paper_id, query_ids in queries.items()}


def _take_back(
    tx: Session, delivery: Delivery, wanted: Sequence[PaperId]
) -> tuple[set[PaperId], tuple[PaperId, ...]]:
    there = set(tx.execute(select(PAPER.c.id).where(PAPER.c.id.in_(wanted))).scalars())
    take_papers(tx, ((delivery.subscriber_id, one, delivery.id) for one in wanted if one in there))
    kept = {
        one for one in wanted if delivery_of_paper(tx, delivery.subscriber_id, one) == delivery.id
    }
    return kept, tuple(one for one in wanted if one not in kept)


def resolve(
    tx: Session,
    delivery_id: DeliveryId,
    resolution: Resolution,
    now: datetime,
    *,
    by: str = "by hand",
) -> Delivery:
    """Say what became of an unknown delivery; `failed` gives back its papers.

    Args:
        tx: A writing transaction.
        delivery_id: Which one.
        resolution: What became of it.
        now: Aware UTC.
        by: Who or what found out; it stands in the delivery's reply.

    Raises:
        NotFoundError: If there is no such delivery.
        DeliveryError: If it is not unknown.
    """
    delivery = _get(tx, delivery_id)
    event = Event.RESOLVE_SENT if resolution is Resolution.SENT else Event.RESOLVE_FAILED
    _check(delivery, event, "resolved")
    released_at = now if resolution is Resolution.FAILED else None
    tx.execute(
        move(event, DELIVERY.c.id == delivery_id).values(
            finished_at=now,
            released_at=released_at,
            next_attempt_at=None,
            doubted_fence=None,
            reply=f"resolved {by} as {resolution}; before that: {delivery.reply}"[:REPLY_LIMIT],
        )
    )
    if resolution is Resolution.FAILED:
        release_papers(tx, [(delivery.subscriber_id, delivery.id)])
    return _get(tx, delivery_id)


def _get(tx: Session, delivery_id: DeliveryId) -> Delivery:
    """Read a delivery that is to be changed: no late answer comes in between."""
    tx.execute(select(DELIVERY.c.id).where(DELIVERY.c.id == delivery_id).with_for_update())
    delivery = get_delivery(tx, delivery_id)
    if delivery is None:
        raise NotFoundError(f"there is no delivery {delivery_id}")
    return delivery


def _check(delivery: Delivery, event: Event, verb: str) -> None:
    sources = LEGAL[event].sources
    if delivery.state not in sources:
        allowed = [state.value for state in DeliveryState if state in sources]
        raise DeliveryError(
            f"delivery {delivery.id} is {delivery.state}: "
            f"only what is {' or '.join(allowed)} can be {verb}",
            permanent=True,
        )
