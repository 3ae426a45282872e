"""A refusal during the hand-off: kept as evidence, and judged like a report."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlmodel import Session

from digest.delivery.returns.judging import fingerprints, judge_failure
from digest.model import Delivery, DeliveryReport, Outcome, OutcomeKind, ReportKind
from digest.store.reports import add_report
from digest.store.subscribers import get_subscriber

log = structlog.get_logger(__name__)

SOURCE = "smtp"
_FULL = "4.2.2"
"""Of the temporary refusals only this one speaks of the mailbox: 4.2.0 is mostly greylisting,
and 4.2.1 also a rate limit."""


def note_refusal(tx: Session, delivery: Delivery, outcome: Outcome, now: datetime) -> bool:
    """Keep what a refused hand-off says about the address; stop mailing it where due.

    Of any outcome that speaks of no address, nothing is kept. A mailbox that is full for
    the moment is noted, and counts once the delivery has ended so. Of one delivery that was
    handed off again, what is graver than before counts, and the same once.

    Args:
        tx: The writing transaction that records the outcome.
        delivery: Whose hand-off.
        outcome: As recorded.
        now: Aware UTC.

    Returns:
        Whether the subscriber was suppressed.
    """
    kind = _kind(outcome)
    if kind is None:
        return False
    report = DeliveryReport(
        kind=kind,
        subscriber_id=delivery.subscriber_id,
        delivery_id=delivery.id,
        at=now,
        handed_off_at=now,
        source=SOURCE,
        status=outcome.enhanced,
        said=outcome.reply,
    )
    fingerprint, *covered_by = fingerprints(report, SOURCE)
    if not add_report(tx, report, fingerprint=fingerprint, covered_by=covered_by):
        return False
    subscriber = get_subscriber(tx, delivery.subscriber_id)
    if kind is not ReportKind.FAILED or subscriber is None:
        return False
    judged = judge_failure(tx, report, subscriber)
    if judged.suppressed:
        log.info("address suppressed", subscriber=delivery.subscriber_id, code=outcome.enhanced)
    return judged.suppressed


def _kind(outcome: Outcome) -> ReportKind | None:
    if outcome.kind is OutcomeKind.BOUNCED:
        return ReportKind.FAILED
    if outcome.kind is OutcomeKind.RETRY and outcome.enhanced == _FULL:
        return ReportKind.DELAYED
    return None
