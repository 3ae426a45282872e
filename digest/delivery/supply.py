"""The lanes' supply: deliveries claimed and composed ahead, one batch while another is sent.

At most two batches are in memory, whatever the number of digests, and one of those that
wait for their domain.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session

from digest.clock import Clock
from digest.delivery.composing import Composer
from digest.delivery.writer import GroupCommit
from digest.model import Delivery, Message, Outcome
from digest.store import ledger
from digest.store.engine import Store

LOW_WATER = 25
"""The next batch is fetched when so few are left: composing takes as long as sending some."""

_SWITCH_S = 0.001
"""How long the composing thread keeps the interpreter's lock while connections wait for it.

Python's own 5 ms are as long as a hand-off takes: with 16 connections it then costs up to
a third of the speed.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed delivery, and its message or why it has none."""

    delivery: Delivery
    message: Message | Outcome


class Supply:
    """Claims batches and composes them in a thread, ahead of need.

    Args:
        store: The database.
        clock: The only clock that is read.
        composer: Turns deliveries into messages.
        writer: Shared with the lanes.
        batch: How many are claimed at once, at most 50.
        may_go_on: Asked before each claim and each job.
        must_wait: Whether a job would have to wait for its turn; others go first then,
            as long as no more than a batch of such are put aside.
        beside: Called in the thread and the transaction that read each batch.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        composer: Composer,
        writer: GroupCommit,
        batch: int,
        may_go_on: Callable[[], bool],
        must_wait: Callable[[Job], bool] = lambda _job: False,
        beside: Callable[[Session], None] = lambda _tx: None,
    ) -> None:
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_S))
        self._store = store
        self._clock = clock
        self._composer = composer
        self._writer = writer
        self._batch = batch
        self._may_go_on = may_go_on
        self._must_wait = must_wait
        self._beside = beside
        self._aside: deque[Job] = deque()
        self._jobs: deque[Job] = deque()
        self._fetching: asyncio.Task[list[Job]] | None = None
        self._is_dry = False
        self._turn = asyncio.Lock()

    async def take(self) -> Job | None:
        """Return the next job, None when nothing is ready now.

        Raises:
            StorageError: If the database refused.
        """
        async with self._turn:
            while self._may_go_on():
                job = self.take_now()
                if job is not None:
                    return job
                self._fetch()
                if self._fetching is None:
                    return None
                await asyncio.wait([self._fetching])  # `take_now` of any lane unloads it
        return None

    def take_now(self) -> Job | None:
        """Return the next job if there is one already composed."""
        if not self._jobs and self._fetching is not None and self._fetching.done():
            self._unload()
        job = self._choose()
        if len(self._jobs) < LOW_WATER:
            self._fetch()
        return job

    def _choose(self) -> Job | None:
        for _ in range(len(self._aside)):
            job = self._aside.popleft()
            if not self._must_wait(job):
                return job
            self._aside.append(job)
        while self._jobs:
            job = self._jobs.popleft()
            if len(self._aside) >= self._batch or not self._must_wait(job):
                return job
            self._aside.append(job)
        return None

    @property
    def has_rest(self) -> bool:
        """Whether something is claimed and not taken."""
        return bool(self._jobs or self._aside)

    def put_back(self, job: Job) -> None:
        """Return a job that was taken and not begun."""
        self._jobs.appendleft(job)

    async def close(self) -> list[Job]:
        """Stop fetching; return what was claimed and not taken."""
        fetching, self._fetching = self._fetching, None
        if fetching is not None:
            self._jobs.extend(await fetching)
        rest = [*self._aside, *self._jobs]
        self._aside.clear()
        self._jobs.clear()
        return rest

    def _fetch(self) -> None:
        if self._fetching is None and not self._is_dry and self._may_go_on():
            self._fetching = asyncio.create_task(self._claim())

    def _unload(self) -> None:
        """Take over what was fetched; an empty batch says that nothing more is ready now."""
        fetched, self._fetching = self._fetching, None
        assert fetched is not None
        jobs = fetched.result()
        self._is_dry = not jobs
        self._jobs.extend(jobs)

    async def _claim(self) -> list[Job]:
        claim = await self._writer.commit(
            lambda tx: ledger.claim(tx, self._clock(), limit=self._batch)
        )
        return await asyncio.to_thread(self._compose, claim)

    def _compose(self, claim: ledger.Claim) -> list[Job]:
        deliveries = claim.deliveries()
        if not deliveries:
            return []
        with self._store.read() as tx:
            self._beside(tx)
            messages = self._composer.compose_batch(tx, deliveries)
        return [Job(one, messages[one.id]) for one in deliveries]
