"""Lists of feeds as OPML, which feed readers export and import. Pure.

OPML 2.0 (http://opml.org/spec2.opml): nested `outline` elements; the ones with an
`xmlUrl` are feeds. What OPML has no word for (our name and kind) stands in attributes of
our own namespace.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from digest.errors import ParseError
from digest.model import FeedKind, FeedSpec

NAMESPACE = "urn:paper-digest:opml"
_NAME, _KIND, _CROSS = (f"{{{NAMESPACE}}}{key}" for key in ("name", "kind", "cross"))
_MAX_BYTES = 5_000_000
_MAX_FEEDS = 5_000
_MAX_NAME = 64
_MAX_TAGS = 10
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_DECLARES_MORE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """The feeds of an OPML document, and in plain words what was left out."""

    feeds: tuple[FeedSpec, ...]
    problems: tuple[str, ...] = ()


def parse_opml(body: bytes) -> Subscriptions:
    """Read the feeds of a document; outlines without a feed are folders.

    A folder's title and the `category` attribute become tags. A feed listed twice counts
    once.

    Raises:
        ParseError: If it is no OPML.
    """
    root = _root(body)
    feeds: dict[str, FeedSpec] = {}
    names: set[str] = set()
    problems: list[str] = []
    stack: list[tuple[ET.Element, tuple[str, ...]]] = [
        (outline, ()) for outline in reversed(root.findall("./body/outline"))
    ]
    while stack and len(feeds) < _MAX_FEEDS:
        outline, folders = stack.pop()
        title = _title(outline)
        url = outline.get("xmlUrl", outline.get("xmlurl", "")).strip()
        inner = (*folders, title) if title and not url else folders
        stack += [(child, inner) for child in reversed(outline.findall("outline"))]
        if not url:
            continue
        if not _is_web(url):
            problems.append(f"{title or url}: {url[:200]} is no http or https URL")
        elif url not in feeds:
            name = _free_name(outline.get(_NAME) or title or urlsplit(url).hostname or "", names)
            names.add(name)
            feeds[url] = _spec(outline, name=name, url=url, folders=folders)
    if stack:
        problems.append(f"only the first {_MAX_FEEDS} feeds were read")
    return Subscriptions(feeds=tuple(feeds.values()), problems=tuple(problems))


def write_opml(feeds: Iterable[FeedSpec], *, title: str) -> str:
    """Write feeds so that `parse_opml` and feed readers read them."""
    ET.register_namespace("digest", NAMESPACE)
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = title
    body = ET.SubElement(root, "body")
    for feed in feeds:
        outline = ET.SubElement(
            body, "outline", {"type": "rss", "text": feed.name, "xmlUrl": feed.url}
        )
        outline.set(_NAME, feed.name)
        if feed.kind is not FeedKind.AUTO:
            outline.set(_KIND, feed.kind.value)
        if not feed.cross:
            outline.set(_CROSS, "false")
        if feed.tags:
            outline.set("category", ",".join(tag.replace(",", " ") for tag in feed.tags))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _root(body: bytes) -> ET.Element:
    if len(body) > _MAX_BYTES:
        raise ParseError(f"the list of feeds has more than {_MAX_BYTES:,} bytes")
    # No list of feeds needs entities of its own, and they can make a bomb.
    if _DECLARES_MORE.search(body):
        raise ParseError("the list of feeds declares a document type, which we do not read")
    try:
        root = ET.fromstring(body)  # noqa: S314 - without declarations it is harmless
    except (ET.ParseError, ValueError, LookupError) as exc:
        raise ParseError(f"this is not well-formed XML: {exc}") from exc
    if root.tag.lower() != "opml":
        raise ParseError("this is no OPML: its root element is not opml")
    return root


def _spec(outline: ET.Element, *, name: str, url: str, folders: Sequence[str]) -> FeedSpec:
    try:
        kind = FeedKind(outline.get(_KIND, "auto"))
    except ValueError:
        kind = FeedKind.AUTO
    categories = (one.rpartition("/")[2] for one in outline.get("category", "").split(","))
    tags = dict.fromkeys(
        " ".join(tag.split())[:80] for tag in (*folders, *categories) if tag.strip()
    )
    return FeedSpec(
        name=name,
        url=url,
        kind=kind,
        tags=tuple(tags)[:_MAX_TAGS],
        cross=outline.get(_CROSS) != "false",
    )


def _title(outline: ET.Element) -> str:
    return (outline.get("title") or outline.get("text") or "").strip()


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _free_name(wanted: str, taken: set[str]) -> str:
    """Make a name of letters, digits, dots, hyphens and underscores that is not taken."""
    plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode("ascii")
    stem = _NOT_IN_NAMES.sub("-", plain).strip("-._")[:_MAX_NAME].rstrip("-._") or "feed"
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem[: _MAX_NAME - 6]}-{number}"
    return name
