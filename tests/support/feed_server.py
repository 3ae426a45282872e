"""A feed server on loopback that can be told to misbehave.

Each path has a script: a `Reply`, or a list of them served in turn (the last one stays).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server does with one request.

    `etag` makes it answer 304 to a matching condition. `pause_s` waits before the
    status line; `byte_pause_s` waits after each byte of the body; `cut_after` closes the
    connection after that many bytes of the body, although more were promised. With
    `raw` these bytes are written and nothing else.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = None
    pause_s: float = 0.0
    byte_pause_s: float = 0.0
    cut_after: int | None = None
    raw: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    path: str
    headers: dict[str, str]


class FeedServer:
    """Listens on 127.0.0.1 while its `async with` lasts."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.requests: list[Request] = []
        self._scripts: dict[str, list[Reply]] = {}
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()
        self.port = 0
        self.tls_pause_s = 0.0

    def script(self, path: str, reply: Reply | Sequence[Reply]) -> str:
        """Say what a path answers, and return its URL."""
        self._scripts[path] = [reply] if isinstance(reply, Reply) else list(reply)
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def paths(self) -> list[str]:
        """Return the paths asked for, in order."""
        return [request.path for request in self.requests]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for handler in tuple(self._handlers):
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up, or the test is over
        finally:
            self._handlers.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        if first == b"\x16":  # a TLS client says hello
            await asyncio.sleep(self.tls_pause_s)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            return
        rest = await reader.readuntil(b"\r\n\r\n")
        head = (first + rest).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        self.requests.append(Request(path=path, headers=headers))
        script = self._scripts.get(path, [Reply(status=404)])
        reply = script.pop(0) if len(script) > 1 else script[0]
        await asyncio.sleep(reply.pause_s)
        if reply.raw is not None:
            writer.write(reply.raw)
            await writer.drain()
            return
        if reply.etag and headers.get("if-none-match") == reply.etag:
            writer.write(f"HTTP/1.1 304 Not Modified\r\nETag: {reply.etag}\r\n\r\n".encode())
            await writer.drain()
            return
        await self._write(writer, reply)

    async def _write(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        sent = {"Content-Length": str(len(reply.body)), **reply.headers}
        if reply.etag:
            sent["ETag"] = reply.etag
        lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{k}: {v}" for k, v in sent.items())]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        body = reply.body if reply.cut_after is None else reply.body[: reply.cut_after]
        if not reply.byte_pause_s:
            writer.write(body)
            await writer.drain()
            return
        for offset in range(len(body)):
            writer.write(body[offset : offset + 1])
            await writer.drain()
            await asyncio.sleep(reply.byte_pause_s)
