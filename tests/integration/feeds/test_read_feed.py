from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from digest.feeds.fetch import FeedFetcher
from digest.feeds.polling import after_ingest
from digest.feeds.read import FeedReading, read_feed
from digest.feeds.sandbox import FeedParser
from digest.model import FeedId, FeedKind, FeedRecord, FeedStatus
from digest.settings import FeedsSettings
from tests.support.feed_fixtures import fixture_bytes
from tests.support.feed_server import FeedServer, Reply

NOW = datetime(2026, 2, 2, 8, 0, tzinfo=UTC)
SETTINGS = FeedsSettings(allow_private_addresses=True, timeout_s=5)
ARXIV = fixture_bytes("arxiv_rss20.xml")


def poll(
    replies: Reply | Sequence[Reply],
    *,
    times: int = 1,
    hours_apart: float = 1,
    server: FeedServer | None = None,
) -> list[FeedReading]:
    """Poll a scripted feed some times, each with the state of the poll before."""

    async def run() -> list[FeedReading]:
        async with (
            server or FeedServer() as running,
            FeedFetcher(SETTINGS) as fetcher,
            FeedParser(workers=1) as parser,
        ):
            feed = FeedRecord(
                id=FeedId(1),
                name="a",
                url=running.script("/feed", replies),
                kind=FeedKind.AUTO,
                created_at=NOW,
                next_poll_at=NOW,
            )
            readings: list[FeedReading] = []
            for number in range(times):
                now = NOW + timedelta(hours=number * hours_apart)
                reading = await read_feed(fetcher, parser, feed, now=now, settings=SETTINGS)
                readings.append(reading)
                new = 1 if reading.parsed else 0
                state = after_ingest(reading.state, new_papers=new, usual_gap_days=1)
                assert isinstance(state, FeedRecord)
                feed = replace(state, baseline_at=feed.baseline_at or now)
            return readings

    return asyncio.run(run())


def test_the_first_poll_reads_the_document() -> None:
    (reading,) = poll(Reply(body=ARXIV, etag='"1"'))

    assert reading.status is FeedStatus.OK
    assert reading.http_status == 200
    assert reading.error is None
    assert reading.parsed is not None
    assert len(reading.parsed.entries) == 2
    assert reading.state.entries == 2
    assert reading.state.etag == '"1"'


def test_an_unchanged_document_is_known_by_its_validator() -> None:
    _, second = poll(Reply(body=ARXIV, etag='"1"'), times=2)

    assert second.status is FeedStatus.UNCHANGED
    assert second.http_status == 304
    assert second.parsed is None


def test_an_unchanged_document_is_known_by_its_content_too() -> None:
    _, second = poll(Reply(body=ARXIV), times=2)

    assert second.status is FeedStatus.UNCHANGED
    assert second.http_status == 200
    assert second.parsed is None


def test_a_changed_document_is_read_again() -> None:
    _, second = poll([Reply(body=ARXIV), Reply(body=ARXIV + b"<!-- new -->")], times=2)

    assert second.status is FeedStatus.OK
    assert second.parsed is not None


def test_an_empty_valid_feed_is_ok() -> None:
    (reading,) = poll(Reply(body=fixture_bytes("arxiv_empty.xml")))

    assert reading.status is FeedStatus.OK
    assert reading.parsed is not None
    assert reading.state.entries == 0


def test_an_html_page_with_200_is_a_failure_and_the_next_good_document_is_read() -> None:
    page = Reply(body=b"<!doctype html><html>Maintenance</html>", etag='"page"')

    readings = poll([Reply(body=ARXIV), page, Reply(body=ARXIV + b" ")], times=3)

    assert readings[1].status is FeedStatus.FAILED
    assert readings[1].http_status == 200
    assert readings[1].error == "this is an HTML page, not a feed"
    assert readings[1].state.failing_since_at == NOW + timedelta(hours=1)
    assert readings[1].state.etag is None
    assert readings[2].status is FeedStatus.OK
    assert readings[2].state.error is None


def test_a_truncated_document_gives_what_is_whole() -> None:
    (reading,) = poll(Reply(body=ARXIV[: ARXIV.rindex(b"</title>")]))

    assert reading.status is FeedStatus.OK
    assert reading.parsed is not None
    assert len(reading.parsed.entries) == 1


def test_the_servers_character_set_is_heeded() -> None:
    body = "<rss version='2.0'><channel><item><title>Größe</title></item></channel></rss>"

    (reading,) = poll(
        Reply(body=body.encode("latin-1"), headers={"Content-Type": "text/xml; charset=iso-8859-1"})
    )

    assert reading.parsed is not None
    assert reading.parsed.entries[0].title == "Größe"


def test_a_busy_server_is_asked_again_when_it_said() -> None:
    (reading,) = poll(Reply(status=429, headers={"Retry-After": "86400"}))

    assert reading.status is FeedStatus.FAILED
    assert reading.http_status == 429
    assert reading.state.next_poll_at == NOW + timedelta(days=1)


def test_a_feed_that_is_gone_is_said_to_be() -> None:
    (reading,) = poll(Reply(status=410))

    assert reading.status is FeedStatus.GONE
    assert reading.error == "the server says it is gone for good"


def test_a_feed_that_brings_nothing_new_for_days_is_stale() -> None:
    readings = poll(Reply(body=ARXIV, etag='"1"'), times=6, hours_apart=24)

    assert [reading.status.value for reading in readings] == [
        "ok",
        "unchanged",
        "unchanged",
        "unchanged",
        "stale",
        "stale",
    ]


