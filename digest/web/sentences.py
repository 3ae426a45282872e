"""Sentences about a subscriber's schedule."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from digest.digests.wording import long_date
from digest.model import Subscriber
from digest.subscribers.days import format_days


def comes(subscriber: Subscriber) -> str:
    """Say when digests come: "A digest comes on weekdays at 08:00 (Europe/Paris)."."""
    schedule = subscriber.schedule
    days = format_days(schedule.weekdays)
    return f"A digest comes {days} at {schedule.hour:02d}:00 ({schedule.timezone})."


def next_comes(subscriber: Subscriber) -> str:
    """Say when the next digest comes, in the subscriber's own time."""
    if subscriber.next_digest_at is None:
        return comes(subscriber)
    zone = subscriber.schedule.timezone
    local = subscriber.next_digest_at.astimezone(ZoneInfo(zone))
    return f"The next digest comes on {long_date(local.date())} at {local:%H:%M} ({zone})."
