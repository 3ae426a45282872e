from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from digest.errors import ParseError
from digest.feeds.formats import arxiv
from digest.model import Announce, FeedKind, Link
from tests.support.feed_fixtures import parse_bytes, parse_fixture, rss


def test_an_arxiv_rss_entry_gives_all_that_arxiv_says_of_it() -> None:
    parsed = parse_fixture("arxiv_rss20.xml")

    entry = parsed.entries[0]
    assert parsed.format == "rss20"
    assert parsed.title == "cs.CL updates on arXiv.org"
    assert entry.title == "Counting to $10$ with <slots>: a probe of small models"
    assert entry.source_id == "oai:arXiv.org:2602.00101v1"
    assert entry.identifiers[0] == "arXiv:2602.00101v1"
    assert entry.url == "https://arxiv.org/abs/2602.00101"
    assert entry.authors == ("Ada Byron, Emmy N. Other (Somewhere University)",)
    assert entry.tags == ("cs.CL", "cs.LG")
    assert entry.announce is Announce.NEW
    assert entry.published_at == datetime(2026, 2, 2, 5, 0, tzinfo=UTC)
    assert entry.listed_on == date(2026, 2, 2)


def test_an_arxiv_abstract_keeps_what_looks_like_markup_and_loses_arxivs_preface() -> None:
    parsed = parse_fixture("arxiv_rss20.xml")

    assert parsed.entries[0].abstract == (
        "We ask whether a small model can count. For $2<r<q-1$ it can, "
        "given pairs <wordform, lemma> to look at."
    )


def test_an_arxiv_replacement_is_known_as_one() -> None:
    parsed = parse_fixture("arxiv_rss20.xml")

    assert parsed.entries[1].announce is Announce.REPLACE_CROSS
    assert parsed.entries[1].identifiers[0] == "arXiv:2511.00202v3"


def test_an_arxiv_weekend_feed_is_valid_and_empty() -> None:
    parsed = parse_fixture("arxiv_empty.xml")

    assert parsed.entries == ()
    assert parsed.warnings == ()


def test_an_arxiv_atom_entry_is_dated_by_its_announcement_not_by_the_making_of_the_feed() -> None:
    parsed = parse_fixture("arxiv_atom.xml")

    entry = parsed.entries[0]
    assert entry.announce is Announce.CROSS
    assert entry.published_at == datetime(2026, 2, 3, 5, 0, tzinfo=UTC)
    assert entry.listed_on == date(2026, 2, 3)
    assert entry.abstract == "We let a planner draw its plan before it acts."


def test_an_arxiv_api_entry_gives_authors_doi_pdf_code_and_journal() -> None:
    parsed = parse_fixture("arxiv_api.xml", kind=FeedKind.ARXIV_API)

    entry = parsed.entries[0]
    assert entry.authors == ("Lise M.", "Otto H.")
    assert entry.identifiers[0] == "arXiv:hep-th/9901001v2"
    assert "10.1000/knots.3.1" in entry.identifiers
    assert entry.venue == "J. Knots 3 (1999) 1-4"
    assert entry.links == (
        Link(label="PDF", url="https://arxiv.org/pdf/hep-th/9901001v2"),
        Link(label="code", url="https://github.com/example/strings"),
    )
    assert entry.announce is None
    assert entry.listed_on is None


def test_an_arxiv_api_error_is_an_error_though_it_is_an_entry() -> None:
    with pytest.raises(
        ParseError, match="the server reports an error: incorrect id format for zzz"
    ):
        parse_fixture("arxiv_api_error.xml", kind=FeedKind.ARXIV_API)


def test_an_arxiv_rss_error_document_is_an_error() -> None:
    body = rss(b"<description>no such archive</description>", title=b"Feed error for query: cs.ZZ")

    with pytest.raises(ParseError, match=r"Feed error for query: cs.ZZ \(no such archive\)"):
        parse_bytes(body)


def test_a_title_of_before_2024_is_split_into_title_id_category_and_announce_type() -> None:
    body = rss(
        b"<item><title>Planning by halves. (arXiv:2310.00229v2 [cs.AI] UPDATED)</title>"
        b"<link>http://arxiv.org/abs/2310.00229</link>"
        b"<pubDate>Tue, 03 Oct 2023 00:30:00 GMT</pubDate></item>"
    )

    entry = parse_bytes(body).entries[0]

    assert entry.title == "Planning by halves"
    assert entry.identifiers[0] == "arXiv:2310.00229v2"
    assert entry.tags == ("cs.AI",)
    assert entry.announce is Announce.REPLACE
    assert entry.listed_on == date(2023, 10, 2)


@pytest.mark.parametrize(
    ("title", "announce"),
    [
        ("T. (arXiv:2310.00010v1 [cs.LG])", Announce.NEW),
        ("T. (arXiv:2310.00010v1 [cs.LG] CROSS LISTED)", Announce.CROSS),
        ("T. (arXiv:2310.00010v1 [cs.LG] UPDATED)", Announce.REPLACE),
        ("T (a study of arXiv)", None),
    ],
)
def test_the_announce_type_of_an_old_title_is_its_last_word(
    title: str, announce: Announce | None
) -> None:
    assert arxiv.read_title(title).announce is announce


def test_the_links_of_the_2024_migration_lead_to_the_paper() -> None:
    body = rss(
        b"<item><title>Soaring</title><link>https://rss.arxiv.org/abs/2401.03462</link></item>"
    )

    entry = parse_bytes(body).entries[0]

    assert entry.url == "https://arxiv.org/abs/2401.03462"
    assert entry.identifiers[0] == "arXiv:2401.03462"


@pytest.mark.parametrize(
    ("page", "arxiv_id"),
    [
        ("https://arxiv.org/abs/2602.00001v2", "2602.00001v2"),
        ("http://www.arxiv.org/pdf/2602.00001.pdf", "2602.00001"),
        ("https://huggingface.co/papers/2602.00001", "2602.00001"),
        ("https://tldr.takara.ai/p/2602.00001", "2602.00001"),
        ("https://arxiv.org/abs/math.GT/0309136", "math.GT/0309136"),
        ("https://example.org/p/2602.00001", ""),
        ("https://doi.org/10.1000/2602.00001", ""),
        ("https://arxiv.org/list/cs.CL", ""),
    ],
)
def test_only_pages_of_known_sites_name_an_arxiv_paper(page: str, arxiv_id: str) -> None:
    assert arxiv.id_of_page(page) == arxiv_id


def test_an_unknown_announce_type_is_none() -> None:
    assert arxiv.announce_type("withdrawn") is None
    assert arxiv.announce_type(None) is None


def test_an_answer_without_the_entries_it_counts_is_no_quiet_day() -> None:
    body = (
        b"<feed xmlns='http://www.w3.org/2005/Atom' "
        b"xmlns:opensearch='http://a9.com/-/spec/opensearch/1.1/'><title>arXiv</title>"
        b"<opensearch:totalResults>214881</opensearch:totalResults>"
        b"<opensearch:startIndex>100</opensearch:startIndex>"
        b"<opensearch:itemsPerPage>100</opensearch:itemsPerPage></feed>"
    )

    with pytest.raises(ParseError, match="counts 214,881 entries and gives none of them"):
        parse_bytes(body, kind=FeedKind.ARXIV_API)
