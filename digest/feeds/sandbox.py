"""Parsing in a process that can be killed.

A 40 KB author element keeps the feed parser busy for ten seconds, and a document of
2,000 entries holds the interpreter for one, which would stall every connection of the
service. So documents are parsed in a child that is started when first needed, serves
many documents, and is replaced when one takes too long.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from digest.errors import ParseError
from digest.feeds.child import LENGTH_BYTES
from digest.feeds.wire import decode_parsed
from digest.model import FeedKind, ParsedFeed

_START_S = 30.0
"""What a child may take to start on a busy machine, on top of the time for parsing."""
_CLOSE_S = 2.0
_DOCUMENTS_PER_CHILD = 500
"""Then it is replaced, so that memory it never gave back does not add up."""


class FeedParser:
    """Parses documents in child processes. An async context manager.

    Args:
        workers: Children at most; each is started when it is first needed.
        timeout_s: Seconds that one document may take.
        memory_bytes: Address space of a child.
    """

    def __init__(
        self, *, workers: int = 2, timeout_s: float = 20.0, memory_bytes: int = 1_500_000_000
    ) -> None:
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._slots = asyncio.Semaphore(workers)
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._open = False

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        self._idle.clear()
        await asyncio.gather(*(self._end(child) for child in tuple(self._all)))

    async def parse(
        self,
        body: bytes,
        *,
        kind: FeedKind,
        url: str,
        content_type: str = "",
        max_entries: int = 2000,
    ) -> ParsedFeed:
        """Read a feed document; see `parse.parse_document`.

        Raises:
            ParseError: Also when it takes too long, or brings the child down.
        """
        if not self._open:
            raise RuntimeError("FeedParser is used outside its `async with`")
        header = {
            "kind": kind.value,
            "url": url,
            "content_type": content_type,
            "max_entries": max_entries,
            "body_bytes": len(body),
        }
        async with self._slots:
            child = self._idle.pop() if self._idle else await self._start()
            is_sound = False
            try:
                reply = await self._ask(child, json.dumps(header).encode("ascii"), body)
                is_sound = True
            finally:
                if is_sound and child.documents < _DOCUMENTS_PER_CHILD and self._open:
                    self._idle.append(child)
                else:
                    await self._end(child)
        if reply[:1] == b"-":
            raise ParseError(reply[1:].decode("utf-8", errors="replace"))
        return decode_parsed(reply[1:])

    async def _ask(self, child: _Child, header: bytes, body: bytes) -> bytes:
        grace_s = 0.0 if child.documents else _START_S
        child.documents += 1
        try:
            # The first frame waits for the child to be up, which is not the document's fault.
            async with asyncio.timeout(self._timeout_s + grace_s):
                child.send(len(header).to_bytes(LENGTH_BYTES) + header)
                child.send(body)
                await child.drain()
                return await child.receive()
        except TimeoutError as exc:
            raise ParseError(f"it takes longer than {self._timeout_s:g} s to read") from exc
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            raise ParseError("it brought down the process that reads it") from exc

    async def _start(self) -> _Child:
        limits = {"memory_bytes": self._memory_bytes, "cpu_s": self._timeout_s}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "digest.feeds.child",
            json.dumps(limits),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            # Our environment may hold secrets, and a child has no use for them.
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            # Ctrl-C is the parent's to handle.
            start_new_session=True,
            limit=2**20,
        )
        child = _Child(process)
        self._all.add(child)
        return child

    async def _end(self, child: _Child) -> None:
        self._all.discard(child)
        await asyncio.shield(child.close())


@dataclass(eq=False)
class _Child:
    process: Process
    documents: int = 0

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    async def drain(self) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.drain()

    async def receive(self) -> bytes:
        assert self.process.stdout is not None
        length = int.from_bytes(await self.process.stdout.readexactly(LENGTH_BYTES))
        return await self.process.stdout.readexactly(length)

    async def close(self) -> None:
        """End the process: kill it, as it may be busy, and wait for it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        if self.process.returncode is None:
            self.process.kill()
        async with asyncio.timeout(_CLOSE_S):
            await self.process.wait()
