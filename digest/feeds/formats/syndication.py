"""RSS, Atom and RDF, read by feedparser. Pure.

feedparser gets bytes only (a `str` opens files and URLs) and neither sanitises nor
resolves links: with its defaults real abstracts lose text such as `<wordform, lemma>`.
Its `bozo` is no error flag: an HTML page has none, a complete feed may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import feedparser

from digest.errors import ParseError
from digest.feeds.formats.entries import clip, count, plain
from digest.feeds.formats.item import read_item
from digest.feeds.formats.mend import (
    breaks_off,
    cut_long_authors,
    drop_impossible_references,
    holds_entries,
    join_identifiers,
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
    text = join_identifiers(cut_long_authors(drop_impossible_references(mended.body)))
    document = _run_feedparser(text, mended.charset)
    if not document.rows:
        plainer = mend_prefixed_rss(text)
        if plainer is not None:
            document = _run_feedparser(plainer, mended.charset)
            warnings.append("its elements have an undeclared prefix, which was taken out")
    _refuse_broken(document)
    rows = document.rows
    if not rows and holds_entries(text):
        raise ParseError("it holds entries, but none where a feed has them")
    _refuse_left_out(document)
    is_cut = document.bozo is not None and breaks_off(text)
    if is_cut:
        rows = rows[:-1]
        if not rows:
            raise ParseError("the document breaks off within its first entry")
        warnings.append("the document breaks off: its last entry was left out")
    elif document.bozo and not mended.warnings:
        warnings.append(f"not well-formed: {_bozo(document)}")
    if len(rows) > max_entries:
        warnings.append(f"only the first {max_entries} of {len(rows)} entries were read")
        rows = rows[:max_entries]
    entries = [read_item(row, document.feed, url) for row in rows]
    untitled = entries.count(None)
    if untitled:
        warnings.append(f"{untitled} of {len(rows)} entries have no title and were left out")
    return ParsedFeed(
        format=document.version or "rss",
        title=clip(document.feed.get("title"), 300),
        entries=tuple(entry for entry in entries if entry is not None),
        warnings=tuple(warnings),
        rows=len(document.rows),
        total=count(document.feed.get("opensearch_totalresults")),
        breaks_off=is_cut,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """What feedparser made of a document; some of it is missing at times."""

    version: str
    feed: dict[str, Any]
    rows: list[dict[str, Any]]
    bozo: Exception | None


def _run_feedparser(body: bytes, charset: str | None) -> _Document:
    headers = {"content-type": f"application/xml; charset={charset}"} if charset else {}
    try:
        found = feedparser.parse(
            body, response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except (RecursionError, MemoryError):
        raise
    # feedparser promises no set of errors; whatever it trips over is a bad document.
    except Exception as exc:
        raise ParseError(f"the parser gave up on it ({type(exc).__name__})") from exc
    # Plain dicts: feedparser's own answer for keys that are not there, with a warning.
    return _Document(
        version=str(found.get("version") or ""),
        feed=dict(found.get("feed") or {}),
        rows=[dict(row) for row in found.get("entries") or []],
        bozo=found.get("bozo_exception") if found.get("bozo") else None,
    )


def _refuse_broken(document: _Document) -> None:
    title = clip(document.feed.get("title"), 200)
    if title.lower().startswith("feed error"):
        said = plain(clip(document.feed.get("subtitle"), 200))
        raise ParseError(f"the server reports: {title}{f' ({said})' if said else ''}")
    if not document.version:
        raise ParseError("this is no feed: it has no RSS, Atom or RDF root element")
    if not document.rows:
        if document.bozo and not isinstance(document.bozo, feedparser.CharacterEncodingOverride):
            raise ParseError(f"the document is broken and holds no entry: {_bozo(document)}")
        return
    if all(row.get("title") == "Error" for row in document.rows):
        said = plain(clip(document.rows[0].get("summary"), 200))
        raise ParseError(f"the server reports an error: {said or 'it gives no cause'}")


def _refuse_left_out(document: _Document) -> None:
    """Refuse an answer without the entries that it counts, as arXiv's API gives at times.

    Taken for a quiet day, or for a feed's baseline, it would lose papers or mail a flood.
    """
    total, start, size = (
        count(document.feed.get(f"opensearch_{name}"))
        for name in ("totalresults", "startindex", "itemsperpage")
    )
    if not document.rows and size != 0 and (start or 0) < (total or 0):
        raise ParseError(f"the server counts {total:,} entries and gives none of them")


def _bozo(document: _Document) -> str:
    return clip(str(document.bozo), 200).removeprefix("<unknown>:")
