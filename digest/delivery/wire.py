"""One SMTP connection from the first MAIL on: commands out, replies in, in their order.

aiosmtplib makes the session and knows one command at a time. With PIPELINING several
replies arrive together (RFC 2920), so the connection is taken over by this protocol.
"""

from __future__ import annotations

import asyncio
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

    @property
    def has_reply(self) -> bool:
        """Whether the next reply is here already."""
        return bool(self._replies)

    async def reply(self, timeout_s: float) -> Reply:
        """Return the next reply.

        Raises:
            WireLostError: If the connection ended, or nothing came in time.
            ReplyUnreadableError: If what came is no reply.
        """
        if not self._replies and self._trouble is None:
            self._waiter = self._loop.create_future()
            try:
                await self._wait(self._waiter, timeout_s)
            finally:
                self._waiter = None
        if self._replies:
            return self._replies.popleft()
        assert self._trouble is not None
        raise self._trouble

    def abort(self) -> None:
        """Close at once: nothing is left to say, and TLS would wait for the other side."""
        self._give_up(WireLostError("the connection was closed here"))
        self._transport.abort()

    async def _wait(self, future: asyncio.Future[None], timeout_s: float) -> None:
        # asyncio.wait_for would do the same with a task and four more calls.
        timer = self._loop.call_later(timeout_s, self._time_out, timeout_s)
        try:
            await future
        finally:
            timer.cancel()

    def _time_out(self, timeout_s: float) -> None:
        self._give_up(WireLostError(f"nothing came within {timeout_s:g} s"))

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
        if self._replies and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

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
        for future in (self._waiter, self._writable):
            if future is not None and not future.done():
                future.set_result(None)
