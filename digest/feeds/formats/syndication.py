"""RSS, Atom and RDF, read by feedparser. Pure.

feedparser gets bytes only (a `str` opens files and URLs) and neither sanitises nor
resolves links: with its defaults real abstracts lose text such as `<wordform, lemma>`.
Its `bozo` is no error flag: an HTML page has none, a complete feed may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import feedparser

from digest.errors import ParseError
from digest.feeds.formats.entries import clip, plain
from digest.feeds.formats.item import read_item
from digest.feeds.formats.mend import (
    breaks_off,
    cut_long_authors,
    mend_encoding,
    mend_prefixed_rss,
)
from digest.model import ParsedFeed


def parse_syndication(body: bytes, *, url: str, content_type: str, max_entries: int) -> ParsedFeed:
    """Read an RSS, Atom or RDF document.

    Raises:
        ParseError: If it is none, is broken before its first entry, or reports an error.
    """
    mended = mend_encoding(body, content_type)
    warnings = list(mended.warnings)
    text = cut_long_authors(mended.body)
    document = _run_feedparser(text, mended.charset)
    if not document.entries:
        plainer = mend_prefixed_rss(text)
        if plainer is not None:
            document = _run_feedparser(plainer, mended.charset)
            warnings.append("its elements have an undeclared prefix, which was taken out")
    _refuse_broken(document)
    rows: Sequence[Mapping[str, Any]] = document.entries
    if document.bozo and breaks_off(text):
        rows = rows[:-1]
        warnings.append("the document breaks off: its last entry was left out")
    elif document.bozo and not mended.warnings:
        warnings.append(f"not well-formed: {_bozo(document)}")
    if len(rows) > max_entries:
        warnings.append(f"only the first {max_entries} of {len(rows)} entries were read")
        rows = rows[:max_entries]
    feed = dict(document.feed)
    entries = [read_item(dict(row), feed, url) for row in rows]
    untitled = entries.count(None)
    if untitled:
        warnings.append(f"{untitled} of {len(rows)} entries have no title and were left out")
    return ParsedFeed(
        format=str(document.version or "rss"),
        title=clip(dict(document.feed).get("title"), 300),
        entries=tuple(entry for entry in entries if entry is not None),
        warnings=tuple(warnings),
    )


def _run_feedparser(body: bytes, charset: str | None) -> Any:
    headers = {"content-type": f"application/xml; charset={charset}"} if charset else {}
    try:
        return feedparser.parse(
            body, response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except (RecursionError, MemoryError):
        raise
    # feedparser promises no set of errors; whatever it trips over is a bad document.
    except Exception as exc:
        raise ParseError(f"the parser gave up on it ({type(exc).__name__})") from exc


def _refuse_broken(document: Any) -> None:
    title = clip(dict(document.feed).get("title"), 200)
    if title.lower().startswith("feed error"):
        said = plain(clip(dict(document.feed).get("subtitle"), 200))
        raise ParseError(f"the server reports: {title}{f' ({said})' if said else ''}")
    if not document.entries:
        if not document.version:
            raise ParseError("this is no feed: it has no RSS, Atom or RDF root element")
        if document.bozo and not isinstance(
            document.bozo_exception, feedparser.CharacterEncodingOverride
        ):
            raise ParseError(f"the document is broken and holds no entry: {_bozo(document)}")
        return
    if all(row.get("title") == "Error" for row in document.entries):
        said = plain(clip(document.entries[0].get("summary"), 200))
        raise ParseError(f"the server reports an error: {said or 'it gives no cause'}")


def _bozo(document: Any) -> str:
    return clip(str(document.get("bozo_exception", "")), 200).removeprefix("<unknown>:")
