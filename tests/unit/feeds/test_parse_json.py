from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from digest.errors import ParseError
from digest.model import FeedKind, Link
from tests.support.feed_fixtures import parse_bytes, parse_fixture


def test_a_daily_paper_gives_its_scores_its_day_and_its_links() -> None:
    parsed = parse_fixture("hf_daily.json")

    entry = parsed.entries[0]
    assert parsed.format == "hf-daily"
    assert entry.title == "Tidy Tokens:\n  Folding Laundry with Language Models"
    assert entry.source_id == "2602.00404"
    assert entry.identifiers[0] == "arXiv:2602.00404"
    assert entry.url == "https://arxiv.org/abs/2602.00404"
    assert entry.authors == ("Grace Murray", "Alan T.")
    assert entry.tags == ("language models", "laundry")
    assert (entry.upvotes, entry.comments, entry.stars) == (42, 3, 120)
    assert entry.listed_on == date(2026, 2, 2)
    assert entry.published_at == datetime(2026, 1, 30, 18, 59, 59, tzinfo=UTC)
    assert entry.links == (
        Link(label="Hugging Face", url="https://huggingface.co/papers/2602.00404"),
        Link(label="code", url="https://github.com/example/tidy-tokens"),
    )


def test_a_daily_paper_of_2024_has_no_day_of_listing() -> None:
    parsed = parse_fixture("hf_daily.json", kind=FeedKind.HF_DAILY)

    entry = parsed.entries[1]
    assert entry.listed_on is None
    assert entry.identifiers == ("https://huggingface.co/papers/blog-0001",)
    assert entry.url == "https://huggingface.co/papers/blog-0001"
    assert entry.upvotes == 0


def test_rows_that_are_no_papers_are_left_out_with_a_warning() -> None:
    parsed = parse_fixture("hf_daily.json", kind=FeedKind.HF_DAILY)

    assert len(parsed.entries) == 2
    assert parsed.warnings == ("2 of 4 rows are no papers and were left out",)


def test_a_day_without_daily_papers_is_valid_for_a_feed_of_that_kind() -> None:
    assert parse_bytes(b"[]", kind=FeedKind.HF_DAILY).entries == ()


def test_a_json_list_of_something_else_is_refused() -> None:
    with pytest.raises(ParseError, match="no row is a paper"):
        parse_bytes(b'[{"x": 1}]', kind=FeedKind.HF_DAILY)
    with pytest.raises(ParseError, match="no list of papers"):
        parse_bytes(b'{"x": 1}', kind=FeedKind.HF_DAILY)
    with pytest.raises(ParseError, match="no other kind that we read"):
        parse_bytes(b'[{"x": 1}]')


def test_an_error_in_json_is_told_in_the_servers_words() -> None:
    with pytest.raises(ParseError, match="the server reports an error: rate limited"):
        parse_bytes(b'{"error": "rate limited"}', kind=FeedKind.HF_DAILY)
    with pytest.raises(ParseError, match="the server reports an error: not found"):
        parse_bytes(b'{"status": 404, "message": "not found"}')


def test_a_json_feed_item_gives_its_fields() -> None:
    parsed = parse_fixture("json_feed.json")

    entry = parsed.entries[0]
    assert parsed.format == "json-feed"
    assert entry.source_id == "7"
    assert entry.url == "https://feeds.example.org/papers/7"
    assert "https://arxiv.org/abs/2602.00606v2" in entry.identifiers
    assert entry.abstract == "Six are slow."
    assert entry.authors == ("Tony H.",)
    assert entry.tags == ("sorting",)
    assert entry.published_at == datetime(2026, 2, 1, 8, 30, tzinfo=UTC)


def test_a_json_feed_item_without_a_title_is_left_out_and_a_bad_date_is_none() -> None:
    parsed = parse_fixture("json_feed.json")

    assert [entry.title for entry in parsed.entries] == [
        "Seven ways to sort",
        "Eight ways to search",
    ]
    assert parsed.entries[1].authors == ("Edsger D.",)
    assert parsed.entries[1].published_at is None
    assert parsed.warnings == ("1 of 3 entries have no title and were left out",)


