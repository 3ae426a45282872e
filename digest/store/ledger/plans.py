"""Preparing deliveries: plans become rows, once, and their papers are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session

from digest.model import (
    NOTHING_NEW,
    DeliveryId,
    DeliveryPlan,
    DeliveryState,
    Period,
    PlannedPaper,
    SubscriberId,
)
from digest.store.dialect import insert_into
from digest.store.ledger.papers import take_papers
from digest.store.ledger.rows import DELIVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Inserted:
    """What became of plans: `ids` were prepared, `existing` had their period already."""

    ids: tuple[DeliveryId, ...] = ()
    existing: int = 0


def insert_plans(
    tx: Session, plans: Sequence[DeliveryPlan], *, now: datetime, message_ids: Sequence[str]
) -> Inserted:
    """Record owed periods, and take their papers.

    A period that has a row already is left alone, and so are its papers. Papers that
    are not free leave the delivery; one that keeps none is skipped.

    Args:
        tx: A writing transaction.
        plans: At most one for each subscriber and period.
        now: Aware UTC; the Date of the mails.
        message_ids: One for each plan, new, with angle brackets.
    """
    if not plans:
        return Inserted()
    ordered = sorted(
        zip(plans, message_ids, strict=True),
        key=lambda one: (one[0].subscriber_id, one[0].scheduled_at, one[0].period),
    )
    statement = (
        insert_into(tx, DELIVERY)
        .on_conflict_do_nothing(index_elements=["subscriber_id", "period"])
        .returning(DELIVERY.c.id, DELIVERY.c.subscriber_id, DELIVERY.c.period)
    )
    rows = [_row(plan, message_id, now) for plan, message_id in ordered]
    inserted = {
        (SubscriberId(subscriber_id), Period(period)): DeliveryId(delivery_id)
        for delivery_id, subscriber_id, period in tx.connection().execute(statement, rows)
    }
    attached = [
        (inserted[plan.subscriber_id, plan.period], plan)
        for plan, _ in ordered
        if (plan.subscriber_id, plan.period) in inserted
    ]
    _take(tx, attached, now)
    return Inserted(ids=tuple(inserted.values()), existing=len(plans) - len(inserted))


def _row(plan: DeliveryPlan, message_id: str, now: datetime) -> dict[str, Any]:
    skipped = _skip_reason(plan)
    return {
        "subscriber_id": plan.subscriber_id,
        "period": plan.period,
        "state": (DeliveryState.SKIPPED if skipped else DeliveryState.READY).value,
        "scheduled_at": plan.scheduled_at,
        "closes_at": plan.closes_at,
        "prepared_at": now,
        "content": _content(plan, plan.papers if not skipped else ()),
        "message_id": message_id,
        "message_date_at": now,
        "attempts": 0,
        "tries": 0,
        "next_attempt_at": None if skipped else now,
        "fence": 0,
        "finished_at": now if skipped else None,
        "reply": skipped,
    }


def _skip_reason(plan: DeliveryPlan) -> str:
    return plan.skip_reason or ("" if plan.papers else NOTHING_NEW)


def _content(plan: DeliveryPlan, papers: Sequence[PlannedPaper]) -> dict[str, Any]:
    return {
        "papers": [[paper.paper_id, list(paper.query_ids)] for paper in papers],
        "rest": list(plan.rest),
        "carried": plan.carried,
        "left_over": plan.left_over,
        "notices": list(plan.notices),
    }


def _take(tx: Session, attached: Sequence[tuple[DeliveryId, DeliveryPlan]], now: datetime) -> None:
    with_papers = [(one, plan) for one, plan in attached if not _skip_reason(plan)]
    free = take_papers(
        tx,
        (
            (plan.subscriber_id, paper.paper_id, delivery_id)
            for delivery_id, plan in with_papers
            for paper in plan.papers
        ),
    )
    seen: set[tuple[SubscriberId, int]] = set()
    for delivery_id, plan in with_papers:
        kept = []
        for paper in plan.papers:
            key = (plan.subscriber_id, paper.paper_id)
            if key in free and key not in seen:
                seen.add(key)
                kept.append(paper)
        if len(kept) < len(plan.papers):
            _shorten(tx, delivery_id, plan, kept, now)


def _shorten(
    tx: Session,
    delivery_id: DeliveryId,
    plan: DeliveryPlan,
    kept: Sequence[PlannedPaper],
    now: datetime,
) -> None:
    values: dict[str, Any] = {"content": _content(plan, kept)}
    if not kept:
        values |= {
            "state": DeliveryState.SKIPPED.value,
            "reply": NOTHING_NEW,
            "next_attempt_at": None,
            "finished_at": now,
        }
    # In the transaction that inserted the row: nobody has seen it in another state.
    tx.execute(update(DELIVERY).where(DELIVERY.c.id == delivery_id).values(values))
