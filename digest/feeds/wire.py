"""Parsed feeds as JSON, for the pipe from the parsing process. Pure.

Not pickle: what comes back was made by a process that read a hostile document.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from digest.model import Announce, Entry, Link, ParsedFeed


def encode_parsed(parsed: ParsedFeed) -> bytes:
    """Write a parsed feed."""
    document = {
        "format": parsed.format,
        "title": parsed.title,
        "entries": [_row(entry) for entry in parsed.entries],
        "warnings": parsed.warnings,
        "rows": parsed.rows,
        "total": parsed.total,
        "cursor": parsed.cursor,
        "breaks_off": parsed.breaks_off,
    }
    return json.dumps(document).encode("ascii")


def decode_parsed(data: bytes) -> ParsedFeed:
    """Read what `encode_parsed` wrote."""
    document: dict[str, Any] = json.loads(data)
    return ParsedFeed(
        format=document["format"],
        title=document["title"],
        entries=tuple(_entry(row) for row in document["entries"]),
        warnings=tuple(document["warnings"]),
        rows=document["rows"],
        total=document["total"],
        cursor=document["cursor"],
        breaks_off=document["breaks_off"],
    )


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "title": entry.title,
        "source_id": entry.source_id,
        "url": entry.url,
        "abstract": entry.abstract,
        "authors": entry.authors,
        "venue": entry.venue,
        "tags": entry.tags,
        "identifiers": entry.identifiers,
        "links": [[link.label, link.url] for link in entry.links],
        "published_at": entry.published_at.isoformat() if entry.published_at else None,
        "listed_on": entry.listed_on.isoformat() if entry.listed_on else None,
        "announce": entry.announce,
        "upvotes": entry.upvotes,
        "comments": entry.comments,
        "stars": entry.stars,
    }


def _entry(row: dict[str, Any]) -> Entry:
    published, listed, announce = row["published_at"], row["listed_on"], row["announce"]
    return Entry(
        title=row["title"],
        source_id=row["source_id"],
        url=row["url"],
        abstract=row["abstract"],
        authors=tuple(row["authors"]),
        venue=row["venue"],
        tags=tuple(row["tags"]),
        identifiers=tuple(row["identifiers"]),
        links=tuple(Link(label=label, url=url) for label, url in row["links"]),
        published_at=datetime.fromisoformat(published) if published else None,
        listed_on=date.fromisoformat(listed) if listed else None,
        announce=Announce(announce) if announce else None,
        upvotes=row["upvotes"],
        comments=row["comments"],
        stars=row["stars"],
    )
