"""The time of the database server: the one clock of all processes that share it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.errors import StorageError
from digest.store.engine import Store

_LOOK_AFTER_S = 300
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts also while the machine sleeps, where there is such a clock (Linux)."""


def boot_seconds() -> float:
    """Return seconds since some moment in the past; nobody can set this clock."""
    return time.clock_gettime(_BOOT_CLOCK)


@dataclass(frozen=True, slots=True)
class _Reading:
    at: datetime
    counter_s: float


class DatabaseClock:
    """Reads the server's time once in a while, and counts on from there.

    Asking the server each time would cost a round trip for every outcome; the machine's
    own time may be wrong, or be set.

    Args:
        store: On PostgreSQL.
        counter: Seconds that only ever grow.
    """

    def __init__(self, store: Store, *, counter: Callable[[], float] = boot_seconds) -> None:
        self._store = store
        self._counter = counter
        self._reading: _Reading | None = None

    def __call__(self) -> datetime:
        """Return the time, aware UTC.

        Raises:
            StorageError: If the server never answered.
        """
        reading = self._reading
        if reading is None:
            reading = self.look()
        elif self._counter() - reading.counter_s > _LOOK_AFTER_S:
            with suppress(StorageError):  # time goes on; who needs the database is told
                reading = self.look()
        return reading.at + timedelta(seconds=self._counter() - reading.counter_s)

    def look(self) -> _Reading:
        """Ask the server now.

        Raises:
            StorageError: If it does not answer.
        """
        at = self._store.server_time()
        self._reading = _Reading(at, self._counter())
        return self._reading
