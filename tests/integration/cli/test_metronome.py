"""The metronome with a service that only notes what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from digest.clock import system_clock
from digest.delivery.letters import LetterCounts
from digest.delivery.run import DeliverCounts
from digest.papers.poll import FeedPoll
from digest.scheduler import Metronome
from digest.service import Service
from digest.settings import Settings
from digest.store import Store
from digest.store.facts import LAST_BEAT, get_fact_at


class NotedService:
    """Stands in for the service: polls and deliveries take as long as a test says."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = system_clock
        self.settings = Settings()
        self.noted: list[str] = []
        self.hand_off = asyncio.Event()
        self.poll_error: Exception | None = None
        self.polls_for_ever = False
        self.relay_error: str | None = None
        self.letters_error: Exception | None = None

    async def poll_feeds(self, *, due_only: bool) -> list[FeedPoll]:
        assert due_only
        self.noted.append("poll")
        if self.poll_error is not None:
            raise self.poll_error
        if self.polls_for_ever:
            await asyncio.Event().wait()
        return []

    async def deliver_letters(self, *, stop: asyncio.Event) -> LetterCounts:
        assert not stop.is_set()
        if self.letters_error is not None:
            raise self.letters_error
        return LetterCounts()

    async def deliver(self, *, stop: asyncio.Event) -> DeliverCounts:
        self.noted.append("deliver")
        await self.hand_off.wait()
        self.noted.append("told to stop" if stop.is_set() else "delivered")
        return DeliverCounts(relay_error=self.relay_error)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'digest.db'}")
    store.ensure_schema()
    yield store
    store.close()


async def until(service: NotedService, word: str) -> None:
    async with asyncio.timeout(20):
        while word not in service.noted:
            await asyncio.sleep(0.01)


def test_the_first_beat_comes_at_once(store: Store) -> None:
    async def play() -> list[str]:
        service = NotedService(store)
        service.hand_off.set()
        metronome = Metronome(cast("Service", service))
        metronome.start()
        await until(service, "delivered")
        await until(service, "poll")
        await metronome.stop()
        return sorted(service.noted)

    assert asyncio.run(play()) == ["deliver", "delivered", "poll"]


def test_stop_waits_for_hand_offs_in_flight_and_tells_them(store: Store) -> None:
    async def play() -> list[str]:
        service = NotedService(store)
        metronome = Metronome(cast("Service", service), polls=False)
        metronome.start()
        await until(service, "deliver")
        stopping = asyncio.create_task(metronome.stop())
        await asyncio.sleep(0.05)
        service.hand_off.set()
        await stopping
        return service.noted

    assert asyncio.run(play()) == ["deliver", "told to stop"]


def test_stop_breaks_off_a_poll(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> list[str]:
        service = NotedService(store)
        service.polls_for_ever = True
        metronome = Metronome(cast("Service", service), delivers=False)
        metronome.start()
        await until(service, "poll")
        async with asyncio.timeout(20):
            await metronome.stop()
            await asyncio.sleep(0)
        return service.noted

    with caplog.at_level("ERROR", logger="apscheduler"):
        noted = asyncio.run(play())

    assert noted == ["poll"]
    assert caplog.records == []


def test_a_round_that_hangs_keeps_no_other_from_beginning_and_all_are_broken_off(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.scheduler.LOOK_EVERY_S", 1)

    async def play() -> list[str]:
        service = NotedService(store)
        service.polls_for_ever = True
        metronome = Metronome(cast("Service", service), delivers=False)
        metronome.start()
        async with asyncio.timeout(20):
            while len(service.noted) < 2:
                await asyncio.sleep(0.01)
            await metronome.stop()
        return service.noted

    noted = asyncio.run(play())

    assert noted[:2] == ["poll", "poll"]


def test_the_beat_is_recorded_for_those_who_probe(store: Store) -> None:
    async def play() -> None:
        metronome = Metronome(cast("Service", NotedService(store)), polls=False, delivers=False)
        metronome.start()
        async with asyncio.timeout(20):
            while beat_of(store) is None:
                await asyncio.sleep(0.01)
            await metronome.stop()

    asyncio.run(play())

    assert beat_of(store) is not None


def beat_of(store: Store) -> datetime | None:
    with store.read() as tx:
        return get_fact_at(tx, LAST_BEAT)


def test_a_hand_off_that_outlasts_the_grace_is_left_to_its_lease(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.scheduler.STOP_GRACE_S", 0.05)

    async def play() -> list[str]:
        service = NotedService(store)
        metronome = Metronome(cast("Service", service), polls=False)
        metronome.start()
        await until(service, "deliver")
        await metronome.stop()
        return service.noted

    with capture_logs() as logs:
        noted = asyncio.run(play())

    assert noted == ["deliver"]
    assert logs == [{"event": "work outlasted the stop", "ticks": 1, "log_level": "warning"}]


def test_a_tick_that_fails_is_logged_and_stops_nothing(store: Store) -> None:
    async def play() -> list[str]:
        service = NotedService(store)
        service.poll_error = RuntimeError("the disk is full")
        service.relay_error = "connection refused"
        service.hand_off.set()
        metronome = Metronome(cast("Service", service))
        metronome.start()
        await until(service, "poll")
        await until(service, "delivered")
        await metronome.stop()
        return sorted(service.noted)

    with capture_logs() as logs:
        noted = asyncio.run(play())

    assert noted == ["deliver", "delivered", "poll"]
    events = {(line["event"], line.get("tick"), line["log_level"]) for line in logs}
    assert ("tick failed", "feeds", "error") in events
    assert ("relay does not take mail", None, "error") in events


def test_letters_that_fail_keep_no_digest_from_being_delivered(store: Store) -> None:
    async def play() -> list[str]:
        service = NotedService(store)
        service.letters_error = RuntimeError("odd")
        service.hand_off.set()
        metronome = Metronome(cast("Service", service), polls=False)
        metronome.start()
        await until(service, "delivered")
        await metronome.stop()
        return service.noted

    with capture_logs() as logs:
        noted = asyncio.run(play())

    assert noted == ["deliver", "delivered"]
    assert [one["event"] for one in logs if one["log_level"] == "error"] == [
        "letters not handed off"
    ]
