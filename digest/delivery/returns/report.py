"""A mail that came back, as read: values only."""

from __future__ import annotations

from dataclasses import dataclass

from digest.model import DeliveryId, ReportKind, SubscriberId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedMail:
    """What one mail says, before anybody believes it.

    `kind` is None where there is nothing to act on; `what` then says in plain words what
    it is ("an automatic reply"), else where the report stood ("delivery status").
    `status` is an enhanced status code or None, `said` the other side's words in one line
    of at most 500 characters. `bounce_marks` are what may be proofs of a delivery, in
    hexadecimal, the most telling first; `leave_marks` what may be tokens to unsubscribe.
    `identity` names this very mail, however it was filed.
    """

    kind: ReportKind | None
    what: str
    status: str | None = None
    said: str = ""
    bounce_marks: tuple[str, ...] = ()
    leave_marks: tuple[str, ...] = ()
    identity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whom a mail is about, by a signature of ours: a delivery, or a subscriber alone."""

    delivery_id: DeliveryId | None = None
    subscriber_id: SubscriberId | None = None
