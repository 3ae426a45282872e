"""Polling 500 feeds of 100 entries on loopback: the first time, and unchanged.

A process of its own serves them under 500 host names, so that our manners towards one
host do not slow the measurement. `seconds` are wall time, rows named CPU excepted, which
count this process and those that parse. `peak_mb` is this process and its largest child
so far. The plain way is what a script would do: urllib and feedparser, one by one.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import random
import resource
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import feedparser
import structlog

from benchmarks.result import Result
from digest.clock import fixed_clock
from digest.feeds.fetch import FeedFetcher
from digest.feeds.sandbox import FeedParser
from digest.model import FeedKind, FeedSpec, FeedStatus
from digest.papers.poll import FeedPoll, poll_feeds
from digest.settings import FeedsSettings, Settings
from digest.store import Store
from digest.store.feeds import add_feed

FEEDS = 500
ENTRIES = 100
SEED = 20260202
NOW = datetime(2026, 2, 2, 8, tzinfo=UTC)
SETTINGS = Settings(feeds=FeedsSettings(allow_private_addresses=True))
PLAIN = "urllib and feedparser, one by one, nothing stored"


def run() -> list[Result]:
    # Printing a line for each feed would be measured, too.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    documents = _documents()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(there, documents), daemon=True
    )
    server.start()
    port = here.recv()
    try:
        plain, plain_cpu = _measured(partial(_read_plainly, port))
        with tempfile.TemporaryDirectory() as folder:
            store = Store(f"sqlite:///{Path(folder) / 'bench.db'}")
            store.upgrade()
            _add(store, port)
            first = _poll(store, NOW, wanted=FeedStatus.OK)
            read, read_cpu = _measured(partial(_read_only, port))
            unchanged = _poll(store, NOW + timedelta(hours=1), wanted=FeedStatus.UNCHANGED)
            here.send("forget validators")
            here.recv()
            same = _poll(store, NOW + timedelta(hours=2), wanted=FeedStatus.UNCHANGED)
            store.close()
    finally:
        server.terminate()
        server.join()
    name = f"{FEEDS} feeds x {ENTRIES} entries"
    return [
        _result(f"plain: fetch and feedparser, {name}", plain),
        _result("the same, CPU", plain_cpu),
        _result(f"fetch and parse, {name}", read, against=plain),
        _result("the same, CPU", read_cpu, against=plain_cpu),
        _result(f"first poll, {name}, papers stored", first.wall_s, against=plain),
        _result("the same, CPU", first.cpu_s, against=plain_cpu),
        _result("unchanged poll, 304", unchanged.wall_s, against=plain),
        _result("the same, CPU", unchanged.cpu_s, against=plain_cpu),
        _result("unchanged poll, equal document", same.wall_s, against=plain),
        _result("the same, CPU", same.cpu_s, against=plain_cpu),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    wall_s: float
    cpu_s: float


def _result(work: str, seconds: float, *, against: float | None = None) -> Result:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return Result(
        name="feeds",
        work=work,
        count=FEEDS,
        seconds=seconds,
        peak_mb=(own + child) // 1024,
        ratio=None if against is None else against / seconds,
        against=None if against is None else PLAIN,
    )


def _measured(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds of wall time and of CPU, those of ended children included."""
    began, cpu = time.perf_counter(), _cpu_s()
    work()
    return time.perf_counter() - began, _cpu_s() - cpu


def _cpu_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _add(store: Store, port: int) -> None:
    with store.write() as tx:
        for number in range(FEEDS):
            spec = FeedSpec(name=f"feed-{number}", url=_url(number, port))
            add_feed(tx, spec, NOW)


def _url(number: int, port: int) -> str:
    return f"http://feed-{number}.bench.example:{port}/{number}"


async def _to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def _poll(store: Store, at: datetime, *, wanted: FeedStatus) -> _Cost:
    wall_s, cpu_s = _measured(lambda: _check(asyncio.run(_poll_all(store, at)), wanted))
    return _Cost(wall_s=wall_s, cpu_s=cpu_s)


