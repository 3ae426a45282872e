"""A store with feeds that speak entry values, for tests of papers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from sqlmodel import Session

from digest.model import (
    Announce,
    Entry,
    FeedId,
    FeedKind,
    FeedRecord,
    FeedSpec,
    FeedStatus,
    ParsedFeed,
    PollState,
)
from digest.papers.decide import intents_of
from digest.papers.ingest import IngestCounts, ingest
from digest.settings import DigestSettings
from digest.store.engine import Store
from digest.store.feeds import add_feed, get_feed, record_poll

T0 = datetime(2026, 2, 1, 6, tzinfo=UTC)
SETTINGS = DigestSettings()


def feed_record(
    name: str = "arxiv", *, number: int = 1, baseline_at: datetime | None = T0
) -> FeedRecord:
    return FeedRecord(
        id=FeedId(number),
        name=name,
        url=f"https://example.org/{name}",
        kind=FeedKind.FEED,
        created_at=T0,
        baseline_at=baseline_at,
        next_poll_at=T0,
    )


def arxiv_entry(
    number: int,
    *,
    version: int = 1,
    title: str | None = None,
    abstract: str = "What we did and what came of it.",
    authors: tuple[str, ...] = ("Ada Byron, Bo Chen",),
    tags: tuple[str, ...] = ("cs.LG",),
    announce: Announce | None = None,
    listed_on: date | None = None,
    identifiers: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        title=title or f"On the number {number} and its friends",
        source_id=f"oai:arXiv.org:2602.{number:05d}v{version}",
        url=f"https://arxiv.org/abs/2602.{number:05d}",
        abstract=abstract,
        authors=authors,
        tags=tags,
        announce=announce,
        listed_on=listed_on,
        identifiers=identifiers,
    )


def hf_entry(number: int, *, upvotes: int | None = None, listed_on: date | None = None) -> Entry:
    return Entry(
        title=f"On the number {number} and its friends",
        source_id=f"2602.{number:05d}",
        url=f"https://huggingface.co/papers/2602.{number:05d}",
        authors=("Ada Byron", "Bo Chen"),
        upvotes=upvotes,
        listed_on=listed_on,
    )


def document(*entries: Entry, title: str = "A feed") -> ParsedFeed:
    return ParsedFeed(format="rss20", title=title, entries=entries)


def poll(
    store: Store, name: str, *entries: Entry, at: datetime, settings: DigestSettings = SETTINGS
) -> IngestCounts:
    """Do what a poll does that brings these entries; the first one is the baseline."""
    with store.write() as tx:
        return poll_in(tx, name, *entries, at=at, settings=settings)


def poll_in(
    tx: Session, name: str, *entries: Entry, at: datetime, settings: DigestSettings = SETTINGS
) -> IngestCounts:
    feed = get_feed(tx, name) or add_feed(
        tx, FeedSpec(name=name, url=f"https://example.org/{name}"), at
    )
    parsed = document(*entries, title=f"Feed {name}")
    counts = ingest(
        tx,
        intents_of(parsed, feed=feed, now=at),
        feed,
        entries=len(entries),
        now=at,
        settings=settings,
    )
    state = PollState(next_poll_at=at, polled_at=at, status=FeedStatus.OK)
    record_poll(tx, feed.id, state, valid_document=True)
    return counts


def started(store: Store, *names: str, at: datetime = T0) -> Mapping[str, IngestCounts]:
    """Give feeds an empty baseline, so that what comes next opens windows."""
    return {name: poll(store, name, at=at) for name in names}
