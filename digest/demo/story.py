"""Plays the demo: polls, delivers by each subscriber's clock, and checks what arrived."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from digest.delivery.composing import load_digests
from digest.demo.arrived import ArrivedMail, read_outbox
from digest.demo.people import PEOPLE
from digest.demo.server import SampleFeeds, serve_samples
from digest.model import Delivery, Match, Paper, PaperId
from digest.papers.poll import FeedPoll
from digest.resources import resource_dir
from digest.service import Service, open_service
from digest.settings import Settings
from digest.store.ledger import LedgerEntry, list_entries
from digest.store.papers import recent_papers
from digest.subscribers.signup import add_subscriber

BASELINE_DAY = date(2026, 2, 2)
DAYS = (date(2026, 2, 3), date(2026, 2, 4))
POLL_HOUR = time(5, 30, tzinfo=UTC)
SIGN_UP_HOUR = time(14, tzinfo=UTC)
DELIVER_HOURS = (time(8, tzinfo=UTC), time(9, tzinfo=UTC), time(13, tzinfo=UTC))
"""09:00 in Paris, 18:00 in Tokyo, 08:00 in New York: the hours of the three."""

_DOCUMENTS = {"hf-daily": "hf-daily.json", "arxiv": "arxiv.xml", "biorxiv": "biorxiv.rdf"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentDigest:
    """One delivery of the demo with its papers and the reasons for them."""

    email: str
    at: datetime
    delivery: Delivery
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAgain:
    """A paper that was mailed on the first day and came back on the second.

    `what` says how, in plain words; `mailed_to` names who had it; `most_copies` is how
    often it stands, at most, in the mails to one of them: once.
    """

    paper: Paper
    what: tuple[str, ...]
    mailed_to: tuple[str, ...]
    most_copies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one subscriber got in all, counted in the mails of the outbox."""

    email: str
    digests: int
    papers: int
    distinct: int

    @property
    def twice(self) -> int:
        """How often a paper came again."""
        return self.papers - self.distinct


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport:
    """One day: what was polled, and what was sent.

    `prepared_again` counts what a second `deliver` at the end of the day prepared.
    """

    day: date
    baseline: bool
    polls: tuple[FeedPoll, ...]
    digests: tuple[SentDigest, ...] = ()
    prepared_again: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """The whole demo."""

    days: tuple[DayReport, ...]
    tallies: tuple[Tally, ...]
    seen_again: tuple[SeenAgain, ...]
    outbox: Path
    mails: tuple[ArrivedMail, ...]


@dataclass(slots=True)
class _StageClock:
    now: datetime = field(default_factory=lambda: datetime.combine(BASELINE_DAY, POLL_HOUR))

    def __call__(self) -> datetime:
        return self.now

    def set(self, day: date, hour: time) -> None:
        self.now = datetime.combine(day, hour)


def run_demo(folder: Path, *, on_day: Callable[[DayReport], None]) -> DemoReport:
    """Play the demo anew in `folder`.

    Args:
        folder: Holds database, outbox and key; what a former demo left there is removed.
        on_day: Called with each day when it is over.
    """
    _clear(folder)
    samples = SampleFeeds(folder=resource_dir("config") / "demo" / "day0")
    clock = _StageClock()
    with serve_samples(samples):
        service = open_service(demo_settings(folder, samples.base_url), clock=clock)
        try:
            service.store.ensure_schema()
            return asyncio.run(_play(service, samples, clock, on_day))
        finally:
            service.close()


def demo_settings(folder: Path, base_url: str) -> Settings:
    """Return the settings of the demo: the defaults, but for the feeds and the folder."""
    return Settings.model_validate(
        {
            "service": {"data_dir": folder, "operator_email": "operator@example.org"},
            "feeds": {"allow_private_addresses": True},
            "feed": [
                {"name": name, "url": f"{base_url}/{document}"}
                for name, document in _DOCUMENTS.items()
            ],
        }
    )


