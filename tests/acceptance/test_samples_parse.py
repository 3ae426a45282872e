"""Real documents, read where they are present: every one gives entries or one clear error.

The counts were taken from the documents' own elements (`<item`, `<entry`, JSON rows), not
from our parser; where it gives fewer, the reason stands beside the number.
"""

from __future__ import annotations

import json
import lzma
import re
import tarfile
from html import escape
from pathlib import Path

import pytest

from digest.errors import ParseError
from digest.model import Announce, FeedKind
from tests.support.feed_fixtures import parse_bytes, rss

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"
pytestmark = [
    pytest.mark.samples,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"{SAMPLES} is not there"),
]

ENTRIES = {
    "arxiv_api/arxiv_api_cs.LG_cs.AI_2026-04-30.xml": 20,
    "arxiv_api/id_0000.0000_s0_m100.body.xml": 0,
    "arxiv_api/id_0808.05394_1707.08567_s0_m100.body.xml": 1,
    "arxiv_api/id_0808.05394_s0_m100.body.xml": 0,
    "arxiv_api/id_1605.08386_s0_m100.body.xml": 1,
    "arxiv_api/id_1707.08567_s0_m100.body.xml": 1,
    "arxiv_api/id_2104.12255v1_s0_m100.body.xml": 1,
    "arxiv_api/id_astro-ph_0601001_s0_m100.body.xml": 1,
    "arxiv_api/id_quant-ph_0201082v1_s0_m100.body.xml": 1,
    "arxiv_api/q_testing_s0_m10.body.xml": 10,
    "arxiv_api/q_testing_s0_m100.body.xml": 100,
    "arxiv_api/q_testing_s0_m15.body.xml": 15,
    "arxiv_api/q_testing_s10_m10.body.xml": 10,
    "arxiv_api/q_testing_s20_m10.body.xml": 10,
    "arxiv_api/q_testing_s30_m10.body.xml": 10,
    "arxiv_api/q_testing_s40_m10.body.xml": 10,
    "arxiv_api/q_testing_s50_m10.body.xml": 10,
    "arxiv_api/q_testing_s5_m10.body.xml": 10,
    "arxiv_api/q_testing_s5_m15.body.xml": 15,
    "arxiv_api/q_testing_s9_m15.body.xml": 15,
    "arxiv_rss/arxiv_atom_cs.AI_2025-08-20.xml": 7,
    "arxiv_rss/arxiv_rss20_cs.AI_2026-04-27_trimmed.xml": 3,
    "arxiv_rss/arxiv_rss20_cs.CL_2026-04-27_trimmed.xml": 3,
    "arxiv_rss/arxiv_rss20_cs.LG_2026-04-27_trimmed.xml": 3,
    "arxiv_rss/arxiv_rss_empty_holiday_physics_2025-12-31.xml": 0,
    "arxiv_rss/arxiv_rss_empty_sunday_cs_2025-04-27.xml": 0,
    "arxiv_rss/thirdparty_cn-chat-arxiv_cs.LG_2026-08-13.xml": 260,
    "arxiv_rss/thirdparty_lionelsy_arxiv15_2026-01-02.rss.xz": 606,
    "biorxiv/biorxiv_bioengineering_2019-11-29.rdf": 1,
    "crossref/prefixes_field_queries_0.json": 20,
    "crossref/works_field_queries_0.json": 20,
    "crossref/works_with_many_ids_0.json": 1,
    "crossref/works_with_many_ids_1.json": 1,
    "hf_daily/api_daily_papers_2024-10-25_sample2.json": 2,
    "hf_daily/api_daily_papers_2026-03-06_sample1.json": 1,
    "hf_daily/api_daily_papers_2026-05-18_first2.json": 2,
    "hf_daily/hf_feed_latest.xml": 30,
    "hf_daily/hf_feed_monthly_latest.xml": 105,
    "hf_daily/hf_feed_weekly_latest.xml": 6,
    "hf_daily/huangboming_feed_2026-04-30.xml": 22,
    "hf_daily/takara_feed_2026-04-30.xml": 50,
    "labs/bair_blog.xml": 3,
    "labs/deepmind_blog.xml": 3,
    "labs/feed_anthropic_engineering.xml": 25,
    "labs/feed_anthropic_news.xml": 255,
    "labs/feed_anthropic_research.xml": 17,
    "labs/feed_cohere.xml": 50,
    "labs/feed_eleuther_papers.xml": 5,
    "labs/feed_goodfire.xml": 38,
    "labs/feed_google_ai.xml": 10,
    "labs/feed_meta_ai.xml": 88,
    "labs/feed_mistral.xml": 54,
    "labs/feed_openai_research.xml": 194,
    "labs/feed_the_batch.xml": 372,
    "labs/gradient_blog.xml": 3,
    "labs/huggingface_blog.xml": 3,
    "labs/openai_blog.xml": 3,
    "large/reconstructed_arxiv_rss20_2000items.xml.xz": 2000,
    "publishers/cambridge_atom_2021-12-21.xml": 15,
    "publishers/cnjournals_zh_badcomment.xml": 10,
    "publishers/cnki_zh_rss20_2021-12-21.xml": 20,
    "publishers/ijsem_rss20_2021-12-21.xml": 25,
    "publishers/ingenta.rdf": 11,
    "publishers/jstage_empty_atom_2021-12-21.xml": 0,
    "publishers/ojs_atom_2021-12-21.xml": 9,
    "publishers/ojs_rdf_2021-12-21.xml": 25,
    "publishers/oup_rss20_2021-12-21.xml": 14,
    "publishers/pensoft_rss091_2021-12-21.xml": 100,
    "publishers/sciencedirect_rss20_2021-12-21.xml": 51,
    "publishers/tandf_rdf_2021-12-21.xml": 13,
    "publishers/treebase.rdf": 3,
    "publishers/wiley_taxon_rss20_2021-12-21.xml": 66,
    "pubmed/pubmed_search_2021-12-14.xml": 15,
    "robustness/miniflux/encoding_ISO-8859-1.xml": 40,
    "robustness/miniflux/encoding_WINDOWS-1251.xml": 50,
    "robustness/miniflux/large_atom.xml": 25,
    "robustness/miniflux/large_rss.xml": 25,
    "robustness/miniflux/no_encoding_ISO-8859-1.xml": 10,
    "robustness/miniflux/rdf_UTF8.xml": 60,
    "robustness/miniflux/small_atom.xml": 20,
    "robustness/miniflux/urdu_UTF8.xml": 26,
    "robustness/misc/benchmark_data_705749c3b1bd02d8.xml": 15,
    "robustness/misc/benchmark_data_7ef13a42fa7e177a.xml": 35,
    "robustness/misc/davidbau.xml": 15,
    "robustness/misc/json_feed_sample.json": 2,
    "robustness/misc/malformed_rss_namespaced.xml": 2,
    "robustness/misc/utf16_encoded.xml": 1,
    "robustness/reader/empty.atom": 1,
    "robustness/reader/empty.rss": 1,
    "robustness/reader/full.atom": 5,
    "robustness/reader/full.json": 2,
    "robustness/reader/full.rss": 5,
    "robustness/reader/invalid.json": 8,
    "robustness/reader/relative.atom": 1,
    "robustness/reader/relative.rss": 1,
}
ERRORS = {
    "arxiv_api/id_abc_s0_m100.body.xml": (
        "the server reports an error: incorrect id format for abc"
    ),
    "large/arxiv_cs.DS_ids_titles.tsv": (
        "this is no feed: it has no RSS, Atom or RDF root element"
    ),
    "large/arxiv_daily_2026-05.jsonl.tar.xz": "this is an xz archive, not a feed",
    "large/hf_daily_feed_snapshots_2025-04_2026-02.tar.xz": "this is an xz archive, not a feed",
    "publishers/not_a_feed_e379dc5d.xml": "this is an HTML page, not a feed",
    "robustness/reader/unknown.json": (
        "this is a JSON Feed of a version that we do not read (https://jsonfeed.org/version/1234)"
    ),
}
UNTITLED = {
    "robustness/miniflux/no_encoding_ISO-8859-1.xml": 1,
    "robustness/reader/empty.atom": 1,
    "robustness/reader/empty.rss": 1,
    "robustness/reader/full.atom": 3,
    "robustness/reader/full.json": 1,
    "robustness/reader/full.rss": 3,
    "robustness/reader/invalid.json": 7,
    "robustness/reader/relative.atom": 1,
    "robustness/reader/relative.rss": 1,
}
OLD_ITEMS = "arxiv_rss/items_2023-24_old_format"


