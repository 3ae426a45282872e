"""What was fetched and is not stored yet is limited, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from digest.clock import fixed_clock
from digest.feeds.fetch import FeedFetcher
from digest.feeds.in_hand import DOCUMENTS, DocumentsInHand
from digest.feeds.read import FeedReading, read_feed
from digest.feeds.sandbox import FeedParser
from digest.model import FeedId, FeedKind, FeedRecord, FeedSpec, ParsedFeed
from digest.papers.poll import FeedPoll, poll_feeds
from digest.settings import FeedsSettings, Settings
from digest.store.engine import Store
from digest.store.feeds import add_feed
from tests.support.feed_server import FeedServer, Reply

NOW = datetime(2026, 2, 2, 8, tzinfo=UTC)
SETTINGS = Settings(feeds=FeedsSettings(allow_private_addresses=True, timeout_s=20))


class SlowParser:
    """Takes a while for each document, and counts those it has at a time."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def parse(self, _body: bytes, **_: object) -> ParsedFeed:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.05)
        self.now -= 1
        return ParsedFeed(format="rss20", title="", entries=())


async def to_loopback(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def test_no_more_documents_are_in_hand_than_the_limit_however_slow_the_parser_is(
    tmp_path: Path,
) -> None:
    parser = SlowParser()

    async def run(store: Store) -> list[FeedPoll]:
        async with (
            FeedServer() as server,
            FeedFetcher(SETTINGS.feeds, resolver=to_loopback) as fetcher,
        ):
            server.script("/feed", Reply(body=b"x" * 1000))
            with store.write() as tx:
                for number in range(60):
                    url = f"http://host-{number}.example:{server.port}/feed"
                    add_feed(tx, FeedSpec(name=f"feed-{number}", url=url), NOW)
            return await poll_feeds(
                store,
                fetcher,
                cast("FeedParser", parser),
                clock=fixed_clock(NOW),
                settings=SETTINGS,
            )

    store = Store(f"sqlite:///{tmp_path / 'digest.db'}")
    store.upgrade()
    polls = asyncio.run(run(store))
    store.close()

    assert [poll.status.value for poll in polls] == ["ok"] * 60
    assert 2 <= parser.most <= DOCUMENTS


def test_feeds_of_several_pages_do_not_wait_for_each_other_for_ever() -> None:
    row = '{"doi": "10.1101/2026.02.02.7000%02d", "title": "T", "version": "1"}'

    def page(number: int) -> Reply:
        said = '{"status": "ok", "total": "2"}'
        return Reply(body=f'{{"messages": [{said}], "collection": [{row % number}]}}'.encode())

    async def run() -> list[FeedReading]:
        in_hand = DocumentsInHand(limit=1)

        async def read(number: int, url: str) -> FeedReading:
            feed = FeedRecord(
                id=FeedId(number),
                name=f"bio-{number}",
                url=url,
                kind=FeedKind.BIORXIV,
                created_at=NOW,
                next_poll_at=NOW,
            )
            place = in_hand.place()
            try:
                return await read_feed(
                    fetcher, parser, feed, now=NOW, settings=SETTINGS.feeds, place=place
                )
            finally:
                place.give_back()

        async with (
            asyncio.timeout(30),
            FeedServer() as server,
            FeedFetcher(SETTINGS.feeds) as fetcher,
            FeedParser(workers=1) as parser,
        ):
            first = server.script("/details/biorxiv/3d", page(1))
            server.script("/details/biorxiv/3d/1", page(2))
            return list(await asyncio.gather(*(read(number, first) for number in range(4))))

    readings = asyncio.run(run())

    assert [reading.state.entries for reading in readings] == [2, 2, 2, 2]
