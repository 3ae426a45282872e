from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from typing import Any

import pytest

from digest.errors import ParseError
from digest.feeds.wire import decode_parsed, encode_parsed
from digest.model import FeedKind, Link
from tests.support.feed_fixtures import fixture_bytes, parse_bytes, parse_fixture, rss


def api(document: Any, kind: FeedKind) -> Any:
    return parse_bytes(json.dumps(document).encode(), kind=kind)


def test_a_biorxiv_row_gives_its_version_and_the_journal_it_went_to() -> None:
    parsed = parse_fixture("biorxiv.json", kind=FeedKind.BIORXIV)

    entry = parsed.entries[0]
    assert (parsed.format, parsed.rows, parsed.total) == ("biorxiv", 3, 4)
    assert entry.identifiers == ("doi:10.64898/2026.01.30.700001v2", "doi:10.1000/naps.2026.7")
    assert entry.url == "https://www.biorxiv.org/content/10.64898/2026.01.30.700001v2"
    assert entry.authors == ("Lovelace, A.; Turing, A. M.",)
    assert entry.abstract == "Neurons nap (p<0.05) and keep the beat."
    assert entry.venue == "bioRxiv"
    assert entry.tags == ("neuroscience",)
    assert entry.published_at == datetime(2026, 2, 2, tzinfo=UTC)
    assert entry.links == (
        Link(
            label="PDF",
            url="https://www.biorxiv.org/content/10.64898/2026.01.30.700001v2.full.pdf",
        ),
        Link(label="journal", url="https://doi.org/10.1000/naps.2026.7"),
    )


def test_a_medrxiv_row_without_a_journal_names_only_itself() -> None:
    parsed = parse_fixture("biorxiv.json")

    entry = parsed.entries[1]
    assert entry.venue == "medRxiv"
    assert entry.identifiers == ("doi:10.1101/2026.01.31.26340001v1",)
    assert len(entry.links) == 1
    assert parsed.warnings == ("1 of 3 rows are no preprints and were left out",)


FIGURE = (
    'O_FIG O_LINKSMALLFIG WIDTH=200 HEIGHT=45 SRC="FIGDIR/small/7v1_ufig1.gif" ALT="Figure 1">\n'
    "View larger version (20K):\norg.highwire.dtl.DTLVardef@12ac4"
    "org.highwire.dtl.DTLVardef@c03_HPS_FORMAT_FIGEXP  M_FIG How naps go\n\nC_FIG"
)
LIST = "HighlightsO_ST_ABSKnownC_ST_ABSNaps help.O_LIThey are shortC_LIO_LIand free.C_LI"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (LIST, "Highlights Known Naps help. They are short and free."),
        ("AO_SCPLOWBSTRACTC_SCPLOW We nap.", "ABSTRACT We nap."),
        (f"We nap. {FIGURE}", "We nap. How naps go"),
        (
            "View larger version (20K): O_TBL of org.highwire",
            "View larger version (20K): of org.highwire",
        ),
    ],
)
def test_of_what_biorxiv_typesets_the_words_stay(raw: str, clean: str) -> None:
    row = {"title": "T", "abstract": raw, "doi": "10.1101/1", "server": "bioRxiv"}
    rows = {"messages": [{"status": "ok"}], "collection": [row]}
    item = f"<item><title>T</title><link>http://biorxiv.org/1</link><description>{escape(raw)}"

    (entry,) = api(rows, FeedKind.BIORXIV).entries
    (listed,) = parse_bytes(rss(f"{item}</description></item>".encode())).entries

    assert entry.abstract == clean
    assert listed.abstract == entry.abstract


def test_a_span_without_posts_is_valid_and_empty() -> None:
    nothing = {"messages": [{"status": "no posts found"}], "collection": []}

    assert api(nothing, FeedKind.BIORXIV).entries == ()


def test_what_is_no_answer_of_biorxiv_is_refused() -> None:
    wrong = {"messages": [{"status": "Error: invalid interval"}], "collection": []}

    with pytest.raises(ParseError, match="the server reports an error: Error: invalid interval"):
        api(wrong, FeedKind.BIORXIV)
    with pytest.raises(ParseError, match="the server reports an error: error"):
        api({"messages": [{"status": "error"}]}, FeedKind.BIORXIV)
    with pytest.raises(ParseError, match="no list of preprints"):
        api({"messages": [{"status": "ok"}]}, FeedKind.BIORXIV)
    with pytest.raises(ParseError, match="no list of preprints"):
        api({"items": []}, FeedKind.BIORXIV)
    with pytest.raises(ParseError, match="no row is a preprint"):
        api({"messages": [], "collection": [1, {}]}, FeedKind.BIORXIV)


