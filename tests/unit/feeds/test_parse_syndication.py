from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.errors import ParseError
from digest.feeds.parse import parse_document
from digest.model import FeedKind
from tests.support.feed_fixtures import fixture_bytes, parse_bytes, parse_fixture, rss

ITEM = b"<item><title>One</title><link>https://example.org/1</link></item>"


def test_the_unofficial_daily_papers_feed_gives_upvotes_and_authors() -> None:
    entry = parse_fixture("hf_unofficial.xml").entries[0]

    assert entry.upvotes == 52
    assert entry.authors == ("Rosa P., Bernd & Söhne",)
    assert entry.abstract == "A robot walks. It falls if a < b, and gets up."
    assert entry.identifiers[0] == "arXiv:2602.00505"
    assert entry.listed_on is None


def test_an_rdf_item_gives_doi_date_and_trimmed_texts() -> None:
    entry = parse_fixture("biorxiv.rdf").entries[0]

    assert entry.title == "Roots that remember"
    assert entry.url == "http://biorxiv.org/cgi/content/short/700001v1?rss=1"
    assert entry.identifiers[0] == "doi:10.1101/700001"
    assert entry.authors == ("Linn, C., Ray, J.",)
    assert entry.published_at == datetime(2026, 1, 29, tzinfo=UTC)
    assert entry.venue == "bioRxiv"


def test_a_pubmed_item_gives_the_whole_abstract_and_both_identifiers() -> None:
    entry = parse_fixture("pubmed.xml").entries[0]

    assert entry.source_id == "pubmed:39000001"
    assert entry.identifiers[:2] == ("doi:10.1016/j.naps.2026.1", "pubmed:39000001")
    assert entry.abstract.startswith("We let people sleep")
    assert "those who stayed up" in entry.abstract
    assert entry.authors == ("Nina Nap", "Theo Doze")
    assert entry.venue == "Journal of Naps"
    assert (
        entry.url
        == "https://pubmed.ncbi.nlm.nih.gov/39000001/?utm_source=My%20Reader&utm_medium=rss"
    )


def test_labelled_paragraphs_are_read_as_what_their_labels_say() -> None:
    entry = parse_fixture("publisher_labels.xml").entries[0]

    assert entry.abstract == "All doors are keyed, some <i>twice</i>."
    assert entry.authors == ("Karl L., Maria S. M.",)
    assert entry.identifiers[0] == "10.3897/doors.12.7"


def test_a_description_of_bibliographic_labels_alone_is_no_abstract() -> None:
    entry = parse_fixture("publisher_labels.xml").entries[1]

    assert entry.abstract == ""
    assert entry.authors == ("Dora K.",)
    assert entry.venue == "Doors, Volume 13"
    assert entry.url == "https://feeds.example.org/article/8/"
    assert entry.published_at == datetime(2021, 10, 16, 9, 23, 28, tzinfo=UTC)


def test_an_id_made_for_one_visitor_is_no_id() -> None:
    entry = parse_fixture("publisher_labels.xml").entries[2]

    assert entry.source_id is None
    assert entry.authors == ("Guo SHU;Ping LIU",)
    assert entry.abstract == "Salamanders move, and are counted."


def test_a_long_text_beside_labels_stays_the_abstract() -> None:
    words = b"A post with much to say of salamanders. " * 10
    body = rss(
        b"<item><title>One</title><description><![CDATA[<p>Authors: Ann</p><p>"
        + words
        + b"</p>]]></description></item>"
    )

    entry = parse_bytes(body).entries[0]

    assert entry.authors == ("Ann",)
    assert entry.abstract.count("salamanders") == 10


@pytest.mark.parametrize(
    "scrap", [b"Volume 67, Issue 4, December 2021, Page 283-289&lt;br/&gt;. ", b"TAXON, EarlyView."]
)
def test_a_bare_citation_is_no_abstract(scrap: bytes) -> None:
    body = rss(b"<item><title>One</title><description>" + scrap + b"</description></item>")

    assert parse_bytes(body).entries[0].abstract == ""


def test_a_journal_name_that_repeats_the_title_is_no_venue() -> None:
    body = (
        b'<rss version="2.0" xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>A feed</title><item>'
        b"<title>One</title><prism:publicationName>One</prism:publicationName>"
        b"<dc:source>Journal of Ones</dc:source><prism:doi>10.1000/one</prism:doi>"
        b"</item></channel></rss>"
    )

    entry = parse_bytes(body).entries[0]

    assert entry.venue == "Journal of Ones"
    assert entry.identifiers == ("10.1000/one",)


def test_entries_without_a_title_are_left_out_with_a_warning() -> None:
    parsed = parse_bytes(rss(ITEM + b"<item><link>https://example.org/2</link></item>"))

    assert [entry.title for entry in parsed.entries] == ["One"]
    assert parsed.warnings == ("1 of 2 entries have no title and were left out",)


def test_links_that_are_no_web_addresses_are_dropped() -> None:
    body = rss(b"<item><title>One</title><link>javascript:alert(1)</link></item>")

    assert parse_bytes(body).entries[0].url is None


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "the document is empty"),
        (b" \n\t ", "the document is empty"),
        (b"<!DOCTYPE html><html><body>Sorry</body></html>", "this is an HTML page, not a feed"),
        (b"<?xml version='1.0'?>\n<!-- x --><HTML><p>", "this is an HTML page, not a feed"),
        (b"<div>maintenance</div><body>", "this is an HTML page, not a feed"),
        (b"just words", "this is no feed: it has no RSS, Atom or RDF root element"),
        (b"\x1f\x8b\x08\x00", "this is a gzip archive, not a feed"),
        (b"%PDF-1.7", "this is a PDF file, not a feed"),
        (b"\x00\x01\x02\xff\xfe", "this is no feed"),
        (b'<rss version="2.0"><channel><title>A', "the document is broken and holds no entry"),
        (b'<rss version="2.0"><channel><item><title>A', "breaks off within its first entry"),
    ],
)
def test_what_is_no_feed_is_refused_in_plain_words(body: bytes, cause: str) -> None:
    with pytest.raises(ParseError, match=cause):
        parse_bytes(body)


