"""Poll feeds at the same time: read each, store what it brought, let none stop another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from digest.clock import Clock
from digest.errors import DigestError, NotFoundError
from digest.feeds.fetch import FeedFetcher
from digest.feeds.health import usual_gap
from digest.feeds.in_hand import DocumentsInHand, Place
from digest.feeds.pace import stretch
from digest.feeds.polling import PollReply, after_ingest, decide_state
from digest.feeds.read import FeedReading, read_feed
from digest.feeds.sandbox import FeedParser
from digest.model import FeedId, FeedRecord, FeedStatus
from digest.papers.decide import intents_of
from digest.papers.ingest import IngestCounts, ingest
from digest.settings import Settings
from digest.store.engine import Store, again_where_it_collides
from digest.store.feed_days import feed_days
from digest.store.feeds import due_feeds, get_feed, list_feeds, record_poll
from digest.store.fulltext import PaperReader

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPoll:
    """What one poll of one feed came to. `error` is in plain words."""

    name: str
    status: FeedStatus
    http_status: int | None = None
    entries: int = 0
    new_papers: int = 0
    revised_papers: int = 0
    error: str | None = None


async def poll_feeds(
    store: Store,
    fetcher: FeedFetcher,
    parser: FeedParser,
    *,
    clock: Clock,
    settings: Settings,
    reader: PaperReader | None = None,
    names: Sequence[str] | None = None,
    due_only: bool = False,
    on_done: Callable[[FeedPoll], None] | None = None,
    in_hand: DocumentsInHand | None = None,
    under_way: set[FeedId] | None = None,
) -> list[FeedPoll]:
    """Poll feeds at the same time, as far as the fetcher lets them.

    A feed that fails is a `FeedPoll` with its error; the others go on. The fetcher alone
    limits connections: a limit here would let those who wait for arXiv's turn hold up
    all others. Here the documents are limited that were fetched and are not stored yet.

    Args:
        store: Where papers and the state of feeds go.
        fetcher: Open fetcher; it spaces its requests by host.
        parser: Open parser.
        clock: Gives the instant of each poll.
        settings: Everything that was set.
        reader: Reads the papers' words and topics as they are stored.
        names: Feeds to poll, due or not; None for all that are neither paused nor gone.
        due_only: Without names, only feeds whose next poll is due.
        on_done: Called with each result as it comes.
        in_hand: Limits the documents of all rounds that share it; None for this one's own.
        under_way: Feeds that rounds are polling, kept up to date. Of those that are due,
            the ones in it are left out.

    Returns:
        One result a feed, in the order of `names`, or of the store.

    Raises:
        NotFoundError: If a name is no feed; then nothing is polled.
    """
    under_way = set() if under_way is None else under_way
    # Looked at before and after: a poll that ends meanwhile is still due in what we read.
    busy = set(under_way)
    feeds = await asyncio.to_thread(_chosen_feeds, store, names, due_only, clock())
    if due_only and names is None:
        feeds = [feed for feed in feeds if feed.id not in busy | under_way]
    in_hand = in_hand or DocumentsInHand()
    chosen = {feed.id for feed in feeds}
    under_way |= chosen

    async def poll(feed: FeedRecord) -> FeedPoll:
        done = await _poll_guarded(
            store,
            fetcher,
            parser,
            feed,
            clock=clock,
            settings=settings,
            reader=reader,
            place=in_hand.place(),
        )
        under_way.discard(feed.id)
        if on_done is not None:
            on_done(done)
        return done

    try:
        return list(await asyncio.gather(*(poll(feed) for feed in feeds)))
    finally:  # also of those that were broken off
        under_way -= chosen


def _chosen_feeds(
    store: Store, names: Sequence[str] | None, due_only: bool, now: datetime
) -> list[FeedRecord]:
    with store.read() as tx:
        if names is None:
            if due_only:
                return due_feeds(tx, now)
            return [feed for feed in list_feeds(tx) if not feed.paused and feed.gone_at is None]
        found = {name: get_feed(tx, name) for name in dict.fromkeys(names)}
    unknown = [name for name, feed in found.items() if feed is None]
    if unknown:
        raise NotFoundError(f"there is no feed named {', '.join(unknown)}")
    return [feed for feed in found.values() if feed is not None]


async def _poll_guarded(
    store: Store,
    fetcher: FeedFetcher,
    parser: FeedParser,
    feed: FeedRecord,
    *,
    clock: Clock,
    settings: Settings,
    reader: PaperReader | None,
    place: Place,
) -> FeedPoll:
    """Poll one feed; whatever goes wrong is recorded on it."""
    try:
        reading = await read_feed(
            fetcher, parser, feed, now=clock(), settings=settings.feeds, place=place
        )
        done = await asyncio.to_thread(
            again_where_it_collides,
            lambda: _store_reading(store, feed, reading, settings, reader),
        )
    except Exception as exc:  # one feed's trouble, even a defect of ours, stops no other
        cause = (
            str(exc) if isinstance(exc, DigestError) else f"internal error: {type(exc).__name__}"
        )
        log.exception("feed poll broke off", feed=feed.name)
        done = await asyncio.to_thread(_store_failure, store, feed, cause, clock(), settings)
    finally:
        place.give_back()
    log.info(
        "feed polled",
        feed=done.name,
        status=done.status.value,
        http_status=done.http_status,
        entries=done.entries,
        new=done.new_papers,
        revised=done.revised_papers,
        error=done.error,
    )
    return done


def _store_reading(
    store: Store,
    feed: FeedRecord,
    reading: FeedReading,
    settings: Settings,
    reader: PaperReader | None,
) -> FeedPoll:
    state = reading.state
    counts = IngestCounts()
    at = state.polled_at
    assert at is not None
    # Cleaning takes the longest: it is done before the writing transaction begins.
    intents = intents_of(reading.parsed, feed=feed, now=at) if reading.parsed else ()
    with store.write() as tx:
        current = get_feed(tx, feed.name) or feed
        if (current.url, current.kind) != (feed.url, feed.kind):
            # Its state would make the new place's first document no baseline.
            return FeedPoll(
                name=feed.name,
                status=FeedStatus.FAILED,
                error="its URL or kind was changed while it was polled: it is due again",
            )
        if reading.parsed is not None:
            if (current.baseline_at is None) != (feed.baseline_at is None):
                # Another process stored the baseline meanwhile.
                intents = intents_of(reading.parsed, feed=current, now=at)
            counts = ingest(
                tx,
                intents,
                feed,
                entries=len(reading.parsed.entries),
                now=at,
                settings=settings.digest,
                reader=reader,
            )
            news = {one.day for one in feed_days(tx, feed.id) if one.new_papers}
            gap = usual_gap(feed.kind, reading.parsed, {*news, at.date()}, today=at.date())
            state = after_ingest(state, new_papers=counts.first_listed, usual_gap_days=gap)
        state = stretch(state, interval_s=settings.feeds.interval_s)
        record_poll(
            tx,
            feed.id,
            state,
            valid_document=reading.parsed is not None,
            new_papers=counts.first_listed,
        )
    return FeedPoll(
        name=feed.name,
        status=state.status or reading.status,
        http_status=reading.http_status,
        entries=counts.entries,
        new_papers=counts.new_papers,
        revised_papers=counts.revised_papers,
        error=reading.error,
    )


def _store_failure(
    store: Store, feed: FeedRecord, cause: str, now: datetime, settings: Settings
) -> FeedPoll:
    state = decide_state(
        feed,
        PollReply(status=FeedStatus.FAILED, error=cause),
        now=now,
        interval_s=settings.feeds.interval_s,
        jitter=0.0,
    )
    try:
        with store.write() as tx:
            record_poll(tx, feed.id, state, valid_document=False)
    except DigestError:
        log.exception("feed failure could not be recorded", feed=feed.name)
    return FeedPoll(name=feed.name, status=FeedStatus.FAILED, error=cause)
