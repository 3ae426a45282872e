"""The index against the evaluator, on many generated pairs and on real abstracts.

`make oracle` (ORACLE=all) takes 102,400 pairs that hypothesis makes, and every real
abstract with 2,000 queries; the suite takes a part of both.
"""

from __future__ import annotations

import json
import lzma
import os
import random
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import QueryError
from digest.matching.evaluate import matches
from digest.matching.index import build_index
from digest.matching.query import Query, canonical, parse_query
from digest.matching.text import tokenise
from digest.model import Alias, Paper, PaperId, QueryId
from tests.unit.matching.test_index_agrees import papers as made_papers
from tests.unit.matching.test_index_agrees import queries as made_queries

LARGE = Path(__file__).resolve().parents[4] / "shared/samples/large"
WHOLE = os.environ.get("ORACLE") == "all"
PAPERS, QUERIES, EXAMPLES = (1_000_000, 2_000, 100) if WHOLE else (300, 200, 10)
SIDE = 32
SEED = 20260202
WORDS = (
    "RAG", "rag", "sparse", "autoencoders", "quantised", "quantum", "LMs", "GPT-4o", "matrices",
    "naïve", "强化学习", "C++", "β", "survey", "NN", "neural nets (NNs)", "agents", "GPUs",
)  # fmt: skip


def made_of(words: Callable[[int], str], draw: random.Random) -> str:
    """Write a query of words that may stand in the papers."""
    terms = []
    for _ in range(draw.randint(1, 4)):
        phrase = words(draw.randint(1, 3))
        forms = ('"{}"', "title:{}", "abstract:{}", "={}", '"{}*"', "author:{}", '"{}"', '"{}"')
        quoted = f'"{phrase}"'
        form = draw.choice(forms)
        terms.append(form.format(phrase if '"' in form else quoted))
    joined = terms[0]
    for term in terms[1:]:
        joined = draw.choice(("({} AND {})", "({} OR {})", "({} NOT {})")).format(joined, term)
    return joined


def drawn(draw: random.Random, count: int, words: Callable[[int], str]) -> list[Query]:
    found: list[Query] = []
    while len(found) < count:
        try:
            found.append(parse_query(made_of(words, draw)))
        except QueryError:
            continue
    return found


def disagreements(papers: Sequence[Paper], queries: Sequence[Query]) -> list[tuple[str, Alias]]:
    """Judge every pair both ways; the index reads the canonical form."""
    index = build_index((QueryId(n), canonical(query)) for n, query in enumerate(queries))
    differing = []
    for start in range(0, len(papers), 1_000):
        batch = papers[start : start + 1_000]
        hits = index.match(batch)
        for number, query in enumerate(queries):
            bits = hits.bits(QueryId(number))
            differing += [
                (query.text, paper.alias)
                for place, paper in enumerate(batch)
                if bool(bits >> place & 1) != matches(query, paper)
            ]
    return differing


def test_index_and_evaluator_agree_on_a_hundred_thousand_pairs() -> None:
    draw = random.Random(SEED)
    papers = [
        Paper(
            id=PaperId(number),
            alias=Alias(f"arxiv:2602.{number:05}"),
            title=" ".join(draw.choices(WORDS, k=4)),
            abstract=" ".join(draw.choices(WORDS, k=9)),
            authors=(" ".join(draw.choices(("Agents", "E.", "Sparse", "Rag"), k=2)),),
            first_seen_at=datetime(2026, 2, 2, tzinfo=UTC),
        )
        for number in range(350)
    ]
    queries = drawn(
        draw, 300, lambda n: " ".join(draw.choices(WORDS, k=n)).replace("(", "").replace(")", "")
    )

    assert len(papers) * len(queries) >= 100_000
    assert disagreements(papers, queries) == []


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    batch=st.lists(made_papers, min_size=SIDE, max_size=SIDE),
    asked=st.lists(made_queries, min_size=SIDE, max_size=SIDE),
)
def test_index_and_evaluator_agree_on_what_hypothesis_makes(
    batch: list[Paper], asked: list[Query]
) -> None:
    assert disagreements(batch, asked) == []


@pytest.mark.samples
@pytest.mark.skipif(
    not LARGE.exists(), reason="reads ../shared/samples, which is not beside this checkout"
)
@pytest.mark.parametrize("source", ["arxiv_daily", "hf_daily", "arxiv_rss"])
def test_index_and_evaluator_agree_on_real_abstracts(source: str) -> None:
    draw = random.Random(SEED)
    papers = real_papers(source)

    def words(count: int) -> str:
        text = draw.choice(papers).abstract
        tokens = tokenise(text)
        if len(tokens) <= count:
            return "model"
        first = draw.randrange(len(tokens) - count)
        return text[tokens[first].start : tokens[first + count - 1].end].replace('"', " ")

    assert disagreements(papers, drawn(draw, QUERIES, words)) == []


def real_papers(source: str) -> list[Paper]:
    rows = list({row["id"]: row for row in READERS[source]()}.values())
    random.Random(SEED).shuffle(rows)
    return [
        Paper(
            id=PaperId(number),
            alias=Alias(f"arxiv:{row['id']}"),
            title=row["title"],
            abstract=row["abstract"],
            authors=tuple(row["authors"]),
            tags=tuple(row["tags"]),
            first_seen_at=datetime(2026, 5, 31, tzinfo=UTC),
        )
        for number, row in enumerate(rows[:PAPERS])
    ]


def arxiv_daily() -> Iterator[dict[str, Any]]:
    for content in members("arxiv_daily_2026-05.jsonl.tar.xz"):
        for line in content.splitlines():
            row = json.loads(line)
            yield {
                "id": row["id"],
                "title": row["title"],
                "abstract": row["summary"],
                "authors": row["authors"],
                "tags": row["categories"],
            }


def hf_daily() -> Iterator[dict[str, Any]]:
    for content in members("hf_daily_feed_snapshots_2025-04_2026-02.tar.xz"):
        for item in ElementTree.fromstring(content).iter("item"):
            text = re.sub(r"<[^>]+>", " ", item.findtext("description") or "")
            head, _, abstract = text.partition("Summary:")
            names = head.partition("Authors:")[2].partition("Upvotes:")[0]
            yield {
                "id": item.findtext("link"),
                "title": item.findtext("title") or "",
                "abstract": abstract,
                "authors": [name.strip() for name in names.split(",") if name.strip()],
                "tags": (),
            }


def arxiv_rss() -> Iterator[dict[str, Any]]:
    with lzma.open(LARGE / "reconstructed_arxiv_rss20_2000items.xml.xz") as file:
        root = ElementTree.fromstring(file.read())
    for item in root.iter("item"):
        yield {
            "id": item.findtext("guid"),
            "title": item.findtext("title") or "",
            "abstract": (item.findtext("description") or "").partition("Abstract:")[2],
            "authors": (item.findtext("{http://purl.org/dc/elements/1.1/}creator") or "").split(
                ", "
            ),
            "tags": tuple(one.text or "" for one in item.iter("category")),
        }


READERS = {"arxiv_daily": arxiv_daily, "hf_daily": hf_daily, "arxiv_rss": arxiv_rss}


def members(name: str) -> Iterator[bytes]:
    with tarfile.open(LARGE / name) as archive:
        for member in islice(archive, None if WHOLE else 3):
            file = archive.extractfile(member)
            if file is not None:
                yield file.read()
