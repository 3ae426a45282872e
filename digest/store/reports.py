"""What came back about deliveries: evidence by subscriber and delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, or_
from sqlalchemy import select as select_many
from sqlmodel import Session, col, delete, func, insert, select

from digest.model import (
    DeliveryId,
    DeliveryReport,
    DeliveryState,
    ReportKind,
    SubscriberId,
)
from digest.store.tables import DeliveryRow, ReportRow

KEPT_WITHOUT_DELIVERY = 50
"""Reports about a subscriber alone that are kept: each is a mail that anybody who has one
of their digests could write again and again."""

_FOR_GOOD = (ReportKind.COMPLAINT.value, ReportKind.UNSUBSCRIBE.value)
_SMTP = "smtp"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDelivery:
    """One delivery that did not arrive: when it was handed off, and the status code."""

    delivery_id: DeliveryId
    handed_off_at: datetime
    status: str | None


def add_report(
    tx: Session, report: DeliveryReport, *, fingerprint: str, covered_by: Sequence[str] = ()
) -> bool:
    """Keep a report.

    Args:
        tx: A writing transaction.
        report: What was reported.
        fingerprint: Names the report: the same one has the same name, however it came.
        covered_by: Names of reports that say as much: where one is kept, this one is known.

    Returns:
        False when it was known: nothing was changed.
    """
    names = [fingerprint, *covered_by]
    known = tx.exec(select(ReportRow.id).where(col(ReportRow.fingerprint).in_(names))).first()
    if known is not None:
        return False
    if report.delivery_id is None and _without_delivery(tx, report) >= KEPT_WITHOUT_DELIVERY:
        return True
    tx.exec(
        insert(ReportRow).values(
            fingerprint=fingerprint,
            subscriber_id=report.subscriber_id,
            delivery_id=report.delivery_id,
            kind=report.kind.value,
            at=report.at,
            handed_off_at=report.handed_off_at,
            source=report.source,
            status=report.status,
            said=report.said,
        )
    )
    return True


def _without_delivery(tx: Session, report: DeliveryReport) -> int:
    return tx.exec(
        select(func.count())
        .select_from(ReportRow)
        .where(
            col(ReportRow.subscriber_id) == report.subscriber_id,
            col(ReportRow.delivery_id).is_(None),
        )
    ).one()


def reports_of_delivery(tx: Session, delivery_id: DeliveryId) -> list[DeliveryReport]:
    """Return what came back about a delivery, in the order in which it came."""
    return _reports(tx, col(ReportRow.delivery_id) == delivery_id)


def reports_of_subscriber(tx: Session, subscriber_id: SubscriberId) -> list[DeliveryReport]:
    """Return what came back about a subscriber, in the order in which it came."""
    return _reports(tx, col(ReportRow.subscriber_id) == subscriber_id)


def last_arrival_at(tx: Session, subscriber_id: SubscriberId, before: datetime) -> datetime | None:
    """Return when the last digest was handed off that arrived, as far as is known.

    It was accepted, and nothing has come back that says it failed or waits; or a report
    says that it was delivered.

    Args:
        tx: A transaction.
        subscriber_id: Whose digests.
        before: Only those that were handed off before this instant.
    """
    delivered = _reported(col(ReportRow.kind) == ReportKind.DELIVERED.value)
    # A mailbox that was full for an hour is no longer: what the ledger says has come after.
    came_back = _reported(
        or_(
            col(ReportRow.kind) == ReportKind.FAILED.value,
            and_(col(ReportRow.kind) == ReportKind.DELAYED.value, col(ReportRow.source) != _SMTP),
        )
    )
    return tx.exec(
        select(func.max(col(DeliveryRow.finished_at))).where(
            col(DeliveryRow.subscriber_id) == subscriber_id,
            col(DeliveryRow.state) == DeliveryState.SENT.value,
            col(DeliveryRow.finished_at) < before,
            or_(delivered, ~came_back),
        )
    ).first()


def failures_since(
    tx: Session, subscriber_id: SubscriberId, since: datetime | None
) -> list[FailedDelivery]:
    """Return how deliveries after an instant did not arrive: each failure that was reported.

    Also those that a mailbox put off again and again until their period was over, where
    nothing final was said.
    """
    given_up = and_(
        col(ReportRow.kind) == ReportKind.DELAYED.value,
        col(ReportRow.source) == _SMTP,
        col(DeliveryRow.state).in_([DeliveryState.FAILED.value, DeliveryState.BOUNCED.value]),
    )
    final = case((col(ReportRow.kind) == ReportKind.FAILED.value, 0), else_=1)
    query = (
        select_many(
            col(ReportRow.delivery_id), col(ReportRow.handed_off_at), col(ReportRow.status), final
        )
        .join(DeliveryRow, col(DeliveryRow.id) == col(ReportRow.delivery_id))
        .where(
            col(ReportRow.subscriber_id) == subscriber_id,
            or_(col(ReportRow.kind) == ReportKind.FAILED.value, given_up),
        )
        .order_by(col(ReportRow.delivery_id), final, col(ReportRow.id))
    )
    if since is not None:
        query = query.where(col(ReportRow.handed_off_at) > since)
    first: dict[int, int] = {}
    return [
        FailedDelivery(
            delivery_id=DeliveryId(delivery_id), handed_off_at=handed_off_at, status=status
        )
        for delivery_id, handed_off_at, status, how in tx.execute(query).all()
        if first.setdefault(delivery_id, how) == how
    ]


def drop_reports(tx: Session, *, handed_off_before: datetime) -> int:
    """Drop evidence of old deliveries; complaints and requests to leave stay.

    Returns:
        How many were dropped.
    """
    result = tx.exec(
        delete(ReportRow).where(
            col(ReportRow.handed_off_at) < handed_off_before,
            col(ReportRow.kind).not_in(_FOR_GOOD),
        )
    )
    return result.rowcount


def _reported(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(col(ReportRow.delivery_id) == col(DeliveryRow.id), condition)


def _reports(tx: Session, condition: ColumnElement[bool]) -> list[DeliveryReport]:
    rows = tx.exec(select(ReportRow).where(condition).order_by(col(ReportRow.id))).all()
    return [
        DeliveryReport(
            kind=ReportKind(row.kind),
            subscriber_id=SubscriberId(row.subscriber_id),
            delivery_id=None if row.delivery_id is None else DeliveryId(row.delivery_id),
            at=row.at,
            handed_off_at=row.handed_off_at,
            source=row.source,
            status=row.status,
            said=row.said,
        )
        for row in rows
    ]
