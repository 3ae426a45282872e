"""Judge a failure: read the history, decide once, suppress where decided."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from digest.delivery.returns.suppression import Failure, decide_suppression
from digest.model import ConsentKind, DeliveryReport, Subscriber
from digest.store.reports import failures_since, last_arrival_at
from digest.store.subscribers import suppress


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a failure did to its subscriber, and why."""

    suppressed: bool
    reason: str


def judge_failure(tx: Session, report: DeliveryReport, subscriber: Subscriber) -> Judged:
    """Stop mailing a subscriber where a failure, with those before it, says so.

    Args:
        tx: A writing transaction; the report is kept in it already.
        report: Of kind `failed`, about a delivery.
        subscriber: Whose delivery.
    """
    handed_off_at = report.handed_off_at or report.at
    consented_at = subscriber.consented_at
    if consented_at is not None and handed_off_at < consented_at:
        return Judged(suppressed=False, reason="older than their new consent")
    arrived_at = last_arrival_at(tx, subscriber.id, handed_off_at)
    since = max((at for at in (arrived_at, consented_at) if at is not None), default=None)
    event = Failure(handed_off_at=handed_off_at, status=report.status)
    history = [
        Failure(handed_off_at=one.handed_off_at, status=one.status)
        for one in failures_since(tx, subscriber.id, since)
        if one.delivery_id != report.delivery_id
    ]
    verdict = decide_suppression(history, event)
    if not verdict.suppress:
        return Judged(suppressed=False, reason=verdict.reason)
    evidence = f"delivery {report.delivery_id}, {report.source}: {verdict.reason}"
    suppressed = suppress(tx, subscriber.id, ConsentKind.BOUNCED, report.at, evidence)
    return Judged(suppressed=suppressed, reason=verdict.reason)
