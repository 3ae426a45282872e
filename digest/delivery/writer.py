"""One writer for all lanes: what gathers while a commit runs goes into the next one.

A commit that survives a power cut costs an fsync; with 16 connections that wait for
one, sharing it is worth more than anything else here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from sqlmodel import Session

from digest.store.engine import Store

log = structlog.get_logger(__name__)

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")

Apply = Callable[[Session, Sequence[Item]], Sequence[Result]]
"""Does something for several items in a transaction; gives one result for each."""

_MAX_GROUP = 64
PATIENCE_S = 0.002
"""So long a small group waits for others: less than its fsync, and than what it costs."""


@dataclass(slots=True)
class _Work:
    apply: Apply[Any, Any]
    item: Any
    done: asyncio.Future[Any]


class GroupCommit:
    """Runs pieces of work in shared writing transactions.

    Pieces that ask for the same function are given to it together, so that it can write
    them with one statement. A piece that raises is undone and told alone: the others of
    its group are run again without it.

    Args:
        store: The database.
        worth: A group of fewer pieces waits for others; 1 for no waiting.
        patience_s: How long it waits at most.
    """

    def __init__(self, store: Store, *, worth: int = 1, patience_s: float = PATIENCE_S) -> None:
        self._store = store
        self._worth = min(worth, _MAX_GROUP)
        self._patience_s = patience_s
        self._is_worth_it = asyncio.Event()
        self._waiting: deque[_Work] = deque()
        self._woken = asyncio.Event()
        self._closing = False
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
        # Cancelling would do too, but coverage on 3.11 loses its place where a coroutine
        # is thrown into.
        self._closing = True
        self._woken.set()
        self._is_worth_it.set()
        if self._task is not None:
            await self._task

    async def commit(self, do: Callable[[Session], T]) -> T:
        """Run `do` in a writing transaction; return its result after the commit.

        Raises:
            StorageError: If the database refused; nothing of `do` was kept.
        """
        result: T = await self.submit(_do_each, do)
        return result

    def submit(self, apply: Apply[Item, Result], item: Item) -> asyncio.Future[Result]:
        """Let `apply` have this item, with others that wait for it, in the next transaction.

        Returns:
            Its result after the commit, or what was raised when it ran alone.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Work(apply, item, done))
        if len(self._waiting) >= self._worth:
            self._is_worth_it.set()
        self._woken.set()
        return done

    async def _run(self) -> None:
        while not self._closing or self._waiting:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting:
                await self._gather_more()
                size = min(len(self._waiting), _MAX_GROUP)
                group = [self._waiting.popleft() for _ in range(size)]
                results = await asyncio.to_thread(self._write, group)
                for work, result in zip(group, results, strict=True):
                    _tell(work.done, result)

    async def _gather_more(self) -> None:
        """Let lanes that are about to ask join this group.

        As long as each turn of the event loop brings more work, an fsync for all of it is
        cheaper than one now and one after.
        """
        if len(self._waiting) < self._worth and not self._closing:
            self._is_worth_it.clear()
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._patience_s, self._is_worth_it.set)
            await self._is_worth_it.wait()
            timer.cancel()
        before = 0
        while before < len(self._waiting) < _MAX_GROUP:
            before = len(self._waiting)
            await asyncio.sleep(0)

    def _write(self, group: list[_Work]) -> list[Any]:
        try:
            with self._store.write_concurrently() as tx:
                return _apply_all(tx, group)
        except Exception as exc:  # told to whoever waits for it
            if len(group) == 1:
                return [_Raised(exc)]
            log.warning("group undone, each alone", size=len(group), cause=type(exc).__name__)
        return [result for work in group for result in self._write([work])]


@dataclass(frozen=True, slots=True)
class _Raised:
    error: Exception


def _apply_all(tx: Session, group: Sequence[_Work]) -> list[Any]:
    together: defaultdict[Apply[Any, Any], list[int]] = defaultdict(list)
    for place, work in enumerate(group):
        together[work.apply].append(place)
    results: list[Any] = [None] * len(group)
    for apply, places in together.items():
        given = apply(tx, [group[place].item for place in places])
        for place, result in zip(places, given, strict=True):
            results[place] = result
    return results


def _do_each(tx: Session, work: Sequence[Callable[[Session], Any]]) -> list[Any]:
    return [do(tx) for do in work]


def _tell(done: asyncio.Future[Any], result: Any) -> None:
    if done.done():
        return  # whoever waited was cancelled
    if isinstance(result, _Raised):
        done.set_exception(result.error)
        done.exception()  # somebody may have stopped waiting: that is no error of its own
    else:
        done.set_result(result)
