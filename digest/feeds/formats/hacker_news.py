"""Hacker News stories, the JSON of `https://hn.algolia.com/api/v1/search_by_date?…`. Pure.

A story is no paper: its points and comments say how much a paper that we know already is
talked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from digest.errors import ParseError
from digest.feeds.formats.dates import parse_date
from digest.feeds.formats.entries import clip, count, make_entry, web_url
from digest.model import Entry, Link, ParsedFeed


def is_hacker_news(document: object) -> bool:
    """Tell whether this is an answer of the Hacker News search."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("hits"), list)
        and "nbHits" in document
    )


def parse_hacker_news(document: object, *, max_entries: int) -> ParsedFeed:
    """Read one page of stories.

    Raises:
        ParseError: If it is something else.
    """
    if not isinstance(document, dict) or not is_hacker_news(document):
        raise ParseError("this is not the JSON of the Hacker News search: no list of hits")
    rows = document["hits"]
    entries = [_entry(row) for row in rows[:max_entries] if isinstance(row, dict)]
    return ParsedFeed(
        format="hacker-news",
        title="Hacker News",
        entries=tuple(entry for entry in entries if entry is not None),
        rows=len(rows),
        total=count(document.get("nbHits")),
    )


def _entry(row: Mapping[str, Any]) -> Entry | None:
    number = clip(row.get("objectID"), 30)
    url = web_url(row.get("url"))
    if not number.isdigit() or url is None:
        return None
    page = f"https://news.ycombinator.com/item?id={number}"
    return make_entry(
        title=row.get("title"),
        source_id=number,
        url=url,
        identifiers=[url],
        links=[Link(label="Hacker News", url=page)],
        published_at=parse_date(row.get("created_at")),
        upvotes=row.get("points"),
        comments=row.get("num_comments"),
    )
