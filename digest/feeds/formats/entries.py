"""Building entries within limits, whatever the format. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from urllib.parse import urljoin, urlsplit

from digest.model import Announce, Entry, Link

MAX_TITLE = 1_000
MAX_ABSTRACT = 20_000
MAX_AUTHORS = 5_000
MAX_ID = 500
MAX_URL = 2_000
MAX_TAG = 100
MAX_TAGS = 50
MAX_IDENTIFIERS = 12
MAX_LINKS = 10

# Lone surrogates cannot be encoded, NUL ends a string in some databases.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TAG = re.compile(r"<[^<>]*>")
_SPACE = re.compile(r"\s+")


def clip(text: object, limit: int) -> str:
    """Return `text` stripped, storable and at most `limit` characters; "" for no text."""
    if not isinstance(text, str):
        return ""
    # Twice the limit is looked at, so that leading white space cannot hide the text.
    text = text[: 2 * limit + 1_000]
    if not text.isascii() or "\0" in text:
        text = _UNSTORABLE.sub("", text)
    return text.strip()[:limit]


def plain(markup: str) -> str:
    """Reduce a short piece of markup (a label, an author line) to one line of text."""
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())


def web_url(text: object, base: str = "") -> str | None:
    """Return an absolute http or https URL, or None.

    Relative ones are resolved against `base`, blanks are percent-encoded.
    """
    raw = clip(text, MAX_URL)
    if not raw:
        return None
    try:
        joined = urljoin(base, raw)
        parts = urlsplit(joined)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    scheme, colon, rest = joined.partition(":")
    return _SPACE.sub("%20", f"{scheme.lower()}{colon}{rest}")


def make_entry(
    *,
    title: object,
    source_id: object = None,
    url: str | None = None,
    abstract: object = "",
    authors: Iterable[object] = (),
    venue: object = None,
    tags: Iterable[object] = (),
    identifiers: Iterable[object] = (),
    links: Sequence[Link] = (),
    published_at: datetime | None = None,
    listed_on: date | None = None,
    announce: Announce | None = None,
    upvotes: object = None,
    comments: object = None,
    stars: object = None,
) -> Entry | None:
    """Build an entry with every text cut to its limit; None when it has no title."""
    short_title = clip(title, MAX_TITLE)
    if not short_title:
        return None
    return Entry(
        title=short_title,
        source_id=clip(source_id, MAX_ID) or None,
        url=url,
        abstract=clip(abstract, MAX_ABSTRACT),
        authors=_authors(authors),
        venue=clip(venue, MAX_ID) or None,
        tags=_distinct((clip(tag, MAX_TAG) for tag in tags), MAX_TAGS),
        identifiers=_distinct((clip(one, MAX_URL) for one in identifiers), MAX_IDENTIFIERS),
        links=tuple(links[:MAX_LINKS]),
        published_at=published_at,
        listed_on=listed_on,
        announce=announce,
        upvotes=count(upvotes),
        comments=count(comments),
        stars=count(stars),
    )


def count(value: object) -> int | None:
    """Return a count of upvotes, comments or stars, None when it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:9])
    if isinstance(value, int) and 0 <= value < 10**9:
        return value
    return None


def _authors(names: Iterable[object]) -> tuple[str, ...]:
    kept: list[str] = []
    room = MAX_AUTHORS
    for name in names:
        text = clip(name, room)
        if text:
            kept.append(text)
            room -= len(text)
        if room <= 0:
            break
    return tuple(kept)


def _distinct(texts: Iterable[str], limit: int) -> tuple[str, ...]:
    return tuple(list(dict.fromkeys(text for text in texts if text))[:limit])
