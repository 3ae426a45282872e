"""How fast one network may ask for what costs a look through the library."""

from __future__ import annotations

import math
import threading
from datetime import datetime

from fastapi import Request

from digest.web.deps import WebDeps
from digest.web.visitors import network_of

REMEMBERED = 10_000
"""Networks at once; the one that asked longest ago is forgotten, and begins anew."""


class PreviewPace:
    """Lets each network ask so often in a minute, all at once or spread over it.

    It is kept in memory, since a GET writes nothing: each process of the site counts for
    itself, and a restart begins anew.

    Args:
        deps: The clock, and `web.previews_per_minute`.
    """

    def __init__(self, deps: WebDeps) -> None:
        self._clock = deps.clock
        self._limit = deps.settings.web.previews_per_minute
        self._left: dict[str, tuple[float, datetime]] = {}
        self._lock = threading.Lock()

    def wait_s(self, request: Request) -> int:
        """Take one request; 0 where it may go on, else after how many seconds to ask again."""
        network = network_of(request.client.host if request.client else "")
        now = self._clock()
        with self._lock:
            left, at = self._left.pop(network, (float(self._limit), now))
            left = min(self._limit, left + (now - at).total_seconds() * self._limit / 60)
            waits = left < 1
            self._left[network] = (left if waits else left - 1, now)
            if len(self._left) > REMEMBERED:
                del self._left[next(iter(self._left))]
        return math.ceil((1 - left) * 60 / self._limit) if waits else 0


def too_fast(seconds: int) -> str:
    """Say calmly that somebody asks faster than is answered."""
    unit = "second" if seconds == 1 else "seconds"
    return f"That was many previews at once. Please try again in {seconds} {unit}."
