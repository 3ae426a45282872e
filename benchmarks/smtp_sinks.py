"""Where benchmarks send mail to: a sink on loopback, near or 20 ms away, each its own process.

`python -m benchmarks.smtp_sinks sink PORT` is a small sink of ours, for machines without
postfix's; `… delay PORT TARGET_PORT RTT_S` forwards bytes late, both ways.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SMTP_SINK = Path("/usr/sbin/smtp-sink")
SMTP_SOURCE = Path("/usr/sbin/smtp-source")
HOST = "127.0.0.1"


@contextmanager
def sink() -> Iterator[int]:
    """Run a sink that accepts everything; give its port."""
    port = free_port()
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = (
        [str(SMTP_SINK), *as_nobody, f"{HOST}:{port}", "128"]
        if SMTP_SINK.exists()
        else [sys.executable, "-m", "benchmarks.smtp_sinks", "sink", str(port)]
    )
    with _process(command, port):
        yield port


@contextmanager
def far_away(port: int, *, rtt_s: float) -> Iterator[int]:
    """Give a port from which `port` is a round trip of so many seconds further away."""
    mine = free_port()
    command = [sys.executable, "-m", "benchmarks.smtp_sinks", "delay", str(mine)]
    with _process([*command, str(port), str(rtt_s)], mine):
        yield mine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def _process(command: list[str], port: int) -> Iterator[None]:
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield
    finally:
        child.terminate()
        child.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nobody listens on {port}")


class _Sink(asyncio.Protocol):
    """Answers yes; offers PIPELINING."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = bytearray()
        self._in_content = False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        replies = bytearray()
        while self._take(replies):
            pass
        if replies:
            self._transport.write(bytes(replies))

    def _take(self, replies: bytearray) -> bool:
        if self._in_content:
            end = self._buffer.find(b"\r\n.\r\n")
            if end < 0:
                del self._buffer[:-5]
                return False
            del self._buffer[: end + 5]
            self._in_content = False
            replies += b"250 2.0.0 Ok\r\n"
            return True
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        verb = bytes(self._buffer[:4]).upper()
        del self._buffer[: end + 2]
        if verb == b"EHLO":
            replies += b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        elif verb == b"DATA":
            self._in_content = True
            replies += b"354 go on\r\n"
        else:
            replies += b"221 bye\r\n" if verb == b"QUIT" else b"250 2.1.0 Ok\r\n"
        return True


class _Delayed(asyncio.Protocol):
    """Passes on what comes, late and in order."""

    def __init__(self, delay_s: float, other: _Delayed | None = None) -> None:
        self._delay_s = delay_s
        self.other = other
        self.transport: asyncio.Transport | None = None
        self._waiting: deque[bytes | None] = deque()
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.writelines(self.early)

    def data_received(self, data: bytes) -> None:
        self._later(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._later(None)

    def _later(self, data: bytes | None) -> None:
        self._waiting.append(data)
        asyncio.get_running_loop().call_later(self._delay_s, self._pass_on)

    def _pass_on(self) -> None:
        data, other = self._waiting.popleft(), self.other
        if other is None:
            return
        if other.transport is None:
            other.early += [data] if data else []
        elif data is None:
            other.transport.close()
        else:
            other.transport.write(data)


async def _serve_sink(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Sink, HOST, port, backlog=128)
    await server.serve_forever()


async def _serve_delay(port: int, target: int, rtt_s: float) -> None:
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[object]] = set()

    def accept() -> _Delayed:
        near, far = _Delayed(rtt_s / 2), _Delayed(rtt_s / 2)
        near.other, far.other = far, near
        task: asyncio.Task[object] = loop.create_task(
            loop.create_connection(lambda: far, HOST, target)
        )
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return near

    server = await loop.create_server(accept, HOST, port, backlog=128)
    await server.serve_forever()


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    if kind == "sink":
        asyncio.run(_serve_sink(int(arguments[0])))
    else:
        asyncio.run(_serve_delay(int(arguments[0]), int(arguments[1]), float(arguments[2])))
