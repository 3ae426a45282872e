"""From a document's bytes to entries: recognise the format, hand on to its module. Pure.

Hostile documents can keep a parser busy for long: `sandbox.FeedParser` runs this in a
process that can be killed.
"""

from __future__ import annotations

import json
import re
from typing import Any, assert_never

from digest.errors import ParseError
from digest.feeds.formats.biorxiv import is_biorxiv, parse_biorxiv
from digest.feeds.formats.crossref import is_crossref, parse_crossref
from digest.feeds.formats.entries import clip
from digest.feeds.formats.hacker_news import is_hacker_news, parse_hacker_news
from digest.feeds.formats.hf_daily import is_hf_daily, parse_hf_daily
from digest.feeds.formats.json_feed import is_json_feed, parse_json_feed
from digest.feeds.formats.syndication import parse_syndication
from digest.model import FeedKind, ParsedFeed

_BINARY = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF-", "a PDF file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
_JSON_START = re.compile(rb"^(?:\xef\xbb\xbf)?\s*[\[{]")
_HTML_START = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*|<!--.{0,2000}?-->\s*)*"
    rb"<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_HTML_ANYWHERE = re.compile(rb"<html\b|<body\b", re.IGNORECASE)
_FEED_ROOT = re.compile(rb"<(?:[\w.-]+:)?(?:rss|feed|rdf|channel)\b", re.IGNORECASE)


def parse_document(
    body: bytes,
    *,
    kind: FeedKind,
    url: str,
    content_type: str = "",
    max_entries: int = 2000,
) -> ParsedFeed:
    """Read a feed document.

    Args:
        body: The document, decompressed.
        kind: How the operator says it is to be read; AUTO and FEED recognise the format.
        url: Where it came from, for relative links.
        content_type: The server's header, for the character set where the document
            names none.
        max_entries: Entries beyond these are left out, with a warning.

    Raises:
        ParseError: If it is no feed that we can read; the cause is in plain words.
    """
    _refuse_foreign(body)
    try:
        match kind:
            case FeedKind.HF_DAILY | FeedKind.BIORXIV | FeedKind.CROSSREF | FeedKind.HN:
                return _parse_api(_json(body), kind, max_entries=max_entries)
            case FeedKind.AUTO | FeedKind.FEED | FeedKind.ARXIV_API:
                if kind is not FeedKind.ARXIV_API and _JSON_START.match(body):
                    return _parse_json(body, url=url, max_entries=max_entries)
                return parse_syndication(
                    body, url=url, content_type=content_type, max_entries=max_entries
                )
            case _:  # pragma: no cover
                assert_never(kind)
    except RecursionError as exc:
        raise ParseError("its elements are nested too deeply") from exc


def _parse_api(document: object, kind: FeedKind, *, max_entries: int) -> ParsedFeed:
    if kind is FeedKind.HF_DAILY:
        return parse_hf_daily(document, max_entries=max_entries)
    if kind is FeedKind.BIORXIV:
        return parse_biorxiv(document, max_entries=max_entries)
    if kind is FeedKind.HN:
        return parse_hacker_news(document, max_entries=max_entries)
    return parse_crossref(_crossref(document), max_entries=max_entries)


def _refuse_foreign(body: bytes) -> None:
    if not body.strip(b" \t\r\n\0"):
        raise ParseError("the document is empty")
    for magic, name in _BINARY:
        if body.startswith(magic):
            raise ParseError(f"this is {name}, not a feed")
    if _HTML_START.match(body) or (
        _HTML_ANYWHERE.search(body[:10_000]) and not _FEED_ROOT.search(body[:10_000])
    ):
        raise ParseError("this is an HTML page, not a feed")


def _parse_json(body: bytes, *, url: str, max_entries: int) -> ParsedFeed:
    document = _json(body)
    if is_hf_daily(document):
        return parse_hf_daily(document, max_entries=max_entries)
    if isinstance(document, dict):
        if is_json_feed(document):
            return parse_json_feed(document, url=url, max_entries=max_entries)
        if is_crossref(document):
            return parse_crossref(document, max_entries=max_entries)
        if is_biorxiv(document):
            return parse_biorxiv(document, max_entries=max_entries)
        if is_hacker_news(document):
            # By itself a story is no paper: whoever wants the signal says so.
            raise ParseError("these are stories of Hacker News, which --kind hn reads as a signal")
        said = clip(document.get("error") or document.get("message"), 200)
        if said:
            raise ParseError(f"the server reports an error: {said}")
    raise ParseError("this is JSON, but no JSON Feed and no other kind that we read")


def _crossref(document: object) -> dict[str, Any]:
    if not isinstance(document, dict) or not is_crossref(document):
        raise ParseError("this is not the JSON of the Crossref API: no work and no list of works")
    return document


def _json(body: bytes) -> object:
    try:
        document: object = json.loads(body)
    except json.JSONDecodeError as exc:
        raise ParseError(
            f"this is not valid JSON: {exc.msg} in line {exc.lineno}, column {exc.colno}"
        ) from exc
    except ValueError as exc:  # wrong encoding, or a number of thousands of digits
        raise ParseError("this is not valid JSON: it holds bytes or numbers out of range") from exc
    if isinstance(document, dict) and document.keys() == {"error"}:
        raise ParseError(
            f"the server reports an error: {clip(document['error'], 200) or 'unknown'}"
        )
    return document
