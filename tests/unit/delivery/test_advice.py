"""What an operator is told to do about a delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from digest.delivery.advice import next_attempt_at, next_step
from digest.model import (
    Delivery,
    DeliveryId,
    DeliveryReport,
    DeliveryState,
    Period,
    ReportKind,
    SubscriberId,
    SubscriberState,
)

MONDAY = datetime(2026, 2, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOUNCE = DeliveryReport(
    kind=ReportKind.FAILED,
    subscriber_id=SubscriberId(1),
    delivery_id=DeliveryId(12),
    at=MONDAY,
    handed_off_at=MONDAY,
    source="delivery status",
)


def delivery(
    state: DeliveryState,
    *,
    closes_at: datetime = MONDAY + 24 * HOUR,
    next_attempt_at: datetime | None = None,
    lease_until_at: datetime | None = None,
) -> Delivery:
    return Delivery(
        id=DeliveryId(12),
        subscriber_id=SubscriberId(1),
        period=Period("2026-02-02"),
        state=state,
        scheduled_at=MONDAY,
        closes_at=closes_at,
        prepared_at=MONDAY,
        papers=(),
        message_id="<m-12@example.org>",
        message_date_at=MONDAY,
        next_attempt_at=next_attempt_at,
        lease_until_at=lease_until_at,
    )


S = DeliveryState


@pytest.mark.parametrize(
    ("one", "subscriber", "step"),
    [
        (delivery(S.READY), "active", "`digest deliver` hands it off"),
        (
            delivery(S.READY, next_attempt_at=MONDAY + 2 * HOUR),
            "active",
            "`digest deliver` hands it off from 2026-02-02 10:00 UTC on",
        ),
        (
            delivery(S.READY, closes_at=MONDAY),
            "active",
            "its period is over: the next `digest deliver` ends it",
        ),
        (
            delivery(S.READY),
            "bounced",
            "its subscriber is bounced: the next `digest deliver` ends it",
        ),
        (
            delivery(S.CLAIMED, lease_until_at=MONDAY + 2 * HOUR),
            "active",
            "a process has it in hand until 2026-02-02 10:00 UTC",
        ),
        (
            delivery(S.CLAIMED, lease_until_at=MONDAY),
            "active",
            "the process that had it is gone: the next `digest deliver` makes it ready",
        ),
        (
            delivery(S.SENDING, lease_until_at=MONDAY),
            "active",
            "the process that had it is gone: the next `digest deliver` makes it unknown",
        ),
        (
            delivery(S.FAILED),
            "active",
            (
                "`digest deliveries resend 12` hands off the same message; left alone, "
                "its papers may come in a later digest"
            ),
        ),
        (delivery(S.BOUNCED), "bounced", "nothing: its subscriber is bounced"),
        (delivery(S.SENT), "active", "nothing: the server took it"),
        (delivery(S.SKIPPED), "active", "nothing: there was nothing to send"),
        (
            delivery(S.UNKNOWN),
            "active",
            (
                "look for <m-12@example.org> in the log of the relay, then say what you found: "
                "`digest deliveries resolve 12 --as sent` or `--as failed`; "
                "`digest deliveries resend 12` risks that it comes twice"
            ),
        ),
        (
            delivery(S.UNKNOWN),
            "complained",
            (
                "look for <m-12@example.org> in the log of the relay, then say what you found: "
                "`digest deliveries resolve 12 --as sent` or `--as failed`"
            ),
        ),
    ],
)
def test_each_state_has_its_next_step(one: Delivery, subscriber: str, step: str) -> None:
    assert next_step(one, SubscriberState(subscriber), (), now=MONDAY + HOUR) == step


def test_what_was_accepted_and_came_back_is_said_so() -> None:
    step = next_step(delivery(S.SENT), SubscriberState.BOUNCED, [BOUNCE], now=MONDAY)

    assert step == "nothing: it was accepted, and came back later; it is on the web"


@pytest.mark.parametrize(
    ("state", "policy", "due_at"),
    [
        (S.READY, "hold", MONDAY),
        (S.UNKNOWN, "hold", None),
        (S.UNKNOWN, "resend", MONDAY),
    ],
)
def test_an_unknown_delivery_that_is_held_has_no_next_attempt(
    state: DeliveryState, policy: Literal["hold", "resend"], due_at: datetime | None
) -> None:
    one = delivery(state, next_attempt_at=MONDAY)

    assert next_attempt_at(one, policy) == due_at
