"""How long a hand-off may go on: other workers take it for dead when its lease has run out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.clock import Clock

_RUNNING_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def machine_s() -> float:
    """Return seconds that nobody sets back; where the system can say so, with those asleep."""
    return time.clock_gettime(_RUNNING_CLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What an intent gave, reckoned from before it was committed.

    A clock that is set back makes the lease longer for whoever reads it, though another
    worker may have looked before: so the machine's own seconds count as well, and what
    ends first ends it.

    Args:
        until_at: When it ends by the run's clock; aware UTC.
        until_s: When it ends by the machine's seconds.
        clock: The run's.
        seconds: The machine's.
    """

    until_at: datetime
    until_s: float
    clock: Clock
    seconds: Callable[[], float] = machine_s

    def left_s(self) -> float:
        """Return how many seconds are left, negative when it has run out."""
        by_clock = (self.until_at - self.clock()).total_seconds()
        return min(by_clock, self.until_s - self.seconds())


def begin_lease(
    clock: Clock, length: timedelta, *, seconds: Callable[[], float] = machine_s
) -> Lease:
    """Begin to reckon a lease; to be called before its intent is committed."""
    return Lease(
        until_at=clock() + length,
        until_s=seconds() + length.total_seconds(),
        clock=clock,
        seconds=seconds,
    )