def test_biorxiv_rows_beyond_the_cap_are_left_out_with_a_warning() -> None:
    from digest.feeds.parse import parse_document

    parsed = parse_document(
        fixture_bytes("biorxiv.json"), kind=FeedKind.BIORXIV, url="", max_entries=1
    )

    assert len(parsed.entries) == 1
    assert parsed.warnings == ("only the first 1 of 3 rows were read",)


def test_a_story_gives_its_points_and_where_it_is_discussed() -> None:
    parsed = parse_fixture("hacker_news.json", kind=FeedKind.HN)

    story = parsed.entries[0]
    assert len(parsed.entries) == 2
    assert (story.upvotes, story.comments) == (312, 97)
    assert story.identifiers == ("https://arxiv.org/abs/2602.00404v2",)
    assert story.links == (
        Link(label="Hacker News", url="https://news.ycombinator.com/item?id=46000001"),
    )


def test_stories_are_read_only_by_a_feed_of_their_kind() -> None:
    with pytest.raises(ParseError, match="which --kind hn reads as a signal"):
        parse_fixture("hacker_news.json")
    with pytest.raises(ParseError, match="no list of hits"):
        api({"stories": []}, FeedKind.HN)


def test_a_crossref_feed_refuses_other_json() -> None:
    with pytest.raises(ParseError, match="no work and no list of works"):
        api({"messages": [], "collection": []}, FeedKind.CROSSREF)
    with pytest.raises(ParseError, match="no work and no list of works"):
        api([], FeedKind.CROSSREF)


def test_a_work_names_its_preprint() -> None:
    work = {
        "DOI": "10.1000/naps.2026.7",
        "title": ["Napping neurons keep the beat"],
        "relation": {
            "has-preprint": [
                {"id-type": "doi", "id": "10.64898/2026.01.30.700001", "asserted-by": "subject"},
                {"id-type": "pmid", "id": "1"},
                7,
            ],
            "is-preprint-of": "nothing",
        },
    }
    answer = {
        "message-type": "work-list",
        "message": {"items": [work], "total-results": 260, "next-cursor": "DnF1"},
    }

    parsed = api(answer, FeedKind.CROSSREF)

    assert parsed.entries[0].identifiers == (
        "doi:10.1000/naps.2026.7",
        "doi:10.64898/2026.01.30.700001",
    )
    assert (parsed.rows, parsed.total, parsed.cursor) == (1, 260, "DnF1")


def test_every_identifier_of_a_pubmed_entry_is_read() -> None:
    item = (
        b"<item><title>Naps</title><guid>pubmed:39000001</guid>"
        b"<dc:identifier>pmid:39000001</dc:identifier>\n"
        b"      <dc:identifier>pmc:PMC7</dc:identifier>"
        b"<dc:identifier>doi:10.1016/j.naps.2026.1</dc:identifier></item>"
    )
    body = rss(item).replace(
        b'version="2.0"', b'version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    )

    (entry,) = parse_bytes(body).entries

    assert set(entry.identifiers) == {
        "doi:10.1016/j.naps.2026.1",
        "pubmed:39000001",
        "pmid:39000001",
        "pmc:PMC7",
    }


@pytest.mark.parametrize("name", ["links", "tags", "authors", "content"])
def test_an_element_named_like_a_list_of_the_parser_costs_no_entry(name: str) -> None:
    item = f"<item><title>A title</title><{name}>text</{name}></item>".encode()

    (entry,) = parse_bytes(rss(item)).entries

    assert entry.title == "A title"


def test_a_web_address_with_a_capital_scheme_is_one() -> None:
    (entry,) = parse_bytes(
        rss(b"<item><title>A title</title><link>Http://a.example/B</link></item>")
    ).entries

    assert entry.url == "http://a.example/B"


def test_what_is_said_of_pages_passes_the_pipe() -> None:
    parsed = parse_fixture("biorxiv.json")

    assert decode_parsed(encode_parsed(parsed)) == parsed
