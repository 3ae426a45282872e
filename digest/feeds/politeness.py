"""How many requests a host gets at a time, and how far apart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from digest.feeds.shared_turn import SharedTurn

PER_HOST = 2
IN_ALL = 50
"""The HTTP client slows down beyond 50 concurrent connections."""
ARXIV_SPACING_S = 3.0
"""arXiv's terms: one request every three seconds, one connection, all hosts together
(https://info.arxiv.org/help/api/tou.html)."""


class HostGate:
    """Lets requests through in turn. One serves a process, over all its rounds of polls.

    Args:
        arxiv_file: By which processes share arXiv's rule; None leaves it to this gate.
        per_host: Requests to one host at a time; arXiv gets one whatever is said here.
        clock: Monotonic seconds.
        sleep: Waits some seconds.
    """

    def __init__(
        self,
        *,
        arxiv_file: Path | None = None,
        per_host: int = PER_HOST,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._per_host = per_host
        self._clock = clock
        self._sleep = sleep
        self._all = asyncio.Semaphore(IN_ALL)
        self._hosts: dict[str, asyncio.Semaphore] = {}
        self._waiting: dict[str, int] = {}
        self._arxiv_next_s: float | None = None
        self._arxiv_shared = (
            SharedTurn(arxiv_file, spacing_s=ARXIV_SPACING_S) if arxiv_file else None
        )

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for a turn at a host; it lasts until the block ends."""
        host = host.rstrip(".")
        is_arxiv = host == "arxiv.org" or host.endswith(".arxiv.org")
        key = "arxiv.org" if is_arxiv else host
        gate = self._hosts.setdefault(key, asyncio.Semaphore(1 if is_arxiv else self._per_host))
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            async with gate, AsyncExitStack() as shared:
                begin: Callable[[], None] | None = None
                if is_arxiv:
                    await self._space_arxiv()
                    if self._arxiv_shared is not None:
                        begin = await shared.enter_async_context(self._arxiv_shared.turn())
                # Taken last, so that those who wait for arXiv hold up nobody else.
                async with self._all:
                    if is_arxiv:
                        # Counted from here: the wait for a place may have been long.
                        self._arxiv_next_s = self._clock() + ARXIV_SPACING_S
                    if begin is not None:
                        begin()
                    yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._hosts[key]
            if not self._waiting:
                # The next round may run in another event loop, to which no old one belongs.
                self._all = asyncio.Semaphore(IN_ALL)

    async def _space_arxiv(self) -> None:
        if self._arxiv_next_s is not None:
            wait_s = self._arxiv_next_s - self._clock()
            if wait_s > 0:
                await self._sleep(wait_s)
