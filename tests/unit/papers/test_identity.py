from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import Alias, Entry
from digest.papers.identity import (
    aliases_of,
    canonical_order,
    fold_title,
    is_preprint_doi,
    parse_alias,
    url_of,
    version_of,
)

NEW_IDS = st.builds(
    lambda year, month, number: f"{year:02d}{month:02d}.{number:05d}",
    st.integers(7, 40),
    st.integers(1, 12),
    st.integers(0, 99999),
)
OLD_IDS = st.builds(
    lambda archive, number: f"{archive}/{number:07d}",
    st.sampled_from(["cs", "math", "hep-th", "quant-ph", "astro-ph", "cmp-lg"]),
    st.integers(0, 9999999),
)
IDS = NEW_IDS | OLD_IDS
PREFIXES = st.sampled_from(
    [
        "arXiv:",
        "arxiv:",
        "oai:arXiv.org:",
        "https://arxiv.org/abs/",
        "http://arxiv.org/pdf/",
        "https://arxiv.org/html/",
        "https://export.arxiv.org/abs/",
        "https://rss.arxiv.org/abs/",
        "https://huggingface.co/papers/",
        "https://tldr.takara.ai/p/",
        "https://www.alphaxiv.org/abs/",
        "https://doi.org/10.48550/arXiv.",
        "10.48550/arxiv.",
        "doi:10.48550/arXiv.",
        "arxiv.org/abs/",
    ]
)
VERSIONS = st.sampled_from(["", "v1", "v2", "v13"])
TAILS = st.sampled_from(["", "?context=cs", "#S1", " "])


@given(PREFIXES, IDS, VERSIONS, TAILS)
def test_arxiv_ids_are_version_blind_behind_every_known_prefix(
    prefix: str, arxiv_id: str, version: str, tail: str
) -> None:
    assert parse_alias(f"{prefix}{arxiv_id}{version}{tail}") == f"arxiv:{arxiv_id}"


@given(IDS, VERSIONS)
def test_a_person_may_type_the_bare_id(arxiv_id: str, version: str) -> None:
    assert parse_alias(f" {arxiv_id}{version} ") == f"arxiv:{arxiv_id}"


@given(st.integers(1000, 99999), NEW_IDS, VERSIONS)
def test_a_number_inside_a_doi_is_no_arxiv_id(registrant: int, arxiv_id: str, version: str) -> None:
    found = parse_alias(f"https://doi.org/10.{registrant}/{arxiv_id}{version}")

    assert found is not None
    assert found.startswith("doi:")


@given(NEW_IDS, st.sampled_from(["https://example.org/", "https://arxiv.org.evil.com/abs/", "id-"]))
def test_an_unknown_prefix_gives_no_arxiv_id(arxiv_id: str, prefix: str) -> None:
    entry = Entry(title="Some title of a thing", source_id=f"{prefix}{arxiv_id}")

    assert not [a for a in aliases_of(entry, feed_name="f") if a.startswith("arxiv:")]


@given(st.text(max_size=60))
def test_reading_an_alias_twice_changes_nothing(text: str) -> None:
    found = parse_alias(text)

    assert found is None or parse_alias(found) == found


@given(st.from_regex(r"10\.\d{4,6}/[A-Za-z0-9().;:_/-]{1,20}", fullmatch=True))
def test_dois_are_the_same_in_every_form(doi: str) -> None:
    found = parse_alias(doi)

    assert parse_alias(f"doi:{doi}") == found
    assert parse_alias(f"https://doi.org/{doi}?rft_dat=x") == found
    assert parse_alias(f"http://dx.doi.org/{doi.upper()}.") == found
    assert found is None or parse_alias(found) == found


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("math.GT/0309136v2", "arxiv:math/0309136"),
        ("arXiv:cond-mat.str-el/0309136", "arxiv:cond-mat/0309136"),
        ("https://arxiv.org/pdf/2501.12345v3.pdf", "arxiv:2501.12345"),
        ("0704.0001", "arxiv:0704.0001"),
        ("doi:10.1000/ABC.", "doi:10.1000/abc"),
        ("doi:10.1101/2019.12.01.857789v2", "doi:10.1101/2019.12.01.857789"),
        (
            "https://www.biorxiv.org/content/10.64898/2026.01.01.857789v2.full.pdf",
            "doi:10.64898/2026.01.01.857789",
        ),
        (
            "https://www.microbiologyresearch.org/content/ijsem/10.1099/ijsem.0.005019?TRACK=RSS",
            "doi:10.1099/ijsem.0.005019",
        ),
        (
            "https://onlinelibrary.wiley.com/doi/full/10.1002/tax.12650?af=R",
            "doi:10.1002/tax.12650",
        ),
        ("https://x.org/doi/10.1002/tax.12650/abstract", "doi:10.1002/tax.12650"),
        ("https://dx.doi.org/10.4039%2Ftce.2021.38", "doi:10.4039/tce.2021.38"),
        (
            "10.1002/(SICI)1097-0258(19980815)17:15<1661::AID-SIM968>3.0.CO;2-2",
            "doi:10.1002/(sici)1097-0258(19980815)17:15<1661::aid-sim968>3.0.co;2-2",
        ),
        ("doi:10.1000/abc)", "doi:10.1000/abc"),
        ("pubmed:34902460", "pmid:34902460"),
        ("PMID: 34902460", "pmid:34902460"),
        ("https://pubmed.ncbi.nlm.nih.gov/34902460/?utm_source=x y", "pmid:34902460"),
        ("feed:bair:bair.berkeley.edu/blog/1", "feed:bair:bair.berkeley.edu/blog/1"),
        ("title:0123456789abcdef", "title:0123456789abcdef"),
    ],
)
def test_identifiers_are_read_as_people_and_feeds_write_them(text: str, alias: str) -> None:
    assert parse_alias(text) == alias


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "2501.123",
        "2513.12345",
        "9913.12345",
        "feed:",
        "title:",
        "10.1/x",
        "http://[x",
        "10.1000/",
        "https://example.org/a",
        "doi:10.1000/...",
        "https://x.org/" + "10.1000" * 9000,
    ],
)
def test_what_is_no_identifier_is_none(text: str) -> None:
    assert parse_alias(text) is None


