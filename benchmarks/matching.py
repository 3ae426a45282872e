"""Saved queries against a batch of papers, from ten thousand to a million subscribers.

Every size runs in a process of its own, three times; seconds are CPU, the median of the
three. The memory is the most that process held, the synthetic population included.
Beside them, in the same process and on samples, what others would do: one regular
expression a saved interest, and SQLite's full-text search running every distinct query.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sqlite3
import statistics
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.population import Population, make_papers, make_population
from benchmarks.result import Result, peak_mb, timed
from digest.matching.fanout import Best, Lists, Requests, best_papers
from digest.matching.hits import Hits
from digest.matching.index import build_index
from digest.matching.rank import rank
from digest.matching.reading import read_paper
from digest.matching.reasons import ReasonFinder
from digest.model import InterestKind, Paper, QueryId

SIZES = (10_000, 100_000, 1_000_000)
PAPERS = (500, 2_000, 5_000)
KEEP = 20
ROUNDS = 3
SAMPLE_RULES = 300
SAMPLE_QUERIES = 500
DIGESTS = 100_000


def run() -> list[Result]:
    only = int(os.environ.get("BENCH_SUBSCRIBERS", "0"))
    batch = int(os.environ.get("BENCH_PAPERS", "0"))
    cells = [
        (people, papers)
        for people in SIZES
        for papers in PAPERS
        if only in {0, people} and batch in {0, papers}
    ]
    results: list[Result] = []
    sizes: list[_Size] = []
    for people, papers in cells:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found, size = pool.apply(_cell, (people, papers))
        # All cells take a quarter of an hour: say how far it is.
        print(f"{people:,} × {papers:,}: {size.seconds:.1f} s, {size.peak_mb:,} MB", flush=True)
        results += found
        sizes.append(size)
    return [*results, *_growth(sizes)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """What one cell was, and the seconds it took in all."""

    people: int
    papers: int
    queries: int
    pairs: int
    seconds: float
    peak_mb: int


def _cell(people: int, paper_count: int) -> tuple[list[Result], _Size]:
    papers = rank(make_papers(max(PAPERS)))[:paper_count]
    population = make_population(people, papers)
    seconds: dict[str, list[float]] = defaultdict(list)
    hits, best = _round(population, papers, seconds)
    for _ in range(ROUNDS - 1):
        del hits, best  # give the memory of the round before back first
        hits, best = _round(population, papers, seconds)
    memory = peak_mb()
    medians = {stage: statistics.median(times) for stage, times in seconds.items()}
    total = statistics.median(map(sum, zip(*seconds.values(), strict=True)))
    size = f"{people:,} × {paper_count:,}"
    queries, matches = len(population.queries), int(best.totals.sum())
    requests = _requests(population, papers)
    unkept = replace(requests, keep=np.zeros(people, dtype=np.int64))
    _, counted = timed(lambda: best_papers(hits, unkept))
    chosen = max(medians.pop("best") - counted, 0.0)
    medians |= {"fan-out": counted, "top": chosen}
    work = {
        "index": (f"index {queries:,} queries", queries),
        "scan": ("scan", paper_count),
        "boolean": ("boolean", queries),
        "fan-out": (f"fan-out, {matches:,} pairs counted", people),
        "top": (f"top {KEEP} of each, beyond the fan-out", people),
    }
    results = [
        Result(
            name="matching",
            work=f"{size}: {work[stage][0]}",
            count=work[stage][1],
            seconds=taken,
            peak_mb=memory,
        )
        for stage, taken in medians.items()
    ]
    regex = _regex_seconds(population, papers)
    full_text = _full_text_seconds(population, papers)
    results += [
        Result(
            name="matching",
            work=f"{size}: all",
            count=people,
            seconds=total,
            peak_mb=memory,
            ratio=seconds_of / total,
            against=f"{against}: {seconds_of:,.0f} s",
        )
        for seconds_of, against in (
            (regex, f"a regex per saved interest, from {SAMPLE_RULES}"),
            (full_text, f"FTS5 per distinct query, from {SAMPLE_QUERIES}, no fan-out"),
        )
    ]
    results += _reasons(size, population, hits, best)
    return results, _Size(
        people=people,
        papers=paper_count,
        queries=queries,
        pairs=matches,
        seconds=total,
        peak_mb=memory,
    )


def _growth(sizes: list[_Size]) -> list[Result]:
    """Hold every cell against the one with fewer papers, and the one with fewer people."""
    by_size = {(one.people, one.papers): one for one in sizes}
    steps = [
        (by_size.get((one.people, papers)), one)
        for one in sizes
        for papers in PAPERS
        if papers < one.papers
    ] + [
        (by_size.get((people, one.papers)), one)
        for one in sizes
        for people in SIZES
        if people < one.people
    ]
    return [
        Result(
            name="matching",
            work=(
                f"{less.people:,} × {less.papers:,} -> {more.people:,} × {more.papers:,}: papers "
                f"× {more.papers / less.papers:.1f}, queries × {more.queries / less.queries:.1f}, "
                f"pairs × {more.pairs / less.pairs:.1f}, time × {more.seconds / less.seconds:.1f}"
            ),
            count=more.people,
            seconds=more.seconds,
            peak_mb=more.peak_mb,
        )
        for less, more in steps
        if less is not None
    ]


def _round(
    population: Population, papers: list[Paper], seconds: dict[str, list[float]]
) -> tuple[Hits, Best]:
    index, taken = timed(lambda: build_index(population.queries))
    seconds["index"].append(taken)
    hits, taken = timed(lambda: index.match(papers))
    seconds["scan"].append(taken)
    _, taken = timed(lambda: [hits.word(number) for number in range(hits.word_count)])
    seconds["boolean"].append(taken)
    best, taken = timed(lambda: best_papers(hits, _requests(population, papers)))
    seconds["best"].append(taken)
    return hits, best


def _requests(population: Population, papers: list[Paper]) -> Requests:
    """Ask for what everybody saved; a tenth mutes a tag, and everybody was sent five papers."""
    people = len(population.starts) - 1
    draw = np.random.default_rng(1)
    mutes = (draw.random(people) < 0.1).astype(np.int64)
    tags = [number for number, text in population.queries if text.startswith("tag:")]
    everything = (1 << len(papers)) - 1
    return Requests(
        wanted=Lists(population.ids, population.starts),
        muted=Lists(
            draw.choice(np.array(tags), int(mutes.sum())), np.concatenate(([0], np.cumsum(mutes)))
        ),
        sent=Lists(draw.integers(0, len(papers), people * 5), np.arange(people + 1) * 5),
        masks=(everything, everything >> len(papers) // 2),
        mask_of=(draw.random(people) < 0.1).astype(np.int64),
        keep=np.full(people, KEEP, dtype=np.int64),
    )


def _reasons(size: str, population: Population, hits: Hits, best: Best) -> list[Result]:
    """Find the reasons of whole digests: what many share is found once, and counted here.

    Papers are read with their offsets once a run, whoever is sent them: a row of its own.
    """
    canonicals = dict(population.queries)
    digests = []
    for number in range(min(DIGESTS, len(best.counts))):
        wanted = population.ids[population.starts[number] : population.starts[number + 1]]
        places = best.places[number, : best.counts[number]].tolist()
        digests.append((places, hits.wanting(places, [QueryId(one) for one in wanted.tolist()])))
    digests = [digest for digest in digests if len(digest[0]) == KEEP]
    finder = ReasonFinder()
    asked = [
        [
            (hits.papers[place], [(InterestKind.KEYWORD, canonicals[one]) for one in ids])
            for place, ids in zip(places, wanted_by, strict=True)
        ]
        for places, wanted_by in digests
    ]

    def find() -> None:
        for digest in asked:
            for paper, interests in digest:
                finder.reasons(paper, interests)

    def result(work: str, count: int, seconds: float) -> Result:
        return Result(
            name="matching",
            work=f"{size}: {work}",
            count=count,
            seconds=seconds,
            peak_mb=peak_mb(),
        )

    shown = {paper.id: paper for digest in asked for paper, _ in digest}
    _, read = timed(lambda: [read_paper(paper) for paper in shown.values()])
    _, first = timed(find)
    _, again = timed(find)
    each, known = 1e6 * first / len(asked), 1e6 * again / len(asked)
    return [
        result(f"read {len(shown):,} papers for reasons, once a run", len(shown), read),
        result(f"reasons of {len(asked):,} digests, {each:.0f} µs each", len(asked), first),
        result(f"the same once more, {known:.0f} µs each", len(asked), again),
    ]


def _regex_seconds(population: Population, papers: list[Paper]) -> float:
    """Search every paper for each saved interest of a sample, as a per-subscriber loop would."""
    saved = np.random.default_rng(2).choice(population.ids, SAMPLE_RULES).tolist()
    texts_by_id = dict(population.queries)
    rules = [
        [re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE) for word in _terms(texts_by_id[one])]
        for one in saved
    ]
    sample = papers[:200]
    texts = [f"{paper.title}\n{paper.abstract}" for paper in sample]
    _, seconds = timed(
        lambda: [[[rule.search(text) for rule in each] for text in texts] for each in rules]
    )
    return seconds / len(rules) * len(population.ids) * (len(papers) / len(sample))


def _terms(query: str) -> list[str]:
    parts = re.split(r" AND | OR | NOT ", query)
    return [part.strip('"*').removeprefix("author:").removeprefix("tag:") for part in parts]


def _full_text_seconds(population: Population, papers: list[Paper]) -> float:
    """Run a sample of the distinct text queries over a full-text index of the papers."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE papers USING fts5(title, abstract, content='')")
    database.executemany(
        "INSERT INTO papers (rowid, title, abstract) VALUES (?, ?, ?)",
        [(paper.id, paper.title, paper.abstract) for paper in papers],
    )
    texts = [text for _, text in population.queries if ":" not in text]
    sample = np.random.default_rng(3).choice(np.array(texts, dtype=object), SAMPLE_QUERIES)
    asked = [
        text if '"' in text or "*" in text else f'"{text}"' for text in (str(one) for one in sample)
    ]
    _, seconds = timed(
        lambda: [
            database.execute("SELECT rowid FROM papers WHERE papers MATCH ?", (text,)).fetchall()
            for text in asked
        ]
    )
    database.close()
    return seconds / len(asked) * len(population.queries)
