"""Reading one feed, or one file, without keeping anything of it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from digest.errors import FetchError, ParseError
from digest.feeds.fetch import FeedFetcher
from digest.feeds.sandbox import FeedParser
from digest.model import FeedId, FeedKind, FeedRecord, PaperIntent, ParsedFeed
from digest.papers.decide import intents_of
from digest.settings import FeedsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a document would bring in: as parsed, and as papers."""

    parsed: ParsedFeed
    papers: tuple[PaperIntent, ...]


async def try_feed(
    fetcher: FeedFetcher,
    parser: FeedParser,
    source: str,
    *,
    kind: FeedKind,
    now: datetime,
    settings: FeedsSettings,
) -> Trial:
    """Read a feed on the web or on this disk, as a poll would.

    Raises:
        FetchError: If it cannot be fetched, or the file cannot be read.
        ParseError: If it is no feed; the cause names the source.
    """
    body, url, content_type = await _read(fetcher, source, max_bytes=settings.max_bytes)
    try:
        parsed = await parser.parse(
            body, kind=kind, url=url, content_type=content_type, max_entries=settings.max_entries
        )
    except ParseError as exc:
        raise ParseError(f"{source}: {exc.cause}") from exc
    feed = FeedRecord(
        id=FeedId(0), name="trial", url=url, kind=kind, created_at=now, next_poll_at=now
    )
    return Trial(parsed=parsed, papers=tuple(intents_of(parsed, feed=feed, now=now)))


_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?/")


async def _read(fetcher: FeedFetcher, source: str, *, max_bytes: int) -> tuple[bytes, str, str]:
    if source.lower().startswith(("http://", "https://")):
        fetched = await fetcher.fetch(source)
        return fetched.body or b"", fetched.url, fetched.content_type
    try:
        body = await asyncio.to_thread(Path(source).read_bytes)
    except OSError as exc:
        cause = f"cannot be read: {exc.strerror}"
        if _HOST.match(source):
            cause += f"; a feed on the web begins with https://, such as https://{source}"
        raise FetchError(source, cause) from exc
    if len(body) > max_bytes:
        raise FetchError(source, f"is larger than feeds.max_bytes ({max_bytes:,})")
    return body, "", ""
