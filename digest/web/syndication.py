"""Lists of papers as Atom (RFC 4287) and JSON Feed 1.1 (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from digest.digests.plain import one_line, shorten
from digest.digests.reasons import plain_why, why_line
from digest.model import Match, Paper
from digest.web.cards import Paths

_ATOM = "http://www.w3.org/2005/Atom"
_MAX_ABSTRACT = 6_000
_MAX_AUTHORS = 50
_MAX_TAGS = 20
# What XML 1.0 cannot hold, and noncharacters besides.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A list to follow: absolute addresses, and the papers newest first."""

    title: str
    site_url: str
    self_url: str
    page_url: str
    updated_at: datetime
    matches: tuple[Match, ...]


def atom(channel: Channel) -> bytes:
    """Write an Atom document."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(_tag("feed"))
    _text(feed, "id", channel.self_url)
    _text(feed, "title", channel.title)
    _text(feed, "updated", _instant(channel.updated_at))
    _link(feed, "self", channel.self_url, kind="application/atom+xml")
    _link(feed, "alternate", channel.page_url, kind="text/html")
    author = ET.SubElement(feed, _tag("author"))
    _text(author, "name", urlsplit(channel.site_url).hostname or "site")
    for match in channel.matches:
        _entry(feed, channel, match)
    document: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def json_feed(channel: Channel) -> dict[str, Any]:
    """Write a JSON Feed document."""
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _clean(channel.title),
        "home_page_url": channel.page_url,
        "feed_url": channel.self_url,
        "items": [_item(channel, match) for match in channel.matches],
    }


def listed_at(paper: Paper) -> datetime:
    """Return when a paper counts as published in a list: its day, else when it was seen."""
    if paper.published_on is None:
        return paper.first_seen_at
    return datetime.combine(paper.published_on, time(), UTC)


def _entry(feed: ET.Element, channel: Channel, match: Match) -> None:
    paper = match.paper
    entry = ET.SubElement(feed, _tag("entry"))
    _text(entry, "id", _paper_id(channel, paper))
    _text(entry, "title", _title(paper))
    _text(entry, "published", _instant(listed_at(paper)))
    _text(entry, "updated", _instant(paper.first_seen_at))
    _link(entry, "alternate", _paper_url(channel, paper), kind="text/html")
    for name in _names(paper):
        author = ET.SubElement(entry, _tag("author"))
        _text(author, "name", name)
    for tag in paper.tags[:_MAX_TAGS]:
        if _clean(tag):
            ET.SubElement(entry, _tag("category"), {"term": _clean(tag)})
    summary = _summary(match)
    if summary:
        _text(entry, "summary", summary)


def _item(channel: Channel, match: Match) -> dict[str, Any]:
    paper = match.paper
    item: dict[str, Any] = {
        "id": _paper_id(channel, paper),
        "url": _paper_url(channel, paper),
        "title": _title(paper),
        "content_text": _summary(match) or _title(paper),
        "date_published": _instant(listed_at(paper)),
        "authors": [{"name": name} for name in _names(paper)],
        "tags": [_clean(tag) for tag in paper.tags[:_MAX_TAGS] if _clean(tag)],
    }
    return item


def _paper_id(channel: Channel, paper: Paper) -> str:
    return _paper_url(channel, paper)


def _paper_url(channel: Channel, paper: Paper) -> str:
    return Paths(channel.site_url).paper(paper.alias)


def _names(paper: Paper) -> Sequence[str]:
    return [name for name in map(_clean, paper.authors[:_MAX_AUTHORS]) if name]


def _title(paper: Paper) -> str:
    return shorten(_clean(paper.title), 300) or "Untitled"


def _summary(match: Match) -> str:
    abstract = shorten(_clean(match.paper.abstract), _MAX_ABSTRACT)
    if not match.reasons:
        return abstract
    why = _clean(plain_why(why_line(match.reasons)))
    return f"{abstract}\n\nWhy it is here: {why}".strip()


def _clean(text: str) -> str:
    return _NOT_XML.sub("", one_line(text))


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tag(name: str) -> str:
    return f"{{{_ATOM}}}{name}"


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, _tag(name)).text = _NOT_XML.sub("", text)


def _link(parent: ET.Element, rel: str, href: str, *, kind: str) -> None:
    ET.SubElement(parent, _tag("link"), {"rel": rel, "href": href, "type": kind})
