"""A year of a real trending feed, replayed with a simulated clock.

Daily snapshots are polled and delivered to twenty subscribers with varied interests,
zones and days: sixty of them, over the autumn in which clocks change, or all 308 with
`make replay`. What arrived is read back from the outbox with the standard library, and
what was owed is worked out here, not by the code under test.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import re
import sqlite3
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from digest.feeds.sandbox import FeedParser
from digest.model import Period
from digest.papers.poll import poll_feeds
from digest.service import Service, open_service
from digest.settings import Settings
from digest.subscribers.signup import add_subscriber
from digest.subscribers.wanted import SubscriberLine
from tests.support.feed_server import FeedServer, Reply

ARCHIVE = (
    Path(__file__).resolve().parents[3]
    / "shared/samples/large/hf_daily_feed_snapshots_2025-04_2026-02.tar.xz"
)
NAME = re.compile(r"feed_(\d{8}T\d{6})\.xml$")
ARXIV = re.compile(r"arxiv\.org/abs/(\d{4}\.\d{4,5})")
WHOLE = os.environ.get("REPLAY") == "all"
START = datetime(2025, 4, 24, 12, tzinfo=UTC) if WHOLE else datetime(2025, 10, 4, 12, tzinfo=UTC)
LENGTH = 308 if WHOLE else 60
DAYS = {
    "daily": frozenset(range(7)),
    "weekdays": frozenset(range(5)),
    "weekly": frozenset({0}),
    "mon,thu": frozenset({0, 3}),
    "sat,sun": frozenset({5, 6}),
}

pytestmark = [
    pytest.mark.samples,
    pytest.mark.skipif(
        not ARCHIVE.exists(), reason="reads ../shared/samples, which is not beside this checkout"
    ),
]


@dataclass(frozen=True)
class Reader:
    zone: str
    hour: int
    days: str
    keywords: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()
    max_papers: int = 20
    min_upvotes: int = 0
    email: str = field(init=False)

    def __post_init__(self) -> None:
        name = re.sub(r"\W+", ".", f"{self.zone}.{self.hour}.{self.days}").lower()
        object.__setattr__(self, "email", f"{name}@example.org")


READERS = (
    Reader("UTC", 8, "daily", ("model*",)),
    Reader("Europe/Paris", 8, "weekdays", ('diffusion OR "flow matching"',)),
    Reader("Europe/London", 1, "daily", ("reasoning",), ("survey",)),
    Reader("Europe/Berlin", 2, "daily", ("agent OR agents",), max_papers=5),
    Reader("America/New_York", 2, "daily", ("language model",), min_upvotes=10),
    Reader("America/New_York", 7, "weekly", ("benchmark",), max_papers=50),
    Reader("America/Los_Angeles", 23, "mon,thu", ("video",)),
    Reader("America/St_Johns", 6, "daily", ("title:image*",)),
    Reader("America/Sao_Paulo", 0, "weekdays", ("reinforcement learning",)),
    Reader("Asia/Tokyo", 9, "daily", ("speech OR audio",)),
    Reader("Asia/Kolkata", 8, "sat,sun", ("vision language model",)),
    Reader("Asia/Kathmandu", 5, "daily", ("retrieval",)),
    Reader("Asia/Tehran", 12, "weekdays", ("robot*",)),
    Reader("Australia/Lord_Howe", 2, "daily", ("attention",)),
    Reader("Australia/Sydney", 2, "daily", ("code",), ("title:benchmark",)),
    Reader("Pacific/Auckland", 2, "daily", ("3D",)),
    Reader("Pacific/Kiritimati", 8, "daily", ("upvotes:>=100",)),
    Reader("Pacific/Pago_Pago", 8, "daily", ("multimodal NOT video",)),
    Reader("Africa/Cairo", 0, "daily", ("quantization",)),
    Reader("Arctic/Longyearbyen", 18, "weekly", ("a phrase that nobody writes",)),
)


def snapshots() -> Iterator[tuple[datetime, bytes]]:
    with tarfile.open(ARCHIVE) as archive:
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            found = NAME.search(member.name)
            if found is None:
                continue
            handle = archive.extractfile(member)
            assert handle is not None
            at = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            if at > START:
                yield at, handle.read()


def owed_periods(reader: Reader, until: datetime) -> set[str]:
    """The local dates whose scheduled instant lies after START and not after `until`."""
    zone = ZoneInfo(reader.zone)
    owed = set()
    day = START.astimezone(zone).date() - timedelta(days=1)
    while day <= until.astimezone(zone).date():
        instant = first_instant(day, reader.hour, zone)
        if day.weekday() in DAYS[reader.days] and START < instant <= until:
            owed.add(day.isoformat())
        day += timedelta(days=1)
    return owed


def first_instant(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """The first instant of a local day at which its clock shows `hour` o'clock or later."""
    instant = datetime.combine(day, time(), tzinfo=UTC) - timedelta(hours=15)
    while True:
        local = instant.astimezone(zone)
        if local.date() == day and local.hour >= hour:
            return instant
        instant += timedelta(minutes=15)


