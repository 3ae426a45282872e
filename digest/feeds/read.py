"""One poll of one feed: fetch, compare, parse, and what that means for its state."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from digest.errors import FetchError, ParseError
from digest.feeds.fetch import FeedFetcher
from digest.feeds.in_hand import DocumentsInHand, Place
from digest.feeds.paging import next_page, polled_whole
from digest.feeds.polling import PollReply, decide_state
from digest.feeds.sandbox import FeedParser
from digest.model import FeedRecord, FeedStatus, FetchedFeed, ParsedFeed, PollState
from digest.settings import FeedsSettings

MAX_PAGES = 20
"""Pages that one poll reads at most; a day of the largest source has fewer."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReading:
    """What one poll of a feed brought.

    `parsed` is None unless a new document was read; `error` says why in plain words.
    `state` is to be stored in the transaction that ingests `parsed`.
    """

    status: FeedStatus
    http_status: int | None
    error: str | None
    parsed: ParsedFeed | None
    state: PollState


async def read_feed(
    fetcher: FeedFetcher,
    parser: FeedParser,
    feed: FeedRecord,
    *,
    now: datetime,
    settings: FeedsSettings,
    place: Place | None = None,
) -> FeedReading:
    """Poll a feed once. A broken feed is a reading, not an exception.

    A document equal to the last one is not parsed again. `place` is taken when a document
    is fetched; the caller gives it back when it is stored.
    """
    reply, parsed = await _answer(
        fetcher, parser, feed, settings=settings, place=place or DocumentsInHand().place()
    )
    state = decide_state(
        feed, reply, now=now, interval_s=settings.interval_s, jitter=_spread(feed.name)
    )
    assert state.status is not None
    for warning in parsed.warnings if parsed else ():
        log.warning("feed document mended", feed=feed.name, warning=warning)
    return FeedReading(
        status=state.status,
        http_status=reply.http_status,
        error=reply.error,
        parsed=parsed,
        state=state,
    )


async def _answer(
    fetcher: FeedFetcher,
    parser: FeedParser,
    feed: FeedRecord,
    *,
    settings: FeedsSettings,
    place: Place,
) -> tuple[PollReply, ParsedFeed | None]:
    """Ask for the document; of one that fails anywhere nothing is kept."""
    fetched: FetchedFeed | None = None
    try:
        fetched = await fetcher.fetch(
            feed.url,
            etag=feed.etag,
            last_modified=feed.last_modified,
            moved_to=feed.moved_to,
            hand_over=place.take,
        )
        validated, body_hash, parsed = await _new_document(
            fetcher, parser, feed, fetched, settings=settings, place=place
        )
        return _answered(validated, body_hash, parsed), parsed
    except FetchError as exc:
        status = FeedStatus.GONE if exc.gone else FeedStatus.FAILED
        reply = PollReply(
            status=status,
            http_status=exc.http_status,
            error=exc.cause,
            retry_after_s=exc.retry_after_s,
        )
    except ParseError as exc:
        reply = PollReply(
            status=FeedStatus.FAILED,
            http_status=fetched.http_status if fetched else None,
            error=exc.cause,
        )
    return reply, None


async def _new_document(
    fetcher: FeedFetcher,
    parser: FeedParser,
    feed: FeedRecord,
    fetched: FetchedFeed,
    *,
    settings: FeedsSettings,
    place: Place,
) -> tuple[FetchedFeed, str | None, ParsedFeed | None]:
    """Parse what was fetched if it is new, and the pages after it.

    Returns:
        What was fetched, with the validators that hold for all that was read; the hash
        of that; None for a document that is known.
    """
    body_hash = hashlib.sha256(fetched.body).hexdigest() if fetched.body is not None else None
    if fetched.body is None or body_hash == feed.body_hash:
        return fetched, body_hash, None
    parsed = await _parse(parser, feed, fetched, settings)
    if parsed.breaks_off:
        # They are of the whole document: with them the rest would never be sent.
        fetched = replace(fetched, etag=None, last_modified=None)
    if not polled_whole(feed.kind, feed.url):
        return fetched, body_hash, parsed
    first_hash = body_hash or ""
    parsed, body_hash = await _rest(
        fetcher, parser, feed, parsed, first_hash, settings=settings, place=place
    )
    if body_hash != first_hash:
        # Validators of the first page say nothing about the others.
        fetched = replace(fetched, etag=None, last_modified=None)
    return fetched, body_hash, None if body_hash == feed.body_hash else parsed


async def _parse(
    parser: FeedParser, feed: FeedRecord, fetched: FetchedFeed, settings: FeedsSettings
) -> ParsedFeed:
    return await parser.parse(
        fetched.body or b"",
        kind=feed.kind,
        url=fetched.url,
        content_type=fetched.content_type,
        max_entries=settings.max_entries,
    )


async def _rest(
    fetcher: FeedFetcher,
    parser: FeedParser,
    feed: FeedRecord,
    first: ParsedFeed,
    first_hash: str,
    *,
    settings: FeedsSettings,
    place: Place,
) -> tuple[ParsedFeed, str]:
    """Read the pages after the first; all of them together are the document."""
    pages, hashes = [first], [first_hash]
    url = next_page(feed.url, first)
    left = settings.max_entries - len(first.entries)
    while url is not None and len(pages) < MAX_PAGES and left > 0:
        place.give_back()
        fetched = await fetcher.fetch(url, hand_over=place.take)
        pages.append(await _parse(parser, feed, fetched, settings))
        hashes.append(hashlib.sha256(fetched.body or b"").hexdigest())
        left -= len(pages[-1].entries)
        url = next_page(url, pages[-1])
    if len(pages) == 1:
        return first, first_hash
    entries = [entry for page in pages for entry in page.entries]
    warnings = [warning for page in pages for warning in page.warnings]
    if len(entries) > settings.max_entries or url is not None:
        entries = entries[: settings.max_entries]
        warnings.append(f"only the first {len(entries)} entries of {len(pages)} pages were read")
    whole = replace(first, entries=tuple(entries), warnings=tuple(dict.fromkeys(warnings)))
    return whole, hashlib.sha256("".join(hashes).encode("ascii")).hexdigest()


def _answered(fetched: FetchedFeed, body_hash: str | None, parsed: ParsedFeed | None) -> PollReply:
    return PollReply(
        status=FeedStatus.OK if parsed is not None else FeedStatus.UNCHANGED,
        http_status=fetched.http_status,
        entries=len(parsed.entries) if parsed is not None else None,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        body_hash=body_hash,
        max_age_s=fetched.max_age_s,
        retry_after_s=fetched.retry_after_s,
        moved_to=fetched.moved_to,
    )


def _spread(name: str) -> float:
    """Give each feed a fraction of its own, so that feeds do not all come due at once."""
    return zlib.crc32(name.encode("utf-8")) / 2**32