def test_a_moved_feed_is_asked_at_its_new_place_until_that_fails() -> None:
    server = FeedServer()
    server.script("/new", [Reply(body=ARXIV), Reply(status=500), Reply(body=ARXIV)])
    moved = Reply(status=301, headers={"Location": "/new"})

    readings = poll(moved, times=3, server=server)

    assert server.paths() == ["/feed", "/new", "/new", "/feed", "/new"]
    assert [reading.status for reading in readings] == [
        FeedStatus.OK,
        FeedStatus.FAILED,
        FeedStatus.UNCHANGED,
    ]


def test_one_hanging_feed_delays_no_other() -> None:
    async def run() -> list[str]:
        settings = FeedsSettings(allow_private_addresses=True, timeout_s=1)
        done: list[str] = []
        async with FeedServer() as server, FeedFetcher(settings) as fetcher:

            async def fetch(name: str, url: str) -> None:
                try:
                    await fetcher.fetch(url)
                finally:
                    done.append(name)

            hanging = server.script("/hang", Reply(pause_s=30))
            good = server.script("/good", Reply(body=ARXIV))
            await asyncio.gather(
                fetch("hanging", hanging), fetch("good", good), return_exceptions=True
            )
        return done

    assert asyncio.run(run()) == ["good", "hanging"]


def test_a_feed_keeps_its_place_in_the_hour() -> None:
    first, second = poll(Reply(body=ARXIV), times=2)

    wait = first.state.next_poll_at - NOW
    assert timedelta(hours=1) <= wait < timedelta(minutes=66)
    assert second.state.next_poll_at - (NOW + timedelta(hours=1)) == wait


def test_all_pages_of_an_answer_are_one_document() -> None:
    row = (
        '{"doi": "10.1101/2026.02.02.7000%02d", "title": "T", "version": "1", "server": "bioRxiv"}'
    )

    def page(numbers: range) -> Reply:
        rows = ", ".join(row % number for number in numbers)
        said = '{"status": "ok", "total": "5"}'
        return Reply(body=f'{{"messages": [{said}], "collection": [{rows}]}}'.encode(), etag='"1"')

    async def run() -> tuple[list[FeedReading], list[str]]:
        async with (
            FeedServer() as server,
            FeedFetcher(SETTINGS) as fetcher,
            FeedParser(workers=1) as parser,
        ):
            first = "/details/biorxiv/3d"
            server.script(first, page(range(3)))
            server.script(f"{first}/3", page(range(3, 5)))
            feed = FeedRecord(
                id=FeedId(1),
                name="bio",
                url=server.url(first),
                kind=FeedKind.BIORXIV,
                created_at=NOW,
                next_poll_at=NOW,
            )
            read = await read_feed(fetcher, parser, feed, now=NOW, settings=SETTINGS)
            state = read.state
            assert isinstance(state, FeedRecord)
            again = await read_feed(fetcher, parser, state, now=NOW, settings=SETTINGS)
            return [read, again], server.paths()

    (read, again), paths = asyncio.run(run())

    assert read.parsed is not None
    assert len(read.parsed.entries) == 5
    assert read.state.entries == 5
    assert (again.status, again.parsed) == (FeedStatus.UNCHANGED, None)
    assert paths == ["/details/biorxiv/3d", "/details/biorxiv/3d/3"] * 2


def test_of_an_answer_whose_second_page_fails_nothing_is_kept() -> None:
    said = '{"messages": [{"status": "ok", "total": "2"}], "collection": [{"title": "T"}]}'

    async def run() -> FeedReading:
        async with (
            FeedServer() as server,
            FeedFetcher(SETTINGS) as fetcher,
            FeedParser(workers=1) as parser,
        ):
            server.script("/details/biorxiv/3d", Reply(body=said.encode()))
            server.script("/details/biorxiv/3d/1", Reply(status=500))
            feed = FeedRecord(
                id=FeedId(1),
                name="bio",
                url=server.url("/details/biorxiv/3d"),
                kind=FeedKind.BIORXIV,
                created_at=NOW,
                next_poll_at=NOW,
            )
            return await read_feed(fetcher, parser, feed, now=NOW, settings=SETTINGS)

    reading = asyncio.run(run())

    assert (reading.status, reading.parsed) == (FeedStatus.FAILED, None)
    assert reading.state.body_hash is None


def test_no_more_pages_are_read_than_a_poll_may() -> None:
    said = '{"messages": [{"status": "ok", "total": "99"}], "collection": [{"title": "T"}]}'

    async def run() -> tuple[FeedReading, int]:
        async with (
            FeedServer() as server,
            FeedFetcher(SETTINGS) as fetcher,
            FeedParser(workers=1) as parser,
        ):
            first = "/details/biorxiv/3d"
            for path in (first, *(f"{first}/{start}" for start in range(1, 99))):
                server.script(path, Reply(body=said.encode()))
            feed = FeedRecord(
                id=FeedId(1),
                name="bio",
                url=server.url(first),
                kind=FeedKind.BIORXIV,
                created_at=NOW,
                next_poll_at=NOW,
            )
            reading = await read_feed(fetcher, parser, feed, now=NOW, settings=SETTINGS)
            return reading, len(server.requests)

    reading, requests = asyncio.run(run())

    assert requests == 20
    assert reading.parsed is not None
    assert reading.parsed.warnings == ("only the first 20 entries of 20 pages were read",)


def test_after_a_document_that_broke_off_the_whole_one_is_asked_for_without_condition() -> None:
    cut = ARXIV[: ARXIV.rindex(b"<item") + 30]

    first, second = poll([Reply(body=cut, etag='"1"'), Reply(body=ARXIV, etag='"1"')], times=2)

    assert (first.status, first.state.etag) == (FeedStatus.OK, None)
    assert first.state.entries is not None
    assert second.state.entries == first.state.entries + 1
