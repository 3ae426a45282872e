"""Where "now" comes from: the composition root picks one clock and hands it on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from digest.errors import UsageError

_FIRST_YEAR, _LAST_YEAR = 1980, 2999
"""Far from the ends of the calendar, where adding a year fails."""

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
        UsageError: If it is no instant, has no offset, or lies outside 1980 to 2999.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(f"--at {text}: is not an ISO 8601 instant") from exc
    if instant.tzinfo is None:
        raise UsageError(f"--at {text}: has no offset; write {text}+00:00 or {text}Z")
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise UsageError(f"--at {text}: must lie in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return instant.astimezone(UTC)