def test_an_entry_has_one_arxiv_id_the_best_one() -> None:
    entry = Entry(
        title="A study of things that are",
        identifiers=("arXiv:2501.00001v2", "https://arxiv.org/abs/2501.00002", "doi:10.1000/x"),
        source_id="oai:arXiv.org:2501.00001v3",
        url="https://arxiv.org/abs/2501.00001",
    )

    assert aliases_of(entry, feed_name="f") == ("arxiv:2501.00001", "doi:10.1000/x")
    assert version_of(entry) == 3


def test_a_bare_number_as_guid_is_the_feeds_own_id() -> None:
    entry = Entry(title="Something", source_id="2501.00001")

    assert aliases_of(entry, feed_name="f")[0] == "feed:f:2501.00001"


def test_title_and_first_author_make_a_key_across_feeds() -> None:
    one = Entry(title="A Study of things: naïve", authors=("Ada Byron", "Bo Chen"), source_id="1")
    other = Entry(title="a study of Things — naive", authors=("Byron A, Chen B",), source_id="x")

    keys = [
        {a for a in aliases_of(entry, feed_name=name) if a.startswith("title:")}
        for entry, name in ((one, "a"), (other, "b"))
    ]

    assert keys[0] == keys[1] != set()


@pytest.mark.parametrize(
    "title", ["Editorial", "Erratum", "Letter to the Editor", "On trees", "Web page"]
)
def test_generic_and_short_titles_make_no_key_across_feeds(title: str) -> None:
    entry = Entry(title=title, authors=("Ada Byron",), source_id="1")

    assert not [a for a in aliases_of(entry, feed_name="a") if a.startswith("title:")]


def test_generic_titles_of_two_months_have_different_keys_within_a_feed() -> None:
    months = [
        Entry(title="Editorial", published_at=datetime(2026, month, 1, tzinfo=UTC))
        for month in (1, 2)
    ]
    undated = [Entry(title="Editorial", abstract=text) for text in ("On x", "On y")]

    keys = {aliases_of(entry, feed_name="a") for entry in (*months, *undated)}

    assert len(keys) == 4


def test_canonical_order_puts_the_preprint_before_the_journal() -> None:
    aliases = [
        "title:k",
        "doi:10.1000/a",
        "pmid:5",
        "doi:10.1101/z",
        "arxiv:2501.00001",
        "feed:f:1",
    ]

    assert canonical_order(Alias(alias) for alias in aliases) == (
        "arxiv:2501.00001",
        "doi:10.1101/z",
        "doi:10.1000/a",
        "pmid:5",
        "feed:f:1",
        "title:k",
    )


def test_versions_come_from_arxiv_and_biorxiv_only() -> None:
    assert version_of(Entry(title="x", source_id="doi:10.1101/1234v2")) == 2
    assert version_of(Entry(title="x", source_id="doi:10.1000/1234v2")) is None
    assert version_of(Entry(title="x", url="https://arxiv.org/abs/2501.00001")) is None


@pytest.mark.parametrize(
    ("alias", "url"),
    [
        ("arxiv:math/0309136", "https://arxiv.org/abs/math/0309136"),
        ("doi:10.1002/a<b", "https://doi.org/10.1002/a%3Cb"),
        ("pmid:5", "https://pubmed.ncbi.nlm.nih.gov/5/"),
        ("feed:f:1", None),
    ],
)
def test_aliases_lead_to_the_web(alias: str, url: str | None) -> None:
    assert url_of(Alias(alias)) == url


def test_preprint_dois_are_told_by_their_prefix() -> None:
    assert is_preprint_doi(Alias("doi:10.1101/1"))
    assert not is_preprint_doi(Alias("doi:10.1038/1"))


def test_folded_titles_ignore_case_accents_and_punctuation() -> None:
    assert fold_title("Über—Ärger: (2) Fälle!") == "uber arger 2 falle"
