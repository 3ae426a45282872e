"""Saved queries against a batch of papers: index, scan, boolean, best 20, reasons.

Papers have about 1,300 characters. Phrases of 1–4 words follow a Zipf law in how many
people save them; 20 % of the queries are boolean, prefixes or authors. Seconds are CPU.
"""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from functools import partial

from benchmarks.result import Result, peak_mb, timed
from digest.matching.evaluate import evaluate
from digest.matching.index import Hits, best, build_index
from digest.matching.query import canonical, parse_query
from digest.matching.rank import rank
from digest.model import Alias, Paper, PaperId, QueryId

PHRASES = 50_000
PAPERS = (500, 2_000, 5_000)
SUBSCRIBERS = 100_000
SEED = 20260202


def run() -> list[Result]:
    draw = random.Random(SEED)
    words = _vocabulary(draw)
    papers = rank(_papers(draw, words, max(PAPERS)))
    phrases = _phrases(draw, papers)
    texts = sorted({canonical(parse_query(text)) for text in _queries(draw, phrases)})
    queries = [(QueryId(number), text) for number, text in enumerate(texts)]
    people = _people(draw, len(queries))
    index, seconds = timed(lambda: build_index(queries))
    results = [_result(f"index {len(queries):,} distinct queries", len(queries), seconds)]
    for count in PAPERS:
        batch = papers[:count]
        hits, seconds = timed(partial(index.match, batch))
        baseline = _regex_seconds(phrases, batch) * len(queries)
        results += [
            Result(
                name="matching",
                work=f"scan {count:,} papers",
                count=count,
                seconds=seconds,
                peak_mb=peak_mb(),
                ratio=baseline / seconds,
                against="one regular expression per query (extrapolated)",
            ),
            _boolean(hits, queries),
            _best(hits, people),
        ]
    results.append(_reasons(hits, texts))
    return results


def _boolean(hits: Hits, queries: list[tuple[QueryId, str]]) -> Result:
    _, seconds = timed(lambda: [hits.bits(query_id) for query_id, _ in queries])
    return _result(f"boolean, {len(hits.papers):,} papers", len(queries), seconds)


def _best(hits: Hits, people: list[list[QueryId]]) -> Result:
    _, seconds = timed(lambda: [best(hits.union(wanted), 20) for wanted in people])
    work = f"best 20 of {len(hits.papers):,} for {len(people):,} subscribers"
    return _result(work, len(people), seconds)


def _reasons(hits: Hits, texts: list[str]) -> Result:
    found = [
        (parse_query(text), hits.papers[place])
        for number, text in enumerate(texts[:2_000])
        for place in best(hits.bits(QueryId(number)), 20)
    ]
    _, seconds = timed(lambda: [evaluate(query, paper) for query, paper in found])
    return _result("reasons, one query and paper", len(found), seconds)


def _regex_seconds(phrases: list[str], papers: list[Paper]) -> float:
    """Measure one regular expression over the papers, on a sample."""
    sample = [re.compile(rf"\b{re.escape(phrase)}\b", re.IGNORECASE) for phrase in phrases[:40]]
    texts = [f"{paper.title}\n{paper.abstract}" for paper in papers]
    _, seconds = timed(lambda: [[rule.search(text) for text in texts] for rule in sample])
    return seconds / len(sample)


def _vocabulary(draw: random.Random) -> list[str]:
    syllables = [a + b for a in "bcdfglmnprstv" for b in "aeiou"]
    return sorted({"".join(draw.choices(syllables, k=draw.randint(2, 4))) for _ in range(20_000)})


def _papers(draw: random.Random, words: list[str], count: int) -> list[Paper]:
    weights = [1 / (place + 10) for place in range(len(words))]
    draw.shuffle(words)
    return [
        Paper(
            id=PaperId(number),
            alias=Alias(f"arxiv:2602.{number:05}"),
            title=" ".join(draw.choices(words, weights, k=9)).capitalize(),
            abstract=" ".join(draw.choices(words, weights, k=185)),
            authors=(f"{draw.choice(words).title()} {draw.choice(words).title()}",),
            tags=(draw.choice(("cs.CL", "cs.LG", "cs.CV", "stat.ML")),),
            upvotes=draw.randint(0, 300),
            first_seen_at=datetime(2026, 2, 2, tzinfo=UTC),
        )
        for number in range(1, count + 1)
    ]


def _phrases(draw: random.Random, papers: list[Paper]) -> list[str]:
    found: set[str] = set()
    while len(found) < PHRASES:
        words = draw.choice(papers).abstract.split()
        start = draw.randrange(len(words) - 4)
        found.add(" ".join(words[start : start + draw.choice((1, 2, 2, 3, 4))]))
    phrases = sorted(found)
    draw.shuffle(phrases)
    return phrases


def _queries(draw: random.Random, phrases: list[str]) -> list[str]:
    def quoted() -> str:
        return f'"{draw.choice(phrases)}"'

    def composed() -> str:
        forms = (
            f"{quoted()} AND {quoted()}",
            f"{quoted()} OR {quoted()}",
            f"{quoted()} NOT {quoted()}",
            f"{draw.choice(phrases).split()[0][:4]}*",
            f"author:{draw.choice(phrases).split()[0]}",
        )
        return draw.choice(forms)

    return phrases + [composed() for _ in range(PHRASES // 4)]


def _people(draw: random.Random, queries: int) -> list[list[QueryId]]:
    weights = [1 / (place + 10) for place in range(queries)]
    order = list(range(queries))
    draw.shuffle(order)
    picks = iter(draw.choices(order, weights, k=SUBSCRIBERS * 10))
    return [[QueryId(next(picks)) for _ in range(draw.randint(1, 10))] for _ in range(SUBSCRIBERS)]


def _result(work: str, count: int, seconds: float) -> Result:
    return Result(name="matching", work=work, count=count, seconds=seconds, peak_mb=peak_mb())
