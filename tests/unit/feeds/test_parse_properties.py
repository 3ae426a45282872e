from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import ParseError
from digest.feeds.parse import parse_document
from digest.feeds.wire import decode_parsed, encode_parsed
from digest.model import FeedKind
from tests.support.feed_fixtures import FOLDER

FIXTURES = sorted(path.read_bytes() for path in FOLDER.iterdir())
TOKENS = st.sampled_from(
    [
        b"<rss version='2.0'>",
        b"<channel>",
        b"<item>",
        b"</item>",
        b"<title>",
        b"</title>",
        b"<![CDATA[",
        b"]]>",
        b"<entry xmlns='http://www.w3.org/2005/Atom'>",
        b"<author>",
        b"<dc:creator>",
        b"<pubDate>2021/10/16 9:23:28</pubDate>",
        b"&#xD800;",
        b"&lt;p&gt;Authors: x",
        b"<link href='http://[::1'/>",
        b"<?xml version='1.0' encoding='utf-7'?>",
        b"\xff\xfe",
        b"\x00",
        b"{",
        b"[",
        b'"version": "https://jsonfeed.org/version/1"',
        b'"items": [{"title": "x"}]',
        b"}",
        b"]",
        b"arXiv:2602.00001v1 Announce Type: new Abstract:",
    ]
)


def check(body: bytes, kind: FeedKind) -> None:
    """Parse `body`: either entries within their limits come of it, or a ParseError."""
    try:
        parsed = parse_document(body, kind=kind, url="https://example.org/f", max_entries=5)
    except ParseError:
        return
    assert len(parsed.entries) <= 5
    for entry in parsed.entries:
        assert 0 < len(entry.title) <= 1_000
        assert len(entry.abstract) <= 20_000
        assert sum(map(len, entry.authors)) <= 5_000
        assert entry.url is None or entry.url.startswith(("http://", "https://"))
    assert decode_parsed(encode_parsed(parsed)) == parsed


@given(st.binary(max_size=2_000), st.sampled_from(FeedKind))
def test_parsing_any_bytes_gives_entries_or_one_error(body: bytes, kind: FeedKind) -> None:
    check(body, kind)


@settings(max_examples=150)
@given(st.lists(TOKENS, max_size=40), st.sampled_from(FeedKind))
def test_parsing_any_jumble_of_feed_tokens_gives_entries_or_one_error(
    tokens: list[bytes], kind: FeedKind
) -> None:
    check(b"".join(tokens), kind)


@settings(max_examples=150)
@given(
    st.sampled_from(FIXTURES),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=5),
    st.floats(0, 1),
)
def test_parsing_a_damaged_feed_gives_entries_or_one_error(
    body: bytes, damage: list[tuple[float, bytes]], length: float
) -> None:
    damaged = bytearray(body[: int(length * len(body)) + 1])
    for place, replacement in damage:
        start = int(place * len(damaged))
        damaged[start : start + len(replacement)] = replacement

    check(bytes(damaged), FeedKind.AUTO)
