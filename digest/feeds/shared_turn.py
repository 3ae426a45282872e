"""A turn that all processes of a service share: one request at a time, and far enough apart."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

LOOK_AGAIN_S = 0.2
"""How often we look whether another process is done; waiting in `flock` would need a thread
that no cancelling ends."""

log = structlog.get_logger(__name__)


class SharedTurn:
    """Spaces requests by a file that is locked while one is under way.

    The file holds the instant at which the last request began. The system gives up the
    lock of a process that dies. Where the file cannot be used, that is logged once, and
    every process goes by itself.

    Args:
        path: The file; it is made where it is missing.
        spacing_s: Seconds between the beginnings of two requests.
        clock: Seconds of a clock that all processes share.
        sleep: Waits some seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        spacing_s: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._spacing_s = spacing_s
        self._clock = clock
        self._sleep = sleep
        self._is_usable = True

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable[[], None]]:
        """Wait for the turn; it lasts until the block ends.

        Yields:
            What is to be called when the request begins, from which the next is spaced.
        """
        file = self._open() if self._is_usable else None
        if file is None:
            yield _nothing
            return
        try:
            while (wait_s := self._try(file)) > 0:
                await self._sleep(wait_s)
            yield lambda: self._write(file)
        finally:
            os.close(file)

    def _open(self) -> int | None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            self._give_up(exc)
            return None

    def _try(self, file: int) -> float:
        """Take the lock, or return how many seconds to wait before another try.

        The lock is not kept while the spacing is waited for: who comes first then gets it,
        so that no process shuts out another.
        """
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return LOOK_AGAIN_S
        except OSError as exc:  # some network file systems know no locks
            self._give_up(exc)
            return 0.0
        # A clock that was set back must not keep us waiting for longer than the spacing.
        wait_s = min(self._last(file) + self._spacing_s - self._clock(), self._spacing_s)
        if wait_s > 0:
            fcntl.flock(file, fcntl.LOCK_UN)
        return wait_s

    def _last(self, file: int) -> float:
        try:
            return float(os.pread(file, 64, 0))
        except ValueError:  # new, or cut off
            return 0.0

    def _write(self, file: int) -> None:
        try:
            os.pwrite(file, f"{self._clock():020.6f}\n".encode("ascii"), 0)
        except OSError as exc:
            self._give_up(exc)

    def _give_up(self, exc: OSError) -> None:
        self._is_usable = False
        log.warning(
            "requests are spaced within this process alone",
            file=str(self._path),
            error=exc.strerror,
        )


def _nothing() -> None:
    """There is no file to write to."""