def test_a_document_that_breaks_off_loses_its_last_entry_and_says_so() -> None:
    whole = rss(ITEM + b"<item><title>Two, of which the rest is miss")
    body = whole[: whole.index(b"</channel>")]

    parsed = parse_bytes(body)

    assert [entry.title for entry in parsed.entries] == ["One"]
    assert parsed.warnings == ("the document breaks off: its last entry was left out",)


def test_a_feed_that_is_not_well_formed_but_complete_is_kept_with_a_warning() -> None:
    parsed = parse_bytes(rss(b"<item><title>Salt & pepper</title></item>"))

    assert [entry.title for entry in parsed.entries] == ["Salt & pepper"]
    assert len(parsed.warnings) == 1
    assert parsed.warnings[0].startswith("not well-formed: ")


def test_undeclared_prefixes_and_a_double_declaration_are_mended() -> None:
    body = (
        b'<!-- made by hand --><?xml?xml version="1.0" ??><rss rss:version=2.0><rss:channel>'
        b"<rss:title>A feed</rss:title><rss:item><rss:title>One</rss:title></rss:item>"
        b"</rss:channel></rss>"
    )

    parsed = parse_bytes(body)

    assert [entry.title for entry in parsed.entries] == ["One"]
    assert "undeclared prefix" in parsed.warnings[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_wide_encodings_are_read_whatever_the_document_declares(encoding: str) -> None:
    text = rss("<item><title>Größe</title></item>".encode()).decode()
    body = ('<?xml version="1.0" encoding="utf-16"?>' + text).encode(encoding)

    assert parse_bytes(body).entries[0].title == "Größe"


@pytest.mark.parametrize(
    "reference", [b"&#xD800;", b"&#x00dfff;", b"&#55296;", b"&#57343;", b"&#0;", b"&#x0;"]
)
def test_a_reference_to_no_character_costs_nothing_but_itself(reference: bytes) -> None:
    parsed = parse_bytes(rss(b"<item><title>A" + reference + b"B &#57344;</title></item>" + ITEM))

    assert [entry.title for entry in parsed.entries] == ["AB \ue000", "One"]


def test_utf8_under_a_latin_label_is_recognised() -> None:
    body = rss(
        "<item><title>Größe</title></item>".encode(),
        declaration=b'<?xml version="1.0" encoding="ISO-8859-1"?>',
    )

    parsed = parse_bytes(body)

    assert parsed.entries[0].title == "Größe"
    assert parsed.warnings == ("declared as iso-8859-1, but not written in it",)


def test_bytes_that_are_not_the_declared_utf8_are_read_all_the_same() -> None:
    body = rss(
        "<item><title>Größe</title></item>".encode("latin-1"),
        declaration=b'<?xml version="1.0" encoding="utf-8"?>',
    )

    assert parse_bytes(body).entries[0].title == "Größe"


def test_the_servers_character_set_counts_where_the_document_names_none() -> None:
    body = rss("<item><title>Цитата</title></item>".encode("windows-1251"))

    with_charset = parse_bytes(body, content_type="text/xml; charset=windows-1251")
    with_nonsense = parse_bytes(body, content_type="text/xml; charset=klingon")

    assert with_charset.entries[0].title == "Цитата"
    assert with_nonsense.entries[0].title != "Цитата"


def test_texts_are_cut_to_their_limits() -> None:
    body = rss(
        b"<item><title>"
        + b"t" * 5_000
        + b"</title><description>"
        + b"d" * 50_000
        + b"</description><author>"
        + b"a" * 40_000
        + b"</author>"
        + b"".join(b"<category>c%d</category>" % number for number in range(80))
        + b"</item>"
    )

    entry = parse_bytes(body).entries[0]

    assert len(entry.title) == 1_000
    assert len(entry.abstract) == 20_000
    assert len("".join(entry.authors)) == 5_000
    assert len(entry.tags) == 50


def test_entries_beyond_the_limit_are_left_out() -> None:
    parsed = parse_document(
        rss(ITEM * 4), kind=FeedKind.FEED, url="https://example.org/", max_entries=3
    )

    assert len(parsed.entries) == 3
    assert parsed.warnings == ("only the first 3 of 4 entries were read",)


def test_deep_nesting_is_refused_and_does_not_crash() -> None:
    body = rss(b"<item><title>One</title>" + b"<a>" * 10_000 + b"</item>")

    parsed = parse_bytes(body)

    assert len(parsed.entries) <= 1


def test_a_feed_of_another_kind_than_said_is_refused() -> None:
    with pytest.raises(ParseError, match="this is not valid JSON"):
        parse_bytes(fixture_bytes("arxiv_rss20.xml"), kind=FeedKind.HF_DAILY)
    with pytest.raises(ParseError, match="this is no feed"):
        parse_bytes(fixture_bytes("hf_daily.json"), kind=FeedKind.ARXIV_API)


def test_entries_where_no_feed_has_them_are_a_failure_and_no_empty_day() -> None:
    body = b"<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title><!-- -->%s</feed>"

    with pytest.raises(ParseError) as caught:
        parse_bytes(body % b"<o:entry xmlns:o='urn:other'><title>T</title></o:entry>")

    assert caught.value.cause == "it holds entries, but none where a feed has them"
    assert parse_bytes(body % b"<!-- <entry> --><subtitle>a list of items</subtitle>").entries == ()
