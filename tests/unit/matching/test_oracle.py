"""The index against the evaluator, on many generated pairs and on real abstracts.

`make oracle` (ORACLE=all) takes every real abstract and 2,000 queries; the suite takes
a part of both.
"""

from __future__ import annotations

import json
import os
import random
import tarfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.errors import QueryError
from digest.matching.evaluate import evaluate
from digest.matching.index import build_index
from digest.matching.query import Query, canonical, parse_query
from digest.matching.text import tokenise
from digest.model import Alias, Paper, PaperId, QueryId

ARCHIVE = (
    Path(__file__).resolve().parents[4] / "shared/samples/large/arxiv_daily_2026-05.jsonl.tar.xz"
)
WHOLE = os.environ.get("ORACLE") == "all"
PAPERS, QUERIES = (1_000_000, 2_000) if WHOLE else (400, 300)
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
                if bool(bits >> place & 1) != evaluate(query, paper).matched
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


@pytest.mark.samples
@pytest.mark.skipif(
    not ARCHIVE.exists(), reason="reads ../shared/samples, which is not beside this checkout"
)
def test_index_and_evaluator_agree_on_real_abstracts() -> None:
    draw = random.Random(SEED)
    papers = real_papers()

    def words(count: int) -> str:
        text = draw.choice(papers).abstract
        tokens = tokenise(text)
        if len(tokens) <= count:
            return "model"
        first = draw.randrange(len(tokens) - count)
        return text[tokens[first].start : tokens[first + count - 1].end].replace('"', " ")

    assert disagreements(papers, drawn(draw, QUERIES, words)) == []


def real_papers() -> list[Paper]:
    with tarfile.open(ARCHIVE) as archive:
        rows = [
            json.loads(line)
            for member in archive
            if (content := archive.extractfile(member)) is not None
            for line in content
        ]
    random.Random(SEED).shuffle(rows)
    return [
        Paper(
            id=PaperId(number),
            alias=Alias(f"arxiv:{row['id']}"),
            title=row["title"],
            abstract=row["summary"],
            authors=tuple(row["authors"]),
            tags=tuple(row["categories"]),
            first_seen_at=datetime(2026, 5, 31, tzinfo=UTC),
        )
        for number, row in enumerate(rows[:PAPERS])
    ]