def test_json_feed_values_of_wrong_types_are_passed_over() -> None:
    body = {
        "version": "https://jsonfeed.org/version/1",
        "title": ["x"],
        "items": [
            {"id": True, "title": "A", "url": 3, "authors": "x", "tags": {}, "summary": 7},
            "nonsense",
        ],
    }

    parsed = parse_bytes(json.dumps(body).encode())

    assert parsed.title == ""
    assert len(parsed.entries) == 1
    assert parsed.entries[0].source_id is None
    assert parsed.entries[0].abstract == ""


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ({"version": "https://jsonfeed.org/version/99", "items": []}, "of a version that we do"),
        ({"version": "https://jsonfeed.org/version/1.1"}, "has no list of items"),
        ({"message-type": "work-list", "message": {"items": 3}}, "holds no works"),
        ({"message-type": "work-list", "message": None}, "holds no works"),
    ],
)
def test_json_documents_that_lack_the_main_thing_are_refused(
    body: dict[str, Any], cause: str
) -> None:
    with pytest.raises(ParseError, match=cause):
        parse_bytes(json.dumps(body).encode())


def test_crossref_works_give_doi_authors_venue_and_pdf() -> None:
    parsed = parse_fixture("crossref.json")

    entry = parsed.entries[0]
    assert parsed.format == "crossref"
    assert entry.title == "Tides in a bathtub"
    assert entry.identifiers == ("doi:10.1000/tides.1",)
    assert entry.authors == ("Arch Imedes", "The Bath Collaboration")
    assert entry.abstract == "<jats:p>The water rose.</jats:p>"
    assert entry.venue == "Journal of Small Seas"
    assert entry.published_at == datetime(2026, 1, 31, tzinfo=UTC)
    assert entry.links == (Link(label="PDF", url="https://example.org/tides.pdf"),)


def test_a_crossref_date_without_a_day_is_none_and_a_work_without_title_is_left_out() -> None:
    parsed = parse_fixture("crossref.json")

    assert len(parsed.entries) == 2
    assert parsed.entries[1].published_at is None
    assert parsed.entries[1].url == "https://doi.org/10.1000/tides.2"
    assert parsed.warnings == ("1 of 3 works have no title and were left out",)


def test_a_single_crossref_work_is_read_and_an_impossible_date_is_none() -> None:
    body = {
        "message-type": "work",
        "message": {"title": "Alone", "issued": {"date-parts": [[2026, 2, 31]]}, "author": ["x"]},
    }

    parsed = parse_bytes(json.dumps(body).encode())

    assert parsed.entries[0].title == "Alone"
    assert parsed.entries[0].url is None
    assert parsed.entries[0].published_at is None


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b'{"version": ', "this is not valid JSON: Expecting value in line 1, column 13"),
        (b'{"a": ' + b"9" * 5000 + b"}", "bytes or numbers out of range"),
        (b'{"a": "\xff"}', "bytes or numbers out of range"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_broken_json_is_refused_with_its_place(body: bytes, cause: str) -> None:
    with pytest.raises(ParseError, match=cause):
        parse_bytes(body)


def test_entries_beyond_the_limit_are_left_out_with_a_warning() -> None:
    row = {"paper": {"id": "2602.00001", "title": "T"}}
    item = {"id": "1", "title": "T"}
    work = {"DOI": "10.1000/1", "title": ["T"]}
    many: list[tuple[Any, str]] = [
        ([row] * 2001, "only the first 2000 of 2001 rows were read"),
        (
            {"version": "https://jsonfeed.org/version/1", "items": [item] * 2001},
            "only the first 2000 of 2001 entries were read",
        ),
        (
            {"message-type": "work-list", "message": {"items": [work] * 2001}},
            "only the first 2000 of 2001 works were read",
        ),
    ]

    parsed = [parse_bytes(json.dumps(document).encode()) for document, _ in many]

    assert [len(one.entries) for one in parsed] == [2000, 2000, 2000]
    assert [one.warnings for one in parsed] == [(warning,) for _, warning in many]


def test_lone_surrogates_and_nul_never_leave_the_parser() -> None:
    body = rb'[{"paper": {"id": "2602.00001", "title": "A\ud800B\u0000C"}}]'

    assert parse_bytes(body).entries[0].title == "ABC"
