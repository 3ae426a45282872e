"""Identity on real documents, read where they are present: nothing joined wrongly.

Expected numbers come from the documents' own ids, not from our code.
"""

from __future__ import annotations

import json
import lzma
import re
import tarfile
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.model import Alias, Entry, IngestPlan, KnownPapers, PaperIntent, ParsedFeed
from digest.papers.decide import decide_entries, intents_of
from digest.papers.text import clean_abstract
from tests.support.feed_fixtures import parse_bytes
from tests.support.paper_world import T0, document, feed_record

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"
pytestmark = [
    pytest.mark.samples,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"{SAMPLES} is not there"),
]
FEED = feed_record("sample")
NOW = datetime(2026, 11, 20, tzinfo=UTC)

ONE_PAPER_AN_ENTRY = {
    "arxiv_api/arxiv_api_cs.LG_cs.AI_2026-04-30.xml": ("arxiv", 20),
    "arxiv_api/id_astro-ph_0601001_s0_m100.body.xml": ("arxiv", 1),
    "arxiv_api/id_quant-ph_0201082v1_s0_m100.body.xml": ("arxiv", 1),
    "arxiv_api/q_testing_s0_m100.body.xml": ("arxiv", 100),
    "arxiv_rss/arxiv_atom_cs.AI_2025-08-20.xml": ("arxiv", 7),
    "arxiv_rss/arxiv_rss20_cs.CL_2026-04-27_trimmed.xml": ("arxiv", 3),
    "arxiv_rss/thirdparty_cn-chat-arxiv_cs.LG_2026-08-13.xml": ("arxiv", 260),
    "biorxiv/biorxiv_bioengineering_2019-11-29.rdf": ("doi", 1),
    # Of 20 works, 10.1101/014852 is the preprint of 10.1002/ece3.2314, and Crossref says so.
    "crossref/works_field_queries_0.json": ("doi", 19),
    "hf_daily/api_daily_papers_2024-10-25_sample2.json": ("arxiv", 2),
    "hf_daily/api_daily_papers_2026-05-18_first2.json": ("arxiv", 2),
    "hf_daily/hf_feed_latest.xml": ("arxiv", 30),
    "hf_daily/hf_feed_monthly_latest.xml": ("arxiv", 105),
    "hf_daily/huangboming_feed_2026-04-30.xml": ("arxiv", 22),
    "hf_daily/takara_feed_2026-04-30.xml": ("arxiv", 50),
    "labs/feed_eleuther_papers.xml": ("arxiv", 5),
    "labs/feed_anthropic_news.xml": ("feed", 255),
    "labs/feed_openai_research.xml": ("feed", 194),
    "labs/feed_the_batch.xml": ("feed", 372),
    "publishers/cambridge_atom_2021-12-21.xml": ("doi", 15),
    "publishers/cnki_zh_rss20_2021-12-21.xml": ("feedtitle", 20),
    "publishers/ijsem_rss20_2021-12-21.xml": ("doi", 25),
    "publishers/oup_rss20_2021-12-21.xml": ("doi", 14),
    "publishers/pensoft_rss091_2021-12-21.xml": ("doi", 100),
    "publishers/sciencedirect_rss20_2021-12-21.xml": ("feed", 51),
    "publishers/tandf_rdf_2021-12-21.xml": ("doi", 13),
    "publishers/wiley_taxon_rss20_2021-12-21.xml": ("doi", 66),
    "pubmed/pubmed_search_2021-12-14.xml": ("doi", 15),
}
# What is meant to change: macros, citation keys, links' markup.
MEANT_TO_GO = re.compile(
    r"\\(?:cite[a-z]*|begin|end|label|ref|eqref)\*?(?:\[[^\]]*\])*\s*\{[^{}]*\}|\\[A-Za-z]+"
)


def read(name: str) -> ParsedFeed:
    body = (SAMPLES / name).read_bytes()
    return parse_bytes(lzma.decompress(body) if name.endswith(".xz") else body)


def ingest(parsed: ParsedFeed) -> tuple[tuple[PaperIntent, ...], IngestPlan]:
    intents = intents_of(parsed, feed=FEED, now=NOW)
    plan = decide_entries(
        intents, KnownPapers(), feed_id=FEED.id, now=NOW, latest_opening=timedelta(days=62)
    )
    return intents, plan


def daily_rows() -> Iterator[dict[str, Any]]:
    with tarfile.open(SAMPLES / "large/arxiv_daily_2026-05.jsonl.tar.xz", "r:xz") as tar:
        for member in tar:
            stream = tar.extractfile(member)
            for line in stream or ():
                yield json.loads(line)


def words(text: str) -> list[str]:
    """Return runs of three letters and more, without accents and compatibility forms."""
    plain = unicodedata.normalize("NFKD", text)
    return re.findall(r"[^\W\d_]{3,}", "".join(c for c in plain if not unicodedata.combining(c)))


@pytest.mark.parametrize("name", sorted(ONE_PAPER_AN_ENTRY))
def test_every_entry_is_a_paper_of_its_own(name: str) -> None:
    scheme, count = ONE_PAPER_AN_ENTRY[name]

    intents, plan = ingest(read(name))

    assert len(plan.inserts) == count
    assert {intent.aliases[0].partition(":")[0] for intent in intents} == {scheme}
    assert plan.unidentified == 0


def test_two_versions_in_one_document_are_one_paper() -> None:
    intents, plan = ingest(read("arxiv_rss/thirdparty_lionelsy_arxiv15_2026-01-02.rss.xz"))

    assert len(intents) == 606
    assert len(plan.inserts) == 575


def test_title_collisions_of_a_whole_category_join_nothing() -> None:
    path = SAMPLES / "large/arxiv_cs.DS_ids_titles.tsv"
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    entries = [
        # One author for all: then nothing but the id keeps equal titles apart.
        Entry(title=title, source_id=f"oai:arXiv.org:{arxiv_id}v1", authors=("Ada Byron",))
        for _, arxiv_id, title, _ in rows
    ]

    intents, plan = ingest(document(*entries))

    assert len(rows) == 27_461
    assert len(plan.inserts) == 27_461
    assert [i.aliases[0] for i in intents] == [f"arxiv:{arxiv_id}" for _, arxiv_id, _, _ in rows]
    assert sum("/" in paper.alias for paper in plan.inserts) == 659


def test_a_month_of_arxiv_gives_as_many_papers_as_ids_and_loses_no_word() -> None:
    ids: set[Alias] = set()
    entries: list[Entry] = []
    lossy: list[str] = []
    seen: set[str] = set()
    for row in daily_rows():
        ids.add(Alias(f"arxiv:{row['id']}"))
        entries.append(Entry(title=row["title"], url=row["abs"], authors=tuple(row["authors"][:1])))
        if row["summary"] in seen:
            continue
        seen.add(row["summary"])
        clean = clean_abstract(row["summary"])
        kept = "".join(words(clean))
        if not all(word in kept for word in words(MEANT_TO_GO.sub(" ", row["summary"]))):
            lossy.append(row["id"])

    _, plan = ingest(document(*entries))

    assert len(entries) == 13_505
    assert {paper.alias for paper in plan.inserts} == ids
    assert lossy == []


def test_the_baseline_of_a_real_feed_opens_no_window() -> None:
    parsed = read("hf_daily/hf_feed_latest.xml")
    first = feed_record("sample", baseline_at=None)

    intents = intents_of(parsed, feed=first, now=T0)

    assert not any(intent.opens_window for intent in intents)
