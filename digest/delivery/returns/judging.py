"""Judge a failure: read the history, decide once, suppress where decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session

from digest.delivery.returns.suppression import (
    Failure,
    Gravity,
    decide_suppression,
    gravity_of,
)
from digest.model import ConsentKind, DeliveryId, DeliveryReport, ReportKind, Subscriber
from digest.store.reports import FailedDelivery, failures_since, last_arrival_at
from digest.store.subscribers import suppress


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a failure did to its subscriber, and why."""

    suppressed: bool
    reason: str


def fingerprints(report: DeliveryReport, way: str) -> list[str]:
    """Name a report of a delivery, and after it those that say as much of the delivery.

    A delivery may be handed off again, and several reports may speak of it: of each kind
    one counts, and of failures also each that is graver than those before it.

    Args:
        report: About a delivery.
        way: How it came.
    """
    name = f"{way}:{report.kind}:{report.delivery_id}"
    if report.kind is not ReportKind.FAILED:
        return [name]
    return [f"{name}:{one.name.lower()}" for one in Gravity if one >= gravity_of(report.status)]


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
        for one in _gravest(failures_since(tx, subscriber.id, since))
        if one.delivery_id != report.delivery_id
    ]
    verdict = decide_suppression(history, event)
    if not verdict.suppress:
        return Judged(suppressed=False, reason=verdict.reason)
    evidence = f"delivery {report.delivery_id}, {report.source}: {verdict.reason}"
    suppressed = suppress(tx, subscriber.id, ConsentKind.BOUNCED, report.at, evidence)
    return Judged(suppressed=suppressed, reason=verdict.reason)


def _gravest(failures: Iterable[FailedDelivery]) -> Iterable[FailedDelivery]:
    """Return of each delivery the failure that says most against the address."""
    gravest: dict[DeliveryId, FailedDelivery] = {}
    for one in failures:
        known = gravest.get(one.delivery_id)
        if known is None or gravity_of(one.status) > gravity_of(known.status):
            gravest[one.delivery_id] = one
    return gravest.values()
