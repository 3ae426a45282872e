"""Five hundred feeds at once, of which one hangs and some are hostile."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from digest.clock import fixed_clock
from digest.feeds.fetch import FeedFetcher
from digest.feeds.sandbox import FeedParser
from digest.model import FeedSpec
from digest.papers.poll import FeedPoll, poll_feeds
from digest.settings import FeedsSettings, Settings
from digest.store.engine import Store
from digest.store.feeds import add_feed

NOW = datetime(2026, 2, 2, 8, tzinfo=UTC)
SETTINGS = Settings(feeds=FeedsSettings(allow_private_addresses=True, timeout_s=120))
FEEDS = 500


async def to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def body_of(number: int) -> bytes:
    if number == 1:
        return b"<html><body>Not here</body></html>"
    if number == 2:
        return b"<rss version='2.0'><channel><item><title>cut"
    return (
        f"<rss version='2.0'><channel><title>{number}</title><item><title>Paper {number}</title>"
        f"<link>https://arxiv.org/abs/2602.{number:05}</link></item></channel></rss>"
    ).encode()


def test_one_feed_that_hangs_and_two_that_are_broken_delay_none_of_the_others(
    tmp_path: Path,
) -> None:
    async def run(store: Store) -> list[FeedPoll]:
        all_others_are_done = asyncio.Event()
        done: list[FeedPoll] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            number = int(head.split(b" ")[1].lstrip(b"/"))
            if number == 0:
                await all_others_are_done.wait()
            body = body_of(number)
            length = f"Content-Length: {len(body)}\r\n\r\n".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + length + body)
            await writer.drain()
            writer.close()

        def on_done(poll: FeedPoll) -> None:
            done.append(poll)
            if len(done) == FEEDS - 1:
                all_others_are_done.set()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=FEEDS)
        port = server.sockets[0].getsockname()[1]
        with store.write() as tx:
            for number in range(FEEDS):
                url = f"http://host-{number}.example:{port}/{number}"
                add_feed(tx, FeedSpec(name=f"feed-{number}", url=url), NOW)
        async with (
            server,
            FeedFetcher(SETTINGS.feeds, resolver=to_loopback) as fetcher,
            FeedParser() as parser,
        ):
            await poll_feeds(
                store,
                fetcher,
                parser,
                clock=fixed_clock(NOW),
                settings=SETTINGS,
                on_done=on_done,
            )
        return done

    store = Store(f"sqlite:///{tmp_path / 'digest.db'}")
    store.upgrade()

    polls = asyncio.run(run(store))

    store.close()
    assert polls[-1].name == "feed-0"
    assert Counter(poll.status.value for poll in polls) == {"ok": 498, "failed": 2}
    assert sum(poll.new_papers for poll in polls) == 498
