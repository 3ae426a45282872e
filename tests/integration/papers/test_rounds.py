"""Rounds of polls that overlap: what hangs is left alone, all else goes on."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path

from digest.clock import fixed_clock
from digest.model import FeedSpec
from digest.papers.poll import FeedPoll
from digest.service import Service
from digest.settings import FeedsSettings, ServiceSettings, Settings
from digest.store.feeds import add_feed
from tests.support.feed_server import FeedServer, Reply

NOW = datetime(2026, 2, 2, 8, tzinfo=UTC)
RSS = (
    b"<rss version='2.0'><channel><title>F</title><item><title>On rounds</title>"
    b"<link>https://arxiv.org/abs/2602.00001</link></item></channel></rss>"
)


def service_in(folder: Path) -> Service:
    service = Service(
        settings=Settings(
            service=ServiceSettings(data_dir=folder),
            feeds=FeedsSettings(allow_private_addresses=True, timeout_s=60),
        ),
        clock=fixed_clock(NOW),
    )
    service.store.upgrade()
    return service


def test_a_feed_that_comes_due_while_another_hangs_is_polled_and_none_twice(
    tmp_path: Path,
) -> None:
    service = service_in(tmp_path)

    async def play() -> tuple[list[FeedPoll], list[FeedPoll], list[str], bool]:
        async with FeedServer() as server:
            hanging = server.script("/hanging", Reply(body=RSS, pause_s=600))
            with service.store.write() as tx:
                add_feed(tx, FeedSpec(name="hanging", url=hanging), NOW)
            first = asyncio.create_task(service.poll_feeds(due_only=True))
            async with asyncio.timeout(60):
                while server.paths() != ["/hanging"]:
                    await asyncio.sleep(0.01)
                with service.store.write() as tx:
                    add_feed(
                        tx,
                        FeedSpec(name="quick", url=server.script("/quick", Reply(body=RSS))),
                        NOW,
                    )
                second = await service.poll_feeds(due_only=True)
                third = await service.poll_feeds(due_only=True)
            was_hanging = not first.done()
            first.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await first
            return second, third, server.paths(), was_hanging

    second, third, paths, was_hanging = asyncio.run(play())
    left = service._rounds.under_way
    service.close()

    assert [(poll.name, poll.status.value) for poll in second] == [("quick", "ok")]
    assert third == []
    assert paths == ["/hanging", "/quick"]
    assert was_hanging
    assert left == set()


def test_the_parts_are_closed_after_the_last_round_and_opened_for_the_next(tmp_path: Path) -> None:
    service = service_in(tmp_path)

    async def play() -> list[bool]:
        rounds = service._rounds
        async with rounds.round() as one:
            async with rounds.round() as other:
                shared = one is other
            still_open = one.parser._open
        closed = not one.parser._open
        async with rounds.round() as later:
            return [shared, still_open, closed, later is not one and later.parser._open]

    said = asyncio.run(play())
    service.close()

    assert said == [True, True, True, True]
