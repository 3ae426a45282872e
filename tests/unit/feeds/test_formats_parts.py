from __future__ import annotations

import gzip
import zlib
from datetime import UTC, date, datetime

import pytest

from digest.feeds.formats.dates import eastern_day, parse_date
from digest.feeds.formats.entries import clip, count, plain, web_url
from digest.feeds.formats.mend import breaks_off, cut_long_authors
from digest.feeds.unpack import Unpacker


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Mon, 02 Feb 2026 00:00:00 -0500", datetime(2026, 2, 2, 5, 0, tzinfo=UTC)),
        ("Wed, 19 jan 2026 00:00:00 GMT", datetime(2026, 1, 19, tzinfo=UTC)),
        ("2 Feb 2026 10:00", datetime(2026, 2, 2, 10, 0, tzinfo=UTC)),
        ("2026-02-02", datetime(2026, 2, 2, tzinfo=UTC)),
        ("2026-02-02T10:00:00+0100", datetime(2026, 2, 2, 9, 0, tzinfo=UTC)),
        ("2025-08-20T04:00:19.899254+00:00", datetime(2025, 8, 20, 4, 0, 19, 899254, tzinfo=UTC)),
        ("2026-02-02 10:00:00", datetime(2026, 2, 2, 10, 0, tzinfo=UTC)),
        ("2021/10/16 9:23:28", datetime(2021, 10, 16, 9, 23, 28, tzinfo=UTC)),
        ("2021/10/16", datetime(2021, 10, 16, tzinfo=UTC)),
        ("2021/16/10 9:23:28", None),
        ("2021-13-01", None),
        ("02/03/2026", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2600-01-01", None),
        ("yesterday", None),
        ("Februar 2026", None),
        ("", None),
        ("x" * 100, None),
        (None, None),
        (20260202, None),
    ],
)
def test_dates_are_read_in_any_usual_form_and_nonsense_is_none(
    text: object, instant: datetime | None
) -> None:
    assert parse_date(text) == instant


def test_the_day_of_a_listing_is_counted_in_us_eastern() -> None:
    assert eastern_day(datetime(2026, 7, 2, 3, 59, tzinfo=UTC)) == date(2026, 7, 1)
    assert eastern_day(datetime(2026, 7, 2, 4, 0, tzinfo=UTC)) == date(2026, 7, 2)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3),
        ("52", 52),
        (" 7 ", 7),
        ("9" * 30, 999_999_999),
        (-1, None),
        (True, None),
        ("many", None),
        ("٣", None),
        (2**70, None),
        (None, None),
        (1.5, None),
    ],
)
def test_counts_are_whole_numbers_or_none(value: object, number: int | None) -> None:
    assert count(value) == number


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.org/a b", "https://example.org/a%20b"),
        ("/x", "https://base.example/x"),
        (" \nhttps://example.org/\n ", "https://example.org/"),
        ("mailto:a@example.org", None),
        ("http://[::1", None),
        ("https://:80/", None),
        ("", None),
        (7, None),
    ],
)
def test_web_addresses_are_absolute_or_none(text: object, url: str | None) -> None:
    assert web_url(text, "https://base.example/feed.xml") == url


def test_text_behind_much_white_space_is_found() -> None:
    assert clip(" " * 900 + "abc", 2) == "ab"


def test_labels_are_reduced_to_one_line() -> None:
    assert plain("<b>A &amp;\n B</b>") == "A & B"


def test_long_authors_are_cut_in_their_element_and_others_are_left() -> None:
    body = b"<dc:creator><![CDATA[" + b"a" * 9_000 + b"]]></dc:creator><author>Ann</author>"

    cut = cut_long_authors(body)

    assert cut == (
        b"<dc:creator><![CDATA[" + b"a" * 5_000 + b"]]></dc:creator><author>Ann</author>"
    )


def test_a_document_breaks_off_when_its_last_entry_is_open() -> None:
    assert breaks_off(b"<rss><item><title>x")
    assert not breaks_off(b"<rss><item></item></rss>")


def test_unpacking_gives_the_whole_text_piece_by_piece() -> None:
    packed = gzip.compress(b"word " * 1_000)
    unpacker = Unpacker(100_000)

    text = b"".join(unpacker.feed(packed[at : at + 7]) for at in range(0, len(packed), 7))

    assert text == b"word " * 1_000
    assert unpacker.is_complete


def test_unpacking_reads_several_members_and_passes_over_padding() -> None:
    unpacker = Unpacker(100)

    assert unpacker.feed(gzip.compress(b"a") + gzip.compress(b"b") + b"\0\0\0") == b"ab"


def test_unpacking_stops_one_byte_beyond_the_limit() -> None:
    unpacker = Unpacker(1_000)

    made = unpacker.feed(gzip.compress(b"\0" * 10_000_000))

    assert len(made) == 1_001
    assert unpacker.feed(b"more") == b""


def test_unpacking_what_is_not_packed_is_an_error() -> None:
    with pytest.raises(zlib.error):
        Unpacker(10).feed(b"plain text")
