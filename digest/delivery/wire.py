"""One SMTP connection from the first MAIL on: commands out, replies in, in their order.

aiosmtplib makes the session and knows one command at a time. With PIPELINING several
replies arrive together (RFC 2920), so the connection is taken over by this protocol.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass

MAX_REPLY_BYTES = 32_768


class WireLostError(Exception):
    """No more replies will come; says why, in plain words."""


class ReplyUnreadableError(Exception):
    """What came is no SMTP reply; nothing after it can be paired with a command."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply; lines of the text are parted by a newline."""

    code: int
    text: str


class Wire(asyncio.Protocol):
    """Writes groups of commands and gives their replies one by one.

    Args:
        transport: Of a connection on which EHLO, TLS and AUTH are done.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._lines: list[bytes] = []
        self._replies: deque[Reply] = deque()
        self._expected = 0
        self._waiter: asyncio.Future[None] | None = None
        self._awaited = 0
        self._deadline_s = 0.0
        self._patience_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._trouble: Exception | None = None
        self._writable: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    @property
    def is_clean(self) -> bool:
        """Whether it is open, and nothing came that nobody had asked for."""
        return self._trouble is None and not self._transport.is_closing()

    def send(self, data: bytes, *, replies: int) -> None:
        """Write commands or content, to which so many replies belong.

        Raises:
            WireLostError: If the connection is gone; not a byte of it was written.
            ReplyUnreadableError: If the server is out of step; not a byte was written.
        """
        if self._trouble is not None:
            raise self._trouble
        if self._transport.is_closing():
            raise WireLostError("the connection is closed")
        self._expected += replies
        self._transport.write(data)

    async def drain(self, timeout_s: float) -> None:
        """Wait until what was written has left for the network, or the connection is lost."""
        if self._writable is not None:
            await self._wait(self._writable, timeout_s)

    async def gather(self, count: int, timeout_s: float) -> None:
        """Wait until so many replies are here, or no more will come; `take` gives them."""
        if len(self._replies) < count and self._trouble is None:
            self._waiter, self._awaited = self._loop.create_future(), count
            try:
                await self._wait(self._waiter, timeout_s)
            finally:
                self._waiter = None

    def take(self) -> Reply:
        """Return the next reply, of those that were waited for.

        Raises:
            WireLostError: If the connection ended, or nothing came in time.
            ReplyUnreadableError: If what came is no reply.
        """
        if self._replies:
            return self._replies.popleft()
        assert self._trouble is not None
        raise self._trouble

    async def reply(self, timeout_s: float) -> Reply:
        """Return the next reply.

        Raises:
            WireLostError: If the connection ended, or nothing came in time.
            ReplyUnreadableError: If what came is no reply.
        """
        await self.gather(1, timeout_s)
        return self.take()

    def abort(self) -> None:
        """Close at once: nothing is left to say, and TLS would wait for the other side."""
        self._give_up(WireLostError("the connection was closed here"))
        self._transport.abort()

    async def _wait(self, future: asyncio.Future[None], timeout_s: float) -> None:
        # One timer serves many waits: setting one for each costs more than the wait does.
        self._patience_s, self._deadline_s = timeout_s, self._loop.time() + timeout_s
        if self._timer is not None and self._timer.when() > self._deadline_s:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline_s, self._look_at_clock)
        try:
            await future
        finally:
            self._deadline_s = math.inf

    def _look_at_clock(self) -> None:
        self._timer = None
        if self._deadline_s <= self._loop.time():
            self._give_up(WireLostError(f"nothing came within {self._patience_s:g} s"))
        elif self._deadline_s < math.inf:
            self._timer = self._loop.call_at(self._deadline_s, self._look_at_clock)

    # ---- asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Take in lines; a reply is whole at its first line without a hyphen."""
        if self._trouble is not None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not self._take(line):
                return
        if len(self._rest) + sum(map(len, self._lines)) > MAX_REPLY_BYTES:
            self._give_up(ReplyUnreadableError("a reply that does not end"))
            return
        waiter = self._waiter
        if waiter is not None and len(self._replies) >= self._awaited and not waiter.done():
            waiter.set_result(None)

    def _take(self, line: bytes) -> bool:
        code, follows = line[:3], line[3:4]
        if not (code.isdigit() and follows in (b"", b"\r", b" ", b"-")):
            self._give_up(ReplyUnreadableError(line.decode("utf-8", "replace").strip()))
            return False
        self._lines.append(line[4:].strip())
        if follows == b"-":
            return True
        text = b"\n".join(self._lines).decode("utf-8", "replace")
        self._lines.clear()
        if self._expected == 0:
            # A server that speaks unasked (421 before it closes, mostly) is out of step:
            # paired with the next command, its words would be believed of that.
            self._give_up(WireLostError(f"unasked for: {int(code)} {text}"))
            return False
        self._expected -= 1
        self._replies.append(Reply(int(code), text))
        return True

    def eof_received(self) -> bool:
        """Close when the server does."""
        self._give_up(WireLostError("the server closed the connection"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._give_up(WireLostError(f"connection lost: {exc or 'closed by the server'}"))

    def pause_writing(self) -> None:
        """Let `drain` wait."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _give_up(self, trouble: Exception) -> None:
        self._trouble = self._trouble or trouble
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for future in (self._waiter, self._writable):
            if future is not None and not future.done():
                future.set_result(None)