async def _poll_all(store: Store, at: datetime) -> list[FeedPoll]:
    async with (
        FeedFetcher(SETTINGS.feeds, resolver=_to_loopback) as fetcher,
        FeedParser() as parser,
    ):
        return await poll_feeds(store, fetcher, parser, clock=fixed_clock(at), settings=SETTINGS)


def _check(polls: list[FeedPoll], wanted: FeedStatus) -> None:
    wrong = [poll for poll in polls if poll.status is not wanted]
    new = sum(poll.new_papers for poll in polls)
    if wrong or (wanted is FeedStatus.OK and new != FEEDS * ENTRIES):
        raise RuntimeError(f"{len(wrong)} feeds are not {wanted}, {new} new papers: {wrong[:1]}")


def _read_only(port: int) -> None:
    async def read() -> None:
        async with (
            FeedFetcher(SETTINGS.feeds, resolver=_to_loopback) as fetcher,
            FeedParser() as parser,
        ):

            async def one(number: int) -> int:
                fetched = await fetcher.fetch(_url(number, port))
                parsed = await parser.parse(
                    fetched.body or b"", kind=FeedKind.AUTO, url=fetched.url
                )
                return len(parsed.entries)

            counts = await asyncio.gather(*(one(number) for number in range(FEEDS)))
        if sum(counts) != FEEDS * ENTRIES:
            raise RuntimeError(f"{sum(counts)} entries")

    asyncio.run(read())


def _read_plainly(port: int) -> None:
    entries = 0
    for number in range(FEEDS):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}") as reply:
            entries += len(feedparser.parse(reply.read()).entries)
    if entries != FEEDS * ENTRIES:
        raise RuntimeError(f"{entries} entries")


def _documents() -> list[bytes]:
    draw = random.Random(SEED)
    words = sorted(
        {"".join(draw.choices("aeioubcdlmnrst", k=draw.randint(2, 9))) for _ in range(9000)}
    )
    return [_document(draw, words, number) for number in range(FEEDS)]


def _document(draw: random.Random, words: list[str], number: int) -> bytes:
    items = []
    for row in range(ENTRIES):
        paper = number * ENTRIES + row
        title = " ".join(draw.choices(words, k=9)).capitalize()
        abstract = " ".join(draw.choices(words, k=185))
        arxiv = f"26{1 + paper // 10_000 % 12:02}.{paper % 10_000 + 10_000:05}"
        items.append(
            f"<item><title>{title}</title><link>https://arxiv.org/abs/{arxiv}</link>"
            f"<guid isPermaLink='false'>oai:arXiv.org:{arxiv}v1</guid>"
            f"<description>arXiv:{arxiv}v1 Announce Type: new \nAbstract: {abstract}</description>"
            "<category>cs.LG</category>"
            f"<dc:creator>Ada Byron, {draw.choice(words)} Chen</dc:creator>"
            "<pubDate>Mon, 02 Feb 2026 00:00:00 -0500</pubDate>"
            "<arxiv:announce_type>new</arxiv:announce_type></item>"
        )
    return (
        '<rss version="2.0" xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<channel><title>Feed {number}</title>{''.join(items)}</channel></rss>"
    ).encode()


def _serve(pipe: Connection, documents: list[bytes]) -> None:
    asyncio.run(_Server(documents).run(pipe))


class _Server:
    """Answers `/number`, with 304 to a validator it gave out, until it is told to forget."""

    def __init__(self, documents: list[bytes]) -> None:
        self._documents = documents
        self._validates = True

    async def run(self, pipe: Connection) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=500)
        pipe.send(server.sockets[0].getsockname()[1])
        async with server:
            await asyncio.to_thread(pipe.recv)
            self._validates = False
            pipe.send("done")
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        number = int(head.split(" ")[1].lstrip("/"))
        if self._validates and "if-none-match:" in head.lower():
            writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nConnection: close\r\n\r\n')
        else:
            body = self._documents[number]
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n"
                b'ETag: "1"\r\nConnection: close\r\n'
                + f"Content-Length: {len(body)}\r\n\r\n".encode("ascii")
                + body
            )
        await writer.drain()
        writer.close()