def read(name: str) -> bytes:
    body = (SAMPLES / name).read_bytes()
    return lzma.decompress(body) if name.endswith((".xml.xz", ".rss.xz")) else body


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_real_document_gives_its_entries(name: str) -> None:
    parsed = parse_bytes(read(name))

    assert len(parsed.entries) == ENTRIES[name] - UNTITLED.get(name, 0)


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_a_real_document_that_is_no_feed_gives_one_clear_error(name: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_bytes(read(name))

    assert caught.value.cause == ERRORS[name]


def test_no_document_is_left_out() -> None:
    found = {
        str(path.relative_to(SAMPLES))
        for path in SAMPLES.rglob("*")
        if path.is_file() and path.name != "SOURCES.md" and OLD_ITEMS not in str(path)
    }

    assert found == ENTRIES.keys() | ERRORS.keys()


def test_items_of_the_years_before_2024_give_id_and_announce_type() -> None:
    announced: dict[str, int] = {}
    paths = sorted((SAMPLES / OLD_ITEMS).iterdir())
    for path in paths:
        row = json.loads(path.read_bytes())
        item = (
            f"<item><title>{escape(row['title'])}</title><link>{escape(row['link'])}</link>"
            f"<description>{escape(row['abstract'])}</description></item>"
        )
        (entry,) = parse_bytes(rss(item.encode())).entries
        arxiv_id = entry.identifiers[0].removeprefix("arXiv:")
        assert re.sub(r"v\d+$", "", arxiv_id) == path.stem.split("_")[1]
        assert "arXiv:" not in entry.title
        assert "Announce Type" not in entry.abstract
        word = entry.announce.value if entry.announce else "none"
        announced[word] = announced.get(word, 0) + 1

    assert len(paths) == 28
    assert announced == {"new": 8, "none": 10, "replace": 8, "replace-cross": 2}


def test_all_arxiv_and_hugging_face_entries_name_their_arxiv_id() -> None:
    for name in ENTRIES:
        if not name.startswith(("arxiv_", "hf_daily/", "labs/feed_eleuther", "large/recon")):
            continue
        for entry in parse_bytes(read(name)).entries:
            assert entry.identifiers[0].startswith("arXiv:"), (name, entry)


def test_every_daily_snapshot_gives_its_papers_with_upvotes_and_authors() -> None:
    archive = SAMPLES / "large/hf_daily_feed_snapshots_2025-04_2026-02.tar.xz"
    snapshots = entries = 0
    with tarfile.open(archive, "r:xz") as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is None:
                continue
            body = stream.read()
            parsed = parse_bytes(body, kind=FeedKind.FEED)
            assert len(parsed.entries) == body.count(b"<item>"), member.name
            assert all(entry.upvotes is not None for entry in parsed.entries), member.name
            snapshots += 1
            entries += len(parsed.entries)

    assert snapshots == 308
    assert entries == 8334


def test_a_full_arxiv_day_keeps_every_announce_type_and_abstract() -> None:
    parsed = parse_bytes(read("large/reconstructed_arxiv_rss20_2000items.xml.xz"))

    assert {entry.announce for entry in parsed.entries} <= set(Announce)
    assert all(entry.listed_on is not None for entry in parsed.entries)
    assert all("Announce Type" not in entry.abstract for entry in parsed.entries)
    assert all(entry.abstract and entry.authors for entry in parsed.entries)
