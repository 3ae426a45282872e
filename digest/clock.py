"""Where "now" comes from: the composition root picks one clock and hands it on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from digest.errors import UsageError

Clock = Callable[[], datetime]
"""Returns an aware UTC instant."""


def system_clock() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)


def fixed_clock(at: datetime) -> Clock:
    """Return a clock that stands still at `at` (the `--at` of a command)."""
    instant = at.astimezone(UTC)
    return lambda: instant


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with offset.

    Raises:
        UsageError: If it is no instant, or has no offset.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(f"--at {text}: is not an ISO 8601 instant") from exc
    if instant.tzinfo is None:
        raise UsageError(f"--at {text}: has no offset; write {text}+00:00 or {text}Z")
    return instant.astimezone(UTC)
