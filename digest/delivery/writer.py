"""One writer for all lanes: what gathers while a commit runs goes into the next one.

A commit that survives a power cut costs an fsync; with 16 connections that wait for
one, sharing it is worth more than anything else here.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from sqlmodel import Session

from digest.errors import ConnectionLostError
from digest.store.engine import Store

log = structlog.get_logger(__name__)

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")

Apply = Callable[[Session, Sequence[Item]], Sequence[Result]]
"""Does something for several items in a transaction; gives one result for each."""

_MAX_GROUP = 64
PATIENCE_S = 0.001
"""So long a small group waits for others: less than what a commit of its own costs."""


@dataclass(slots=True)
class _Work:
    apply: Apply[Any, Any]
    item: Any
    done: asyncio.Future[Any]


_Group = list[_Work]


class GroupCommit:
    """Runs pieces of work in shared writing transactions, in a thread of its own.

    Pieces that ask for the same function are given to it together, so that it can write
    them with one statement. A piece that raises is undone and told alone: the others of
    its group are run again without it. A group whose connection was lost before its commit
    was asked for is run once more over a new one.

    Args:
        store: The database.
        worth: A group of fewer pieces waits for others; 1 for no waiting.
        patience_s: How long it waits at most.
    """

    def __init__(self, store: Store, *, worth: int = 1, patience_s: float = PATIENCE_S) -> None:
        self._store = store
        self._waiting: deque[_Work] = deque()
        self._groups: SimpleQueue[_Group | None] = SimpleQueue()
        self._worth = min(worth, _MAX_GROUP)
        self._patience_s = patience_s
        self._is_free = True
        self._timer: asyncio.TimerHandle | None = None
        self._at_rest: asyncio.Event = asyncio.Event()
        self._at_rest.set()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    async def __aenter__(self) -> Self:
        """Start the writer."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit what is waiting, then stop."""
        await self._at_rest.wait()
        self._groups.put(None)
        await asyncio.to_thread(self._thread.join)

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
        done: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append(_Work(apply, item, done))
        self._at_rest.clear()
        if self._is_free:
            self._plan()
        return done

    def _plan(self) -> None:
        """Write what waits: at the end of this turn of the loop, or when patience is out."""
        if len(self._waiting) >= self._worth:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._is_free = False
            self._loop.call_soon(self._write_next)
        elif self._timer is None:
            self._timer = self._loop.call_later(self._patience_s, self._run_out)

    def _run_out(self) -> None:
        self._timer = None
        self._is_free = False
        self._write_next()

    def _write_next(self) -> None:
        size = min(len(self._waiting), _MAX_GROUP)
        self._groups.put([self._waiting.popleft() for _ in range(size)])

    def _next(self) -> None:
        """Go on after a group, those who waited for it having had their say."""
        self._is_free = True
        if self._waiting:
            self._plan()
        else:
            self._at_rest.set()

    def _tell(self, group: _Group, results: list[Any]) -> None:
        for work, result in zip(group, results, strict=True):
            if work.done.done():
                continue  # whoever waited was cancelled
            if isinstance(result, _Raised):
                work.done.set_exception(result.error)
                work.done.exception()  # somebody may have stopped waiting: no error of its own
            else:
                work.done.set_result(result)
        # Those who wait for these results have their say before the next group is closed.
        self._loop.call_soon(self._next)

    # ---- in the writer's thread

    def _run(self) -> None:
        with self._store.keep_connection():
            while (group := self._groups.get()) is not None:
                results = self._write(group)
                with suppress(RuntimeError):  # the loop was closed: nobody waits
                    self._loop.call_soon_threadsafe(self._tell, group, results)

    def _write(self, group: _Group) -> list[Any]:
        try:
            try:
                return self._write_once(group)
            except ConnectionLostError as exc:
                log.warning("connection lost, once more", size=len(group), cause=str(exc))
                return self._write_once(group)
        except Exception as exc:  # told to whoever waits for it
            if len(group) == 1:
                return [_Raised(exc)]
            log.warning("group undone, each alone", size=len(group), cause=type(exc).__name__)
        return [result for work in group for result in self._write([work])]

    def _write_once(self, group: _Group) -> list[Any]:
        with self._store.write_concurrently() as tx:
            return _apply_all(tx, group)


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
