"""Feeds out against the rules of RFC 4287 and JSON Feed 1.1, with whatever papers hold."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import feedparser
import pytest

from digest.model import Alias, Match, Paper, PaperId, Reason
from digest.web.syndication import Channel, atom, json_feed

ATOM = "{http://www.w3.org/2005/Atom}"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
HOSTILE = (
    '<script>alert(1)</script> & ]]> \u202e\x00\x0b\ufffe\ud800 "quoted" مرحبا 🧪 ' + "x" * 9_000
)
SEEN = datetime(2026, 2, 3, 5, tzinfo=UTC)
PLAIN = Paper(
    id=PaperId(1),
    alias=Alias("arxiv:2602.00001"),
    title="Sparse features",
    abstract="They last.",
    authors=("Ada Lovelace",),
    tags=("cs.LG",),
    url="https://arxiv.org/abs/2602.00001",
    published_on=date(2026, 2, 2),
    first_seen_at=SEEN,
)
ODD = Paper(
    id=PaperId(2),
    alias=Alias("hf:a b/ü?#%"),
    title=HOSTILE,
    abstract=HOSTILE,
    authors=(HOSTILE, ""),
    tags=(HOSTILE, ""),
    first_seen_at=SEEN,
)
BARE = Paper(id=PaperId(3), alias=Alias("doi:10.1/x"), title="", abstract="", first_seen_at=SEEN)
WHY = (Reason(term=HOSTILE[:60], field="title"),)
CHANNELS = {
    "three papers": (
        Match(paper=PLAIN, reasons=WHY),
        Match(paper=ODD, reasons=WHY),
        Match(paper=BARE, reasons=()),
    ),
    "none": (),
}


def channel(matches: tuple[Match, ...]) -> Channel:
    return Channel(
        title=f"Daily papers: {HOSTILE[:80]}",
        site_url="https://papers.example.org",
        self_url="https://papers.example.org/feed.atom?q=a%26b",
        page_url="https://papers.example.org/",
        updated_at=SEEN,
        matches=matches,
    )


def one_text(element: ET.Element, name: str) -> str:
    """Return the text of the only child of this name."""
    (found,) = element.findall(f"{ATOM}{name}")
    assert found.text
    return found.text


@pytest.mark.parametrize("matches", CHANNELS.values(), ids=CHANNELS)
def test_an_atom_document_holds_what_the_rfc_demands(matches: tuple[Match, ...]) -> None:
    feed = ET.fromstring(atom(channel(matches)))
    entries = feed.findall(f"{ATOM}entry")

    assert feed.tag == f"{ATOM}feed"
    assert [link.get("rel") for link in feed.findall(f"{ATOM}link")] == ["self", "alternate"]
    assert len(entries) == len(matches)
    for element in (feed, *entries):
        assert urlsplit(one_text(element, "id")).scheme == "https"
        assert one_text(element, "id").isascii()
        assert one_text(element, "title")
        assert RFC_3339.fullmatch(one_text(element, "updated"))
    for entry in entries:
        (link,) = entry.findall(f"{ATOM}link")
        assert (link.get("rel"), link.get("type")) == ("alternate", "text/html")
        assert RFC_3339.fullmatch(one_text(entry, "published"))
        assert all(one_text(each, "name") for each in entry.findall(f"{ATOM}author"))
        assert all(each.get("term") for each in entry.findall(f"{ATOM}category"))
    assert one_text(feed.findall(f"{ATOM}author")[0], "name")
    assert len({one_text(entry, "id") for entry in entries}) == len(matches)


def test_a_feed_reader_reads_the_atom_document_as_it_is() -> None:
    read = feedparser.parse(atom(channel(CHANNELS["three papers"])))

    assert (read.bozo, read.version) == (False, "atom10")
    assert read.entries[0].title == "Sparse features"
    assert read.entries[0].author == "Ada Lovelace"
    assert read.entries[1].title.startswith("<script>alert(1)</script> & ]]>")
    assert read.entries[1].title_detail.type == "text/plain"


@pytest.mark.parametrize("matches", CHANNELS.values(), ids=CHANNELS)
def test_a_json_feed_holds_what_its_version_demands(matches: tuple[Match, ...]) -> None:
    document: dict[str, Any] = json.loads(json.dumps(json_feed(channel(matches))).encode())

    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert document["title"].startswith("Daily papers: <script>")
    assert urlsplit(document["feed_url"]).scheme == "https"
    assert len({item["id"] for item in document["items"]}) == len(matches)
    for item in document["items"]:
        assert item["content_text"]
        assert urlsplit(item["url"]).scheme == "https"
        assert RFC_3339.fullmatch(item["date_published"])
        assert all(author["name"] for author in item["authors"])
        assert all(item["tags"])
        assert not {"\u202e", "\x00", "\x0b"} & set(json.dumps(item, ensure_ascii=False))
