"""One writer for all lanes: what gathers while a commit runs goes into the next one.

A commit that survives a power cut costs an fsync; with 16 connections that wait for
one, sharing it is worth more than anything else here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlmodel import Session

from digest.store.engine import Store

T = TypeVar("T")

_MAX_GROUP = 64


@dataclass(slots=True)
class _Work:
    do: Callable[[Session], Any]
    done: asyncio.Future[Any]


class GroupCommit:
    """Runs pieces of work in shared writing transactions, in the order they came.

    A piece that raises is undone and told alone: the others of its group are run again
    without it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        # None ends the writer. Cancelling it would do too, but coverage on 3.11 loses its
        # place where a coroutine is thrown into.
        self._queue: asyncio.Queue[_Work | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the writer."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit what is waiting, then stop."""
        await self._queue.join()
        self._queue.put_nowait(None)
        if self._task is not None:
            await self._task

    async def commit(self, do: Callable[[Session], T]) -> T:
        """Run `do` in a writing transaction; return its result after the commit.

        Raises:
            StorageError: If the database refused; nothing of `do` was kept.
        """
        work = _Work(do, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(work)
        result: T = await work.done
        return result

    async def _run(self) -> None:
        while (first := await self._queue.get()) is not None:
            group = [first]
            while len(group) < _MAX_GROUP and not self._queue.empty():
                more = self._queue.get_nowait()
                assert more is not None, "it is put when nothing is waiting"
                group.append(more)
            await asyncio.to_thread(self._write, group, asyncio.get_running_loop())
            for _ in group:
                self._queue.task_done()

    def _write(self, group: list[_Work], loop: asyncio.AbstractEventLoop) -> None:
        try:
            with self._store.write() as tx:
                results = [work.do(tx) for work in group]
        except Exception as exc:  # told to whoever waits for it
            if len(group) > 1:
                for work in group:
                    self._write([work], loop)
                return
            loop.call_soon_threadsafe(_fail, group[0].done, exc)
            return
        for work, result in zip(group, results, strict=True):
            loop.call_soon_threadsafe(_succeed, work.done, result)


def _succeed(done: asyncio.Future[Any], result: Any) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[Any], exc: Exception) -> None:
    if not done.done():
        done.set_exception(exc)
