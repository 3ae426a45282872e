"""What a server may do to us, poll by poll: nothing is lost, nothing hangs, all is said.

Each fault stands between two good polls of one feed. The first is its baseline, the last
brings a paper that nobody had.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.clock import fixed_clock
from digest.feeds.fetch import FeedFetcher
from digest.feeds.sandbox import FeedParser
from digest.model import Alias, FeedRecord, FeedSpec, FeedStatus
from digest.papers.poll import FeedPoll, poll_feeds
from digest.settings import FeedsSettings, Settings
from digest.store.engine import Store
from digest.store.feeds import add_feed, due_feeds, get_feed
from digest.store.papers import get_paper, open_papers
from tests.support.feed_server import FeedServer, Reply

T0 = datetime(2026, 2, 2, 8, tzinfo=UTC)
T1, T2 = T0 + timedelta(hours=1), T0 + timedelta(hours=2)
HOST = "feeds.example.org"
METADATA = "169.254.169.254"
SETTINGS = Settings(
    feeds=FeedsSettings(allow_private_addresses=True, timeout_s=1, max_bytes=100_000)
)


def item(number: int, title: str = "On the number") -> str:
    return (
        f"<item><title>{title} {number} and its friends</title>"
        f"<link>https://arxiv.org/abs/2602.{number:05}</link></item>"
    )


def rss(*items: str) -> bytes:
    return f"<rss version='2.0'><channel><title>F</title>{''.join(items)}</channel></rss>".encode()


GOOD = Reply(body=rss(item(1)), etag='"good"')
LAST = Reply(body=rss(item(1), item(2)))


def to(location: str) -> Reply:
    return Reply(status=302, headers={"Location": location})


@dataclass(frozen=True, kw_only=True)
class Played:
    """The three polls, the feed after the second, and whether it was due an hour later."""

    polls: list[FeedPoll]
    after_fault: FeedRecord
    due_later: bool
    eligible: list[str]


def play(store: Store, fault: Reply, *, address: str = "127.0.0.1") -> Played:
    """Poll three times; the second reply is `fault`, the second DNS answer `address`."""
    answers = {HOST: ["127.0.0.1"]}

    async def resolver(host: str, _port: int) -> Sequence[str]:
        return answers.get(host, [host])

    async def run() -> Played:
        polls: list[FeedPoll] = []
        async with (
            FeedServer() as server,
            FeedFetcher(SETTINGS.feeds, resolver=resolver) as fetcher,
            FeedParser(workers=1) as parser,
            deaf_listener(server.port),
        ):
            server.script("/feed", [GOOD, fault, LAST] if address == "127.0.0.1" else [GOOD, LAST])
            server.script("/loop", to("/loop"))
            with store.write() as tx:
                add_feed(tx, FeedSpec(name="a", url=f"http://{HOST}:{server.port}/feed"), T0)

            async def poll(at: datetime) -> FeedRecord:
                clock = fixed_clock(at)
                polls.extend(
                    await poll_feeds(
                        store, fetcher, parser, clock=clock, settings=SETTINGS, names=["a"]
                    )
                )
                with store.read() as tx:
                    feed = get_feed(tx, "a")
                assert feed is not None
                return feed

            await poll(T0)
            answers[HOST] = [address]
            after_fault = await poll(T1)
            with store.read() as tx:
                due_later = bool(due_feeds(tx, T2))
            answers[HOST] = ["127.0.0.1"]
            await poll(T2)
        with store.read() as tx:
            opened = open_papers(tx, T2, eligibility_days=14)
        return Played(
            polls=polls,
            after_fault=after_fault,
            due_later=due_later,
            eligible=[paper.alias for paper, _ in opened],
        )

    return asyncio.run(run())


@contextlib.asynccontextmanager
async def deaf_listener(port: int) -> AsyncIterator[None]:
    """Listen at 127.0.0.2 with a full queue, so that nobody is ever connected there."""
    with socket.socket() as listener, contextlib.ExitStack() as clients:
        listener.bind(("127.0.0.2", port))
        listener.listen(0)
        for _ in range(3):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.2", port))
        yield


@pytest.mark.parametrize(
    ("fault", "http_status", "error"),
    [
        pytest.param(Reply(pause_s=30), None, "no answer within 1 s", id="silent"),
        pytest.param(
            replace(LAST, byte_pause_s=1), 200, "no complete answer within 1 s", id="byte-a-second"
        ),
        pytest.param(
            Reply(raw=b"HTTP/1.1 200 OK\r\nX-Half"),
            None,
            "the server broke off or does not speak HTTP",
            id="broken-header",
        ),
        pytest.param(replace(LAST, cut_after=30), 200, "the connection broke off", id="cut-body"),
        pytest.param(
            Reply(status=500), 500, "the server answered 500 (Internal Server Error)", id="500"
        ),
        pytest.param(to("/loop"), None, "redirects more than 3 times", id="redirect-loop"),
        pytest.param(
            to("http://10.0.0.1/x"), None, "redirects to a private address", id="redirect-inside"
        ),
        pytest.param(
            to(f"http://{METADATA}/latest"),
            None,
            "redirects to a private address",
            id="redirect-to-metadata",
        ),
        pytest.param(
            Reply(body=b"<!doctype html><title>Sorry</title>"),
            200,
            "this is an HTML page, not a feed",
            id="html",
        ),
        pytest.param(Reply(body=b""), 200, "the document is empty", id="empty-body"),
        pytest.param(
            Reply(body=b"<rss version='2.0'><channel><item><title>On th"),
            200,
            "the document breaks off within its first entry",
            id="truncated-in-first-entry",
        ),
        pytest.param(
            Reply(body=gzip.compress(b" " * 9_000_000), headers={"Content-Encoding": "gzip"}),
            200,
            "more than 100,000 bytes",
            id="gzip-bomb",
        ),
    ],
)
def test_after_a_fault_the_feed_is_asked_again_soon_and_nothing_is_lost(
    store: Store, fault: Reply, http_status: int | None, error: str
) -> None:
    played = play(store, fault)

    broken = played.polls[1]
    assert (broken.status, broken.http_status, broken.error) == ("failed", http_status, error)
    assert played.after_fault.failing_since_at == T1
    assert played.after_fault.etag == '"good"'
    assert played.after_fault.next_poll_at - T1 < timedelta(minutes=6)
    assert played.polls[2].status is FeedStatus.OK
    assert played.eligible == ["arxiv:2602.00002"]


@pytest.mark.parametrize(
    ("address", "error"),
    [
        # The limit of the whole is 0.1 s later: a busy machine may come to it first.
        pytest.param(
            "127.0.0.2", r"no connection within 0\.9 s|no answer within 1 s", id="connect"
        ),
        pytest.param(METADATA, "leads to a private address", id="dns-to-metadata"),
        pytest.param("no address", f"the name {HOST} resolves to no usable address", id="dns-junk"),
    ],
)
def test_a_name_that_leads_elsewhere_for_an_hour_loses_nothing(
    store: Store, address: str, error: str
) -> None:
    played = play(store, LAST, address=address)

    assert played.polls[1].status == "failed"
    assert re.fullmatch(error, played.polls[1].error or "")
    assert played.after_fault.next_poll_at - T1 < timedelta(minutes=6)
    assert played.polls[2].status is FeedStatus.OK
    assert played.eligible == ["arxiv:2602.00002"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_names_a_time_is_left_alone_until_then(store: Store, status: int) -> None:
    played = play(store, Reply(status=status, headers={"Retry-After": "7200"}))

    assert (played.polls[1].status, played.polls[1].http_status) == ("failed", status)
    assert played.after_fault.next_poll_at == T1 + timedelta(hours=2)
    assert not played.due_later
    assert played.eligible == ["arxiv:2602.00002"]


def test_a_feed_that_is_gone_rests_until_somebody_asks_for_it(store: Store) -> None:
    played = play(store, Reply(status=410))

    assert (played.polls[1].status, played.polls[1].http_status) == ("gone", 410)
    assert played.after_fault.gone_at == T1
    assert not played.due_later
    assert played.polls[2].status is FeedStatus.OK
    assert played.eligible == ["arxiv:2602.00002"]


def test_an_unchanged_feed_is_asked_again_in_an_hour(store: Store) -> None:
    played = play(store, GOOD)

    assert (played.polls[1].status, played.polls[1].http_status) == ("unchanged", 304)
    assert timedelta(hours=1) <= played.after_fault.next_poll_at - T1 <= timedelta(minutes=66)
    assert played.after_fault.error is None
    assert played.eligible == ["arxiv:2602.00002"]


def test_a_document_that_breaks_off_gives_what_is_whole_and_later_the_rest(store: Store) -> None:
    whole = rss(item(1), item(3), item(2))

    played = play(store, Reply(body=whole[: whole.rindex(b"and its friends")]))

    assert (played.polls[1].status, played.polls[1].entries) == ("ok", 2)
    assert sorted(played.eligible) == ["arxiv:2602.00002", "arxiv:2602.00003"]


def test_a_document_in_another_character_set_than_it_says_is_read_all_the_same(
    store: Store,
) -> None:
    says_utf8 = b"<?xml version='1.0' encoding='utf-8'?>"
    body = says_utf8 + rss(item(1), item(3, "Größe und")).decode().encode("latin-1")

    played = play(store, Reply(body=body))

    assert (played.polls[1].status, played.polls[1].new_papers) == ("ok", 1)
    with store.read() as tx:
        paper = get_paper(tx, Alias("arxiv:2602.00003"))
    assert paper is not None
    assert paper.title == "Größe und 3 and its friends"
    assert sorted(played.eligible) == ["arxiv:2602.00002", "arxiv:2602.00003"]
