"""Read the past of a feed: page by page, each stored with the progress it makes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import structlog

from digest.clock import Clock
from digest.errors import FetchError, ParseError
from digest.feeds.backfill import BackfillStep, backfill_steps
from digest.feeds.fetch import FeedFetcher
from digest.feeds.paging import next_page
from digest.feeds.sandbox import FeedParser
from digest.model import Entry, FeedRecord, PaperIntent, ParsedFeed
from digest.papers.decide import intents_of
from digest.papers.ingest import ingest
from digest.settings import Settings
from digest.store.backfills import BackfillProgress, get_backfill, record_backfill
from digest.store.engine import Store

PAUSE_S = 1.0
"""Between two pages: looking back is never urgent. arXiv's own rule comes on top."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPage:
    """What one page brought, for whoever watches."""

    step: BackfillStep
    entries: int
    new_papers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """What looking back came to.

    `error` says in plain words what stopped it before `until`; the next run goes on at
    `next_day`.
    """

    since: date
    until: date
    next_day: date
    pages: int = 0
    entries: int = 0
    new_papers: int = 0
    error: str | None = None


async def backfill_feed(
    store: Store,
    fetcher: FeedFetcher,
    parser: FeedParser,
    feed: FeedRecord,
    *,
    since: date,
    clock: Clock,
    settings: Settings,
    on_page: Callable[[BackfillPage], None] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Backfill:
    """Read a feed back to a day, up to yesterday, and go on where a former run stopped.

    Nothing of it is mailed: papers count as first seen on the day they were listed, and
    no window opens. The state of the feed's polls is left alone.

    Args:
        store: Where papers and progress go.
        fetcher: Open fetcher; it spaces its requests by host.
        parser: Open parser.
        feed: What to read back.
        since: The first day wanted. When a former run began no later, it is continued.
        clock: Gives the instant of each page.
        settings: Everything that was set.
        on_page: Called after each page.
        sleep: Waits some seconds between pages.

    Raises:
        UsageError: If the source cannot be asked for its past.
    """
    until = clock().date() - timedelta(days=1)
    progress = await asyncio.to_thread(_begin, store, feed, since)
    steps = backfill_steps(feed.kind, feed.url, since=progress.next_day, until=until)
    done = Backfill(since=progress.since, until=until, next_day=progress.next_day)
    for step in steps:
        url: str | None = step.url
        entries_before: tuple[Entry, ...] = ()
        while url is not None:
            if done.pages:
                await sleep(PAUSE_S)
            try:
                parsed = await _read(fetcher, parser, step, url, settings)
            except (FetchError, ParseError) as exc:
                log.warning("backfill stopped", feed=feed.name, day=step.first_day.isoformat())
                return replace(done, next_day=progress.next_day, error=exc.cause)
            # A source that gives the same page for each number has no more.
            is_repeated = parsed.entries == entries_before
            url = None if is_repeated else next_page(url, parsed)
            entries_before = parsed.entries
            # A page in the middle of a step is no progress: a source may grow meanwhile.
            is_last = url is None
            after = replace(progress, next_day=step.last_day + timedelta(days=1))
            page, progress = await asyncio.to_thread(
                _store_page,
                store,
                feed,
                step,
                parsed,
                after if is_last else progress,
                clock=clock,
                settings=settings,
            )
            done = replace(
                done,
                next_day=progress.next_day,
                pages=done.pages + 1,
                entries=done.entries + page.entries,
                new_papers=done.new_papers + page.new_papers,
            )
            if on_page is not None:
                on_page(page)
    return done


def _begin(store: Store, feed: FeedRecord, since: date) -> BackfillProgress:
    with store.read() as tx:
        former = get_backfill(tx, feed.id)
    if former is not None and former.since <= since <= former.next_day:
        return former
    return BackfillProgress(since=since, next_day=since)


async def _read(
    fetcher: FeedFetcher, parser: FeedParser, step: BackfillStep, url: str, settings: Settings
) -> ParsedFeed:
    fetched = await fetcher.fetch(url)
    return await parser.parse(
        fetched.body or b"",
        kind=step.kind,
        url=fetched.url,
        content_type=fetched.content_type,
        max_entries=settings.feeds.max_entries,
    )


def _store_page(
    store: Store,
    feed: FeedRecord,
    step: BackfillStep,
    parsed: ParsedFeed,
    after: BackfillProgress,
    *,
    clock: Clock,
    settings: Settings,
) -> tuple[BackfillPage, BackfillProgress]:
    now = clock()
    # Nothing of the past opens a window, as with a feed's first document.
    read = intents_of(parsed, feed=replace(feed, baseline_at=None), now=now)
    intents = [_on_its_day(intent, step) for intent in read]
    with store.write() as tx:
        counts = ingest(
            tx,
            intents,
            feed,
            entries=len(parsed.entries),
            now=now,
            settings=settings.digest,
            backfill=True,
        )
        progress = replace(after, new_papers=after.new_papers + counts.new_papers)
        record_backfill(tx, feed.id, progress, now=now)
    page = BackfillPage(step=step, entries=counts.entries, new_papers=counts.new_papers)
    return page, progress


def _on_its_day(intent: PaperIntent, step: BackfillStep) -> PaperIntent:
    """Date the listing: the batch day, else the day of publication, within the step."""
    for day in (intent.listed_on, intent.published_on):
        if day is not None and step.first_day <= day <= step.last_day:
            return replace(intent, listed_on=day)
    return replace(intent, listed_on=step.last_day)
