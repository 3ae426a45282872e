"""The values of what comes back about a delivery: bounces, complaints, requests to leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digest.model.ids import DeliveryId, SubscriberId


class ReportKind(StrEnum):
    """What a report says."""

    FAILED = "failed"
    """It could not be delivered, and nobody tries any more (RFC 3464)."""
    DELAYED = "delayed"
    """It is not there yet, and somebody still tries. A delay is no failure."""
    DELIVERED = "delivered"
    COMPLAINT = "complaint"
    """Its reader called it spam (RFC 5965)."""
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """One report as kept: dated evidence about a subscriber, and mostly about a delivery.

    `delivery_id` is None where only the subscriber is known. `at` is when we learned of
    it, `handed_off_at` when the mail had left, None where that is not known. `source` is
    where it was said ("smtp", "delivery status", "feedback report"), `status` an enhanced
    status code (RFC 3463) or None, `said` the other side's words in one line.
    """

    kind: ReportKind
    subscriber_id: SubscriberId
    delivery_id: DeliveryId | None
    at: datetime
    handed_off_at: datetime | None
    source: str
    status: str | None = None
    said: str = ""
