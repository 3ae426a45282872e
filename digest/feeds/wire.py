"""Parsed feeds as JSON, for the pipe from the parsing process. Pure.

Not pickle: what comes back was made by a process that read a hostile document.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from digest.model import Announce, Entry, Link, ParsedFeed


def encode_parsed(parsed: ParsedFeed) -> bytes:
    """Write a parsed feed."""
    return json.dumps(asdict(parsed), default=_plain).encode("ascii")


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
    )


def _plain(value: object) -> str:
    if isinstance(value, date):  # instants are dates, too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a feed")  # pragma: no cover


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
        links=tuple(Link(label=link["label"], url=link["url"]) for link in row["links"]),
        published_at=datetime.fromisoformat(published) if published else None,
        listed_on=date.fromisoformat(listed) if listed else None,
        announce=Announce(announce) if announce else None,
        upvotes=row["upvotes"],
        comments=row["comments"],
        stars=row["stars"],
    )
