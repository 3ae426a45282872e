"""What an operator can do about a delivery, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, assert_never

from digest.model import Delivery, DeliveryReport, DeliveryState, ReportKind, SubscriberState


def next_step(
    delivery: Delivery,
    subscriber: SubscriberState,
    reports: Sequence[DeliveryReport],
    *,
    now: datetime,
) -> str:
    """Say what comes next, or what can be done.

    Args:
        delivery: As it stands.
        subscriber: The state of its subscriber.
        reports: What came back about it.
        now: Aware UTC.
    """
    match delivery.state:
        case DeliveryState.READY:
            return _ready(delivery, subscriber, now)
        case DeliveryState.CLAIMED | DeliveryState.SENDING:
            return _in_hand(delivery, now)
        case DeliveryState.UNKNOWN | DeliveryState.FAILED | DeliveryState.BOUNCED:
            return _open_question(delivery, subscriber)
        case DeliveryState.SENT:
            came_back = any(one.kind is ReportKind.FAILED for one in reports)
            what = "it was accepted, and came back later; it is on the web"
            return f"nothing: {what if came_back else 'the server took it'}"
        case DeliveryState.SKIPPED:
            return "nothing: there was nothing to send"
        case _:
            assert_never(delivery.state)


def next_attempt_at(
    delivery: Delivery, unknown_policy: Literal["hold", "resend"]
) -> datetime | None:
    """Return when it is handed off again of itself; None where only somebody's word does that."""
    held = delivery.state is DeliveryState.UNKNOWN and unknown_policy == "hold"
    return None if held else delivery.next_attempt_at


def _ready(delivery: Delivery, subscriber: SubscriberState, now: datetime) -> str:
    if subscriber is not SubscriberState.ACTIVE:
        return f"its subscriber is {subscriber}: the next `digest deliver` ends it"
    if delivery.closes_at <= now:
        return "its period is over: the next `digest deliver` ends it"
    due = delivery.next_attempt_at
    waits = f" from {due:%Y-%m-%d %H:%M} UTC on" if due is not None and due > now else ""
    return f"`digest deliver` hands it off{waits}"


def _open_question(delivery: Delivery, subscriber: SubscriberState) -> str:
    mailed = subscriber is SubscriberState.ACTIVE
    resend = f"`digest deliveries resend {delivery.id}`"
    if delivery.state is DeliveryState.UNKNOWN:
        step = (
            f"look for {delivery.message_id} in the log of the relay, then say what you found: "
            f"`digest deliveries resolve {delivery.id} --as sent` or `--as failed`"
        )
        return f"{step}; {resend} risks that it comes twice" if mailed else step
    if mailed:
        return (
            f"{resend} hands off the same message; left alone, "
            "its papers may come in a later digest"
        )
    return f"nothing: its subscriber is {subscriber}"


def _in_hand(delivery: Delivery, now: datetime) -> str:
    until = delivery.lease_until_at
    if until is None or until > now:
        when = "" if until is None else f" until {until:%Y-%m-%d %H:%M} UTC"
        return f"a process has it in hand{when}"
    becomes = "ready" if delivery.state is DeliveryState.CLAIMED else "unknown"
    return f"the process that had it is gone: the next `digest deliver` makes it {becomes}"
