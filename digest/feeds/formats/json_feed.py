"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from digest.errors import ParseError
from digest.feeds.formats import arxiv
from digest.feeds.formats.dates import parse_date
from digest.feeds.formats.entries import clip, make_entry, web_url
from digest.model import Entry, ParsedFeed

_VERSION = re.compile(r"^https?://(?:www\.)?jsonfeed\.org/version/")
_KNOWN_VERSION = re.compile(_VERSION.pattern + r"1(?:\.\d+)?/?$")


def is_json_feed(document: object) -> bool:
    """Tell whether this says of itself that it is a JSON Feed."""
    return isinstance(document, dict) and bool(_VERSION.match(clip(document.get("version"), 100)))


def parse_json_feed(document: Mapping[str, Any], *, url: str, max_entries: int) -> ParsedFeed:
    """Read the document. Values of a wrong type are passed over.

    Raises:
        ParseError: If its version is unknown, or it has no items.
    """
    version = clip(document.get("version"), 100)
    if not _KNOWN_VERSION.match(version):
        raise ParseError(f"this is a JSON Feed of a version that we do not read ({version})")
    items = document.get("items")
    if not isinstance(items, list):
        raise ParseError("this JSON Feed has no list of items")
    rows = items[:max_entries]
    entries = [_entry(row, url) if isinstance(row, dict) else None for row in rows]
    untitled = entries.count(None)
    warnings = []
    if untitled:
        warnings.append(f"{untitled} of {len(rows)} entries have no title and were left out")
    if len(items) > max_entries:
        warnings.append(f"only the first {max_entries} of {len(items)} entries were read")
    return ParsedFeed(
        format="json-feed",
        title=clip(document.get("title"), 300),
        entries=tuple(entry for entry in entries if entry is not None),
        warnings=tuple(warnings),
    )


def _entry(item: Mapping[str, Any], base: str) -> Entry | None:
    link = web_url(item.get("url"), base) or web_url(item.get("external_url"), base)
    source_id = item.get("id")
    if isinstance(source_id, int | float) and not isinstance(source_id, bool):
        source_id = str(source_id)  # the specification asks readers to coerce numbers
    named = clip(source_id, 500)
    arxiv_id = arxiv.id_of_page(named) or arxiv.id_of_page(link or "")
    external = web_url(item.get("external_url"), base)
    tags = item.get("tags")
    texts = (item.get("summary"), item.get("content_text"), item.get("content_html"))
    return make_entry(
        title=item.get("title"),
        source_id=named,
        url=link,
        abstract=next((text for text in texts if clip(text, 10)), ""),
        authors=_names(item),
        tags=tags if isinstance(tags, list) else (),
        identifiers=[f"arXiv:{arxiv_id}" if arxiv_id else "", named, link, external],
        published_at=parse_date(item.get("date_published"))
        or parse_date(item.get("date_modified")),
    )


def _names(item: Mapping[str, Any]) -> list[object]:
    authors = item.get("authors")
    if not isinstance(authors, list):
        authors = [item.get("author")]  # version 1.0
    return [author.get("name") for author in authors if isinstance(author, dict)]