async def _play(
    service: Service,
    samples: SampleFeeds,
    clock: _StageClock,
    on_day: Callable[[DayReport], None],
) -> DemoReport:
    service.sync_feeds()
    days = [DayReport(day=BASELINE_DAY, baseline=True, polls=tuple(await service.poll_feeds()))]
    on_day(days[0])
    clock.set(BASELINE_DAY, SIGN_UP_HOUR)
    for line in PEOPLE:
        add_subscriber(service.store, service.signup_rules, line, now=clock.now, confirmed=True)
    snapshots: list[list[Paper]] = []
    for number, day in enumerate(DAYS, start=1):
        samples.folder = samples.folder.with_name(f"day{number}")
        days.append(await _play_day(service, clock, day))
        snapshots.append(_papers(service))
        on_day(days[-1])
    papers = snapshots[-1]
    mails = read_outbox(service.settings.outbox_dir, {one.alias: one.title for one in papers})
    return DemoReport(
        days=tuple(days),
        tallies=tuple(_tally(line.email, mails) for line in PEOPLE),
        seen_again=tuple(_seen_again(snapshots[0], papers, days[1], mails)),
        outbox=service.settings.outbox_dir,
        mails=tuple(mails),
    )


async def _play_day(service: Service, clock: _StageClock, day: date) -> DayReport:
    clock.set(day, POLL_HOUR)
    polls = await service.poll_feeds()
    sent: list[SentDigest] = []
    for hour in DELIVER_HOURS:
        clock.set(day, hour)
        known = {entry.delivery.id for entry in _ledger(service)}
        await service.deliver()
        new = [entry for entry in _ledger(service) if entry.delivery.id not in known]
        sent += _sent_digests(service, new, at=clock.now)
    again = await service.deliver()
    return DayReport(
        day=day,
        baseline=False,
        polls=tuple(polls),
        digests=tuple(sent),
        prepared_again=again.prepared,
    )


def _ledger(service: Service) -> list[LedgerEntry]:
    with service.store.read() as tx:
        return list_entries(tx)


def _papers(service: Service) -> list[Paper]:
    with service.store.read() as tx:
        return recent_papers(tx, service.clock() - timedelta(days=7), service.clock())


def _sent_digests(
    service: Service, entries: Sequence[LedgerEntry], *, at: datetime
) -> list[SentDigest]:
    with service.store.read() as tx:
        digests = load_digests(
            tx, [entry.delivery for entry in entries], finder=service.composer.finder
        )
    return [
        SentDigest(
            email=entry.email,
            at=at,
            delivery=entry.delivery,
            matches=digests[entry.delivery.id].matches if entry.delivery.id in digests else (),
        )
        for entry in entries
    ]


def _tally(recipient: str, mails: Sequence[ArrivedMail]) -> Tally:
    own = [mail for mail in mails if mail.recipient == recipient]
    papers = Counter(alias for mail in own for alias in mail.papers)
    return Tally(email=recipient, digests=len(own), papers=papers.total(), distinct=len(papers))


def _seen_again(
    before: Sequence[Paper], after: Sequence[Paper], day: DayReport, mails: Sequence[ArrivedMail]
) -> list[SeenAgain]:
    """Find the papers mailed on a day that came back changed on the next."""
    earlier = {paper.id: paper for paper in before}
    readers: dict[PaperId, list[str]] = {}
    for digest in day.digests:
        for match in digest.matches:
            readers.setdefault(match.paper.id, []).append(digest.email)
    found = []
    for paper in after:
        what = _what_changed(earlier[paper.id], paper) if paper.id in earlier else ()
        if what and paper.id in readers:
            copies = Counter(mail.recipient for mail in mails if paper.alias in mail.papers)
            found.append(
                SeenAgain(
                    paper=paper,
                    what=what,
                    mailed_to=tuple(readers[paper.id]),
                    most_copies=max(copies.values(), default=0),
                )
            )
    return sorted(found, key=lambda one: (-(one.paper.upvotes or 0), one.paper.title))


def _what_changed(before: Paper, after: Paper) -> tuple[str, ...]:
    changes = []
    if (after.upvotes or 0) > (before.upvotes or 0):
        changes.append(f"+{(after.upvotes or 0) - (before.upvotes or 0)} upvotes")
    if (after.version or 1) > (before.version or 1):
        changes.append(f"version {after.version}")
    changes += [f"now also on {name}" for name in after.feeds if name not in before.feeds]
    return tuple(changes)


def _clear(folder: Path) -> None:
    """Remove what a former demo left, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    left = [*folder.glob("digest.db*"), folder / "secret_key", *(folder / "outbox").glob("*.eml")]
    for path in left:
        path.unlink(missing_ok=True)
