"""Limits that an operator may set: hand-offs a second, and at once to one domain."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Pace:
    """Lets hand-offs through no faster than the limits; 0 is no limit.

    Args:
        per_second: Hand-offs begun in a second, over all lanes.
        per_domain: Hand-offs to one destination domain at once.
    """

    def __init__(self, *, per_second: float, per_domain: int) -> None:
        self._interval_s = 1 / per_second if per_second else 0.0
        self._next_s = 0.0
        self._per_domain = per_domain
        self._places: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing is limited, so that no turn need be waited for."""
        return not self._per_domain and not self._interval_s

    def is_full(self, domain: str) -> bool:
        """Whether a turn at this domain would have to be waited for."""
        places = self._places.get(domain)
        return places is not None and places.locked()

    @asynccontextmanager
    async def slot(self, domain: str) -> AsyncIterator[None]:
        """Wait for a turn; it lasts while the context is entered."""
        if not self._per_domain:
            await self._wait()
            yield
            return
        places = self._places.setdefault(domain, asyncio.Semaphore(self._per_domain))
        self._users[domain] += 1
        try:
            async with places:
                await self._wait()
                yield
        finally:
            self._users[domain] -= 1
            if not self._users[domain]:  # of many domains nothing is kept
                del self._users[domain], self._places[domain]

    async def _wait(self) -> None:
        if not self._interval_s:
            return
        now_s = asyncio.get_running_loop().time()
        begin_s = max(now_s, self._next_s)
        self._next_s = begin_s + self._interval_s
        await asyncio.sleep(begin_s - now_s)
