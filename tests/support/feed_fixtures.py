"""The small feed documents of `tests/fixtures/feeds`."""

from __future__ import annotations

from pathlib import Path

from digest.feeds.parse import parse_document
from digest.model import FeedKind, ParsedFeed

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "feeds"


def fixture_bytes(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def parse_fixture(name: str, *, kind: FeedKind = FeedKind.AUTO) -> ParsedFeed:
    return parse_bytes(fixture_bytes(name), kind=kind)


def parse_bytes(
    body: bytes, *, kind: FeedKind = FeedKind.AUTO, content_type: str = ""
) -> ParsedFeed:
    return parse_document(
        body, kind=kind, url="https://feeds.example.org/all.xml", content_type=content_type
    )


def rss(items: bytes, *, declaration: bytes = b"", title: bytes = b"A feed") -> bytes:
    """Wrap items into an RSS 2.0 document."""
    return (
        declaration
        + b'<rss version="2.0"><channel><title>'
        + title
        + b"</title>"
        + items
        + b"</channel></rss>"
    )
