from __future__ import annotations

import string
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import ParseError
from digest.feeds.opml import parse_opml, write_opml
from digest.model import FeedKind, FeedSpec


def opml(outlines: str) -> bytes:
    return f'<?xml version="1.0"?><opml version="1.0"><body>{outlines}</body></opml>'.encode()


def test_folders_and_categories_become_tags() -> None:
    found = parse_opml(
        opml(
            '<outline text="Labs"><outline title="BAIR Blog" text="x" type="rss" '
            'xmlUrl="https://bair.example/feed.xml" category="/AI/Robots,news"/></outline>'
            '<outline text="Plain" xmlUrl="https://plain.example/rss"/>'
        )
    )

    assert found.problems == ()
    assert found.feeds == (
        FeedSpec(
            name="BAIR-Blog", url="https://bair.example/feed.xml", tags=("Labs", "Robots", "news")
        ),
        FeedSpec(name="Plain", url="https://plain.example/rss"),
    )


def test_names_are_made_fit_and_different() -> None:
    found = parse_opml(
        opml(
            '<outline text="Épées &amp; co." xmlUrl="https://a.example/1"/>'
            '<outline text="Épées &amp; co." xmlUrl="https://a.example/2"/>'
            '<outline text="日本" xmlUrl="https://a.example/3"/>'
            '<outline xmlUrl="https://b.example/4"/>'
        )
    )

    assert [feed.name for feed in found.feeds] == ["Epees-co", "Epees-co-2", "feed", "b.example"]


def test_a_feed_listed_twice_counts_once_and_a_foreign_address_is_named() -> None:
    found = parse_opml(
        opml(
            '<outline text="a" xmlUrl="https://a.example/1"/>'
            '<outline text="b" xmlUrl="https://a.example/1"/>'
            '<outline text="c" xmlUrl="file:///etc/passwd"/>'
            '<outline xmlUrl="http://["/>'
        )
    )

    assert [feed.name for feed in found.feeds] == ["a"]
    assert found.problems == (
        "c: file:///etc/passwd is no http or https URL",
        "http://[: http://[ is no http or https URL",
    )


def test_an_unknown_kind_is_auto() -> None:
    found = parse_opml(
        b'<opml xmlns:d="urn:paper-digest:opml"><body><outline text="a" d:kind="telex" '
        b'xmlUrl="https://a.example/1"/></body></opml>'
    )

    assert found.feeds[0].kind is FeedKind.AUTO


def test_more_feeds_than_anyone_reads_are_left_out() -> None:
    many = "".join(f'<outline xmlUrl="https://a.example/{n}"/>' for n in range(5_001))

    found = parse_opml(opml(many))

    assert len(found.feeds) == 5_000
    assert found.problems == ("only the first 5000 feeds were read",)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"<opml><body>", "this is not well-formed XML"),
        (b"<rss version='2.0'/>", "this is no OPML: its root element is not opml"),
        (b"<!DOCTYPE opml [<!ENTITY a 'b'>]><opml/>", "declares a document type"),
        (b'<?xml version="1.0" encoding="klingon"?><opml/>', "this is not well-formed XML"),
        (b"<opml>" + b" " * 5_000_000 + b"</opml>", "more than 5,000,000 bytes"),
    ],
)
def test_what_is_no_opml_is_refused_in_plain_words(body: bytes, cause: str) -> None:
    with pytest.raises(ParseError, match=cause):
        parse_opml(body)


CONTROLS: tuple[Literal["C"], ...] = ("C",)
TEXT = st.text(st.characters(exclude_categories=CONTROLS, exclude_characters=",/"), min_size=1)
TAGS = st.lists(
    TEXT.map(lambda text: " ".join(text.split())[:80]).filter(bool), max_size=5, unique=True
)
NAMES = st.text(string.ascii_letters + string.digits, min_size=1, max_size=64)


@given(st.lists(st.tuples(NAMES, st.sampled_from(FeedKind), TAGS, st.booleans()), max_size=9))
def test_what_is_written_is_read_again(
    rows: list[tuple[str, FeedKind, list[str], bool]],
) -> None:
    feeds = tuple(
        FeedSpec(
            name=name, url=f"https://{name}.example/f", kind=kind, tags=tuple(tags), cross=cross
        )
        for name, (_, kind, tags, cross) in {row[0].lower(): row for row in rows}.items()
    )

    found = parse_opml(write_opml(feeds, title="Ours & theirs").encode("utf-8"))

    assert found.feeds == feeds
    assert found.problems == ()


@given(st.binary(max_size=300))
def test_any_bytes_are_feeds_or_one_error(body: bytes) -> None:
    try:
        found = parse_opml(b"<opml><body>" + body + b"</body></opml>")
    except ParseError:
        return
    assert len({feed.name for feed in found.feeds}) == len(found.feeds)
