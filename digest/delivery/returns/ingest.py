"""Take in what came back: read each mail, prove it, write it down once, act on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from sqlmodel import Session

from digest.delivery.returns.judging import fingerprints, judge_failure
from digest.delivery.returns.proof import prove
from digest.delivery.returns.read import read_returned_mail
from digest.delivery.returns.report import Proof, ReturnedMail
from digest.model import (
    ConsentKind,
    Delivery,
    DeliveryReport,
    DeliveryState,
    ReportKind,
    Subscriber,
)
from digest.store import Store, ledger
from digest.store.ledger import Resolution
from digest.store.reports import add_report
from digest.store.subscribers import get_subscriber, suppress
from digest.subscribers.tokens import TokenSigner

log = structlog.get_logger(__name__)

_OF_DELIVERY = (ReportKind.FAILED, ReportKind.DELAYED, ReportKind.DELIVERED)


class Effect(StrEnum):
    """What a mail did."""

    BOUNCED = "bounced"
    """Its subscriber is mailed no more: the address does not take it."""
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    NOTED = "noted"
    """It is on record, and nobody's state has changed."""
    KNOWN = "known"
    """The same report was taken in before, or a graver one."""
    UNPROVEN = "unproven"
    """Nothing in it was signed by us, so it is not believed."""
    IGNORED = "ignored"
    """It asks for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one mail.

    `email` and `delivery` (its number) are of whom it is about, where that is proven.
    `resolved` says that an unknown delivery is known to be sent by it. `detail` gives the
    reason in plain words.
    """

    effect: Effect
    kind: ReportKind | None
    detail: str
    status: str | None = None
    email: str | None = None
    delivery: int | None = None
    resolved: bool = False


def take_in(
    store: Store, signer: TokenSigner, data: bytes, *, now: datetime, kept_for: timedelta
) -> Taken:
    """Take in one mail that came back; the same one again changes nothing.

    Args:
        store: The database.
        signer: Knows our signatures, also those of old keys.
        data: The mail.
        now: Aware UTC.
        kept_for: How long evidence about a delivery is kept; a bounce of an older one
            changes nothing.

    Raises:
        ReportError: If it cannot be read as a mail.
        StorageError: If the database refuses; nothing was changed.
    """
    mail = read_returned_mail(data)
    if mail.kind is None:
        return Taken(effect=Effect.IGNORED, kind=None, detail=mail.what)
    proof = prove(mail, signer)
    if proof is None:
        return _taken(mail, Effect.UNPROVEN, _why_unproven(mail))
    with store.write() as tx:
        taken = _act(tx, mail, proof, now=now, kept_for=kept_for)
    log.info(
        "report taken in",
        kind=mail.kind.value,
        effect=taken.effect.value,
        delivery=taken.delivery,
        status=mail.status,
    )
    return taken


def _act(
    tx: Session, mail: ReturnedMail, proof: Proof, *, now: datetime, kept_for: timedelta
) -> Taken:
    assert mail.kind is not None
    delivery = None if proof.delivery_id is None else ledger.get_delivery(tx, proof.delivery_id)
    subscriber_id = proof.subscriber_id if delivery is None else delivery.subscriber_id
    subscriber = None if subscriber_id is None else get_subscriber(tx, subscriber_id)
    if subscriber is None or subscriber_id is None:
        return _taken(mail, Effect.IGNORED, "its subscriber was erased, or never was here")
    handed_off_at = None if delivery is None else delivery.finished_at or delivery.message_date_at
    known = replace(
        _taken(mail, Effect.KNOWN, "taken in before"),
        email=subscriber.email,
        delivery=None if delivery is None else delivery.id,
    )
    if mail.kind in _OF_DELIVERY and (handed_off_at is None or handed_off_at < now - kept_for):
        return replace(
            known,
            effect=Effect.IGNORED,
            detail=f"its digest was sent more than {kept_for.days} days ago",
        )
    report = DeliveryReport(
        kind=mail.kind,
        subscriber_id=subscriber_id,
        delivery_id=None if delivery is None else delivery.id,
        at=now,
        handed_off_at=handed_off_at,
        source=mail.what,
        status=mail.status,
        said=mail.said,
    )
    fingerprint, *covered_by = _fingerprints(mail, report)
    if not add_report(tx, report, fingerprint=fingerprint, covered_by=covered_by):
        return known
    resolved = _resolve(tx, delivery, report, now)
    acted = _suppress(tx, report, subscriber)
    return replace(acted, status=mail.status, email=known.email, delivery=known.delivery,
                   resolved=resolved)  # fmt: skip


def _suppress(tx: Session, report: DeliveryReport, subscriber: Subscriber) -> Taken:
    match report.kind:
        case ReportKind.FAILED:
            judged = judge_failure(tx, report, subscriber)
            effect = Effect.BOUNCED if judged.suppressed else Effect.NOTED
            detail = judged.reason
        case ReportKind.COMPLAINT if report.delivery_id is not None:
            evidence = f"delivery {report.delivery_id}, {report.source}"
            changed = suppress(tx, subscriber.id, ConsentKind.COMPLAINED, report.at, evidence)
            effect = Effect.COMPLAINED if changed else Effect.NOTED
            detail = "called spam"
        case ReportKind.COMPLAINT | ReportKind.UNSUBSCRIBE:
            # A link that may only unsubscribe proves no more, whatever it is wrapped in.
            evidence = report.source
            changed = suppress(tx, subscriber.id, ConsentKind.UNSUBSCRIBED, report.at, evidence)
            effect = Effect.UNSUBSCRIBED if changed else Effect.NOTED
            detail = (
                "called spam; proven by the unsubscribe link alone, which may only unsubscribe"
                if report.kind is ReportKind.COMPLAINT
                else "asked to leave"
            )
        case ReportKind.DELAYED:
            effect, detail = Effect.NOTED, "not there yet; the other side still tries"
        case ReportKind.DELIVERED:
            effect, detail = Effect.NOTED, "arrived"
    if effect is Effect.NOTED and report.kind in (ReportKind.COMPLAINT, ReportKind.UNSUBSCRIBE):
        detail += f"; {subscriber.state} before"
    return Taken(effect=effect, kind=report.kind, detail=detail)


def _resolve(tx: Session, delivery: Delivery | None, report: DeliveryReport, now: datetime) -> bool:
    """Whatever is said of a mail, somebody had taken it: it was not lost on the way out."""
    if delivery is None or delivery.state is not DeliveryState.UNKNOWN:
        return False
    by = f"by a {report.source} ({report.kind})"
    ledger.resolve(tx, delivery.id, Resolution.SENT, now, by=by)
    return True


def _fingerprints(mail: ReturnedMail, report: DeliveryReport) -> list[str]:
    """Name a report, and those that say as much, however often it is said."""
    if report.delivery_id is not None and report.kind is not ReportKind.UNSUBSCRIBE:
        return fingerprints(report, "mail")
    return [f"mail:{report.kind}:{report.subscriber_id}:{mail.identity}"]


def _why_unproven(mail: ReturnedMail) -> str:
    if mail.bounce_marks or mail.leave_marks:
        return f"{mail.what}: what looks like our signature is none; forged, or of a key we lost"
    if mail.kind is ReportKind.UNSUBSCRIBE:
        return (
            "asks to leave without the token of a digest; "
            "see who it is and run `digest subscribers unsubscribe EMAIL`"
        )
    return f"{mail.what}: it names no delivery of ours"


def _taken(mail: ReturnedMail, effect: Effect, detail: str) -> Taken:
    return Taken(effect=effect, kind=mail.kind, detail=detail, status=mail.status)