async def replay(service: Service, clock: list[datetime], server: FeedServer) -> None:
    ledger = sqlite3.connect(service.settings.service.data_dir / "digest.db")
    async with service.fetcher() as fetcher, FeedParser() as parser:
        for at, body in islice(snapshots(), LENGTH):
            clock[0] = at
            server.script("/feed.xml", Reply(body=body))
            polls = await poll_feeds(
                service.store,
                fetcher,
                parser,
                clock=service.clock,
                settings=service.settings,
                names=["trending"],
            )
            assert [poll.error for poll in polls] == [None]
            for later in (timedelta(minutes=5), timedelta(hours=12)):
                clock[0] = at + later
                counts = await service.deliver()
                assert counts.prepared == (
                    counts.sent
                    + counts.bounced
                    + counts.failed
                    + counts.skipped
                    + counts.unknown
                    + counts.queued
                )
                assert (counts.failed, counts.bounced, counts.unknown, counts.queued) == (0,) * 4
            states = dict(ledger.execute("SELECT state, count(*) FROM delivery GROUP BY state"))
            assert set(states) <= {"sent", "skipped"}
    ledger.close()


def test_a_year_of_snapshots_mails_no_paper_twice_and_loses_no_period(tmp_path: Path) -> None:
    clock = [START]

    async def run() -> None:
        async with FeedServer() as server:
            settings = Settings.model_validate(
                {
                    "service": {"data_dir": str(tmp_path), "secret_key": "k" * 40},
                    "feeds": {"allow_private_addresses": True},
                    "feed": [{"name": "trending", "url": server.url("/feed.xml")}],
                }
            )
            service = open_service(settings, clock=lambda: clock[0])
            service.store.ensure_schema()
            service.sync_feeds()
            for reader in READERS:
                add_subscriber(
                    service.store,
                    service.signup_rules,
                    SubscriberLine(
                        email=reader.email,
                        keywords=reader.keywords,
                        muted=reader.muted,
                        timezone=reader.zone,
                        hour=reader.hour,
                        days=reader.days,
                        max_papers=reader.max_papers,
                        min_upvotes=reader.min_upvotes,
                    ),
                    now=START,
                    confirmed=True,
                )
            await replay(service, clock, server)
            service.close()

    asyncio.run(run())

    mailed: dict[str, Counter[str]] = defaultdict(Counter)
    messages = 0
    for path in (tmp_path / "outbox").glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        part = message.get_body(("plain",))
        assert part is not None
        messages += 1
        mailed[message["To"]].update(set(ARXIV.findall(part.get_content())))
    twice = {
        to: [paper for paper, times in papers.items() if times > 1] for to, papers in mailed.items()
    }
    assert {to: papers for to, papers in twice.items() if papers} == {}

    ledger = sqlite3.connect(tmp_path / "digest.db")
    recorded: dict[str, set[str]] = defaultdict(set)
    for address, period in ledger.execute(
        "SELECT s.email, d.period FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id"
    ):
        recorded[address].add(Period(period))
    states = Counter(dict(ledger.execute("SELECT state, count(*) FROM delivery GROUP BY state")))
    papers = ledger.execute("SELECT count(*) FROM paper").fetchone()[0]
    held = ledger.execute("SELECT count(*) FROM delivery_paper").fetchone()[0]
    ledger.close()
    for reader in READERS:
        assert recorded[reader.email] == owed_periods(reader, clock[0]), reader.email
    assert states["sent"] == messages
    assert messages > 5 * LENGTH
    total = sum(sum(papers_of.values()) for papers_of in mailed.values())
    assert total == held
    totals = f"{papers} papers, {messages} digests sent, {states['skipped']} skipped"
    print(f"\nreplayed: {totals}, {total} papers mailed, none twice")  # noqa: T201
