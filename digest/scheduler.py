"""The metronome: looks for due work every minute, and does it in this process.

APScheduler only beats time (ADR 0005): its jobs live in memory, and nothing is owed
because a job ran. Due work is a query over our tables, so a tick that is missed loses
nothing and a tick that comes twice does nothing the second time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from digest.housekeeping import keep_house
from digest.service import Service
from digest.store.clock import DatabaseClock
from digest.store.election import Election
from digest.store.facts import LAST_BEAT, set_fact_at

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 60
HOUSEKEEPING_EVERY_S = 3600
MISFIRE_GRACE_S = 3600
"""A tick this late still runs, once: after sleep the work is found by looking."""

POLL_ROUNDS = 10
"""Rounds of polls at a time: a beat does not wait for a feed that hangs, or for arXiv's
turns. They share connections and processes, and no feed is in two of them."""

STOP_GRACE_S = 25
"""Within which hand-offs in flight should end; the process promises 30."""
POLLING = "feeds"
DELIVERING = "deliveries"

Tick = Callable[[], Awaitable[None]]


class Metronome:
    """Beats until it is stopped.

    Args:
        service: What does the work.
        polls: Whether due feeds are polled and the house is kept; of several processes
            on one PostgreSQL the elected one does it.
        delivers: Whether due digests are prepared and handed off.
    """

    def __init__(self, service: Service, *, polls: bool = True, delivers: bool = True) -> None:
        self._service = service
        self._stopping = asyncio.Event()
        self._running: dict[asyncio.Task[None], str] = {}
        self._election = Election(service.store)
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._add("beat", self._record_beat, LOOK_EVERY_S)
        if polls:
            self._add(POLLING, self._poll_due_feeds, LOOK_EVERY_S, at_a_time=POLL_ROUNDS)
            self._add("housekeeping", self._keep_house, HOUSEKEEPING_EVERY_S)
        if delivers:
            self._add(DELIVERING, self._deliver_due, LOOK_EVERY_S)

    def start(self) -> None:
        """Begin to beat; the first beat of each job is now, so that downtime is made up."""
        self._scheduler.start()
        loop = asyncio.get_running_loop()

        def hurry() -> None:
            loop.call_soon_threadsafe(self._hurry)

        self._service.nudged = hurry

    async def stop(self) -> None:
        """Take no new work, and return when what is in flight has ended.

        Polls are broken off: what they did not store is fetched again. Hand-offs are
        waited for; one that outlasts the grace is left to its lease, after which it is
        `unknown`, never sent again by itself.
        """
        self._stopping.set()
        self._scheduler.shutdown(wait=False)
        for task, name in self._running.items():
            if name == POLLING:
                task.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=STOP_GRACE_S)
            for task in late:
                task.cancel()
            if late:
                log.warning("work outlasted the stop", ticks=len(late))
                await asyncio.wait(late, timeout=1)
        await asyncio.to_thread(self._election.close)

    def _hurry(self) -> None:
        """Look for deliveries in a second: somebody confirmed, and waits for their mail."""
        if not self._stopping.is_set() and self._scheduler.get_job(DELIVERING) is not None:
            soon = datetime.now(UTC) + timedelta(seconds=1)
            self._scheduler.modify_job(DELIVERING, next_run_time=soon)

    def _add(self, name: str, tick: Tick, every_s: int, *, at_a_time: int = 1) -> None:
        self._scheduler.add_job(
            self._beat,
            IntervalTrigger(seconds=every_s, timezone="UTC"),
            args=[name, tick],
            id=name,
            coalesce=True,
            max_instances=at_a_time,
            misfire_grace_time=MISFIRE_GRACE_S,
            next_run_time=datetime.now(UTC),
        )

    async def _beat(self, name: str, tick: Tick) -> None:
        """Run one tick in a task of its own, which `stop` waits for.

        Shutting the scheduler down cancels the scheduler's task, so ours is shielded.
        """
        if self._stopping.is_set():
            return
        task = asyncio.create_task(self._guarded(name, tick))
        self._running[task] = name
        task.add_done_callback(self._running.pop)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise

    async def _guarded(self, name: str, tick: Tick) -> None:
        """Run a tick; one that fails is told, and stops nothing."""
        try:
            await tick()
        except Exception:
            log.exception("tick failed", tick=name)

    async def _record_beat(self) -> None:
        def record() -> None:
            if isinstance(self._service.clock, DatabaseClock):
                self._service.clock.look()
            with self._service.store.write() as tx:
                set_fact_at(tx, LAST_BEAT, self._service.clock())

        await asyncio.to_thread(record)

    async def _poll_due_feeds(self) -> None:
        if not await asyncio.to_thread(self._election.won):
            return
        polls = await self._service.poll_feeds(due_only=True)
        if polls:
            log.info(
                "feeds polled",
                feeds=len(polls),
                failed=sum(feed.status == "failed" for feed in polls),
                new_papers=sum(feed.new_papers for feed in polls),
            )

    async def _deliver_due(self) -> None:
        relay_error: str | None = None
        try:
            relay_error = (await self._service.deliver_letters(stop=self._stopping)).relay_error
        except Exception:  # digests are owed whatever becomes of letters
            log.exception("letters not handed off")
        digests = await self._service.deliver(stop=self._stopping)
        relay_error = digests.relay_error or relay_error
        if relay_error:
            log.error("relay does not take mail", reply=relay_error)

    async def _keep_house(self) -> None:
        if not await asyncio.to_thread(self._election.won):
            return
        service = self._service
        kept = await asyncio.to_thread(
            keep_house, service.store, service.clock(), service.settings.digest
        )
        if kept.something:
            log.info(
                "house kept",
                rested=kept.rested,
                tokens=kept.tokens,
                unconfirmed=kept.unconfirmed,
                papers=kept.papers,
            )
