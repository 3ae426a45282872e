"""Looking back 30 days over 40,000 papers, and hostile queries: milliseconds each."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.population import SEED, make_papers
from benchmarks.result import Result, peak_mb, timed
from digest.errors import QueryError
from digest.lookback import look_back
from digest.matching.annotate import Annotator
from digest.matching.query import hints, parse_query
from digest.model import IngestPlan
from digest.papers.ingest import annotate_stale
from digest.store import Store
from digest.store.ingest import apply_plan

PAPERS = 40_000
NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)
HOSTILE = 1_000


def run() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'digest.db'}")
        store.ensure_schema()
        results = _look_back(store)
        store.close()
    return [*results, _hostile()]


def _look_back(store: Store) -> list[Result]:
    papers = make_papers(PAPERS)
    with store.write() as tx:
        apply_plan(tx, IngestPlan(inserts=tuple(papers)), now=NOW)
    annotator = Annotator()
    _, seconds = timed(lambda: annotate_stale(store, annotator))
    results = [_result(f"read {PAPERS:,} papers into the full-text index", PAPERS, seconds)]
    words = [paper.abstract.split() for paper in papers[:400]]
    common = sorted({word for each in words for word in each}, key=str(words).count)
    kinds = {
        "phrases of two words": [f"{each[3]} {each[4]}" for each in words[:50]],
        "boolean": [f"{each[3]} AND ({each[7]} OR {each[9]}) -{each[11]}" for each in words[:50]],
        "prefixes": [f"{each[5][:5]}*" for each in words[:50]],
        "exact case": [f"={paper.title.split()[0]}" for paper in papers[:50]],
        "authors": [f'author:"{paper.authors[0]}"' for paper in papers[:50]],
        "the most common words": common[-50:],
    }
    for kind, queries in kinds.items():
        results.append(_previews(store, annotator, kind, queries))
    return results


def _previews(store: Store, annotator: Annotator, kind: str, queries: list[str]) -> Result:
    totals: list[int] = []

    def preview(text: str) -> None:
        with store.read() as tx:
            found = look_back(
                tx,
                parse_query(text),
                annotator,
                since=NOW - timedelta(days=30),
                until=NOW,
                show=5,
                narrow=False,
            )
        totals.append(found.total)

    times = _times(preview, queries)
    told = f"{_spread(times)}, {statistics.median(totals):,.0f} found"
    return _result(f"preview, {kind}: {told}", len(queries), sum(times))


def _hostile() -> Result:
    queries = list(hostile_queries(HOSTILE))
    refused = 0

    def ask(text: str) -> None:
        nonlocal refused
        try:
            hints(parse_query(text))
        except QueryError as exc:
            refused += 1
            str(exc)

    times = _times(ask, queries)
    worst = queries[times.index(max(times))]
    print(f"slowest hostile query: {worst[:40]!r}… of {len(worst):,} characters")
    return _result(
        f"hostile queries: {_spread(times)}, {refused} refused", len(queries), sum(times)
    )


def hostile_queries(count: int) -> Iterable[str]:
    draw = random.Random(SEED)
    letters = "ab*\"()-=: \u202e\u0000🦙'<>;%شعﷺ強\u0301"
    makers: list[Callable[[int], str]] = [
        lambda n: "(" * n + "a" + ")" * n,
        lambda n: " OR ".join(["a b"] * n),
        lambda n: " ".join(f"(a{i} OR" for i in range(n)),
        lambda n: "NOT " * n + "a",
        lambda n: "-" * n + "a",
        lambda n: "a" * n + "*",
        lambda n: "ﷺ" * min(n, 1000),
        lambda n: "\u0301" * min(n, 1000),
        lambda n: "a\u0301" * min(n, 500),
        lambda n: '"' * n,
        lambda n: "title:" * n,
        lambda n: "=" * n,
        lambda n: "author:" + "A. " * min(n, 330),
        lambda n: "\x00\x1b[31m" * n,
        lambda n: "\u202eevil\u202c " * n,
        lambda n: "👩‍👩‍👧‍👦 " * n,
        lambda n: "'; DROP TABLE paper; -- " * n,
        lambda n: "<script>alert(1)</script>" * n,
        lambda n: "".join(draw.choices(letters, k=min(n, 1000))),
        lambda n: " AND ".join(f"x{i}" for i in range(min(n, 150))),
    ]
    for number in range(count):
        yield makers[number % len(makers)](draw.choice((1, 10, 20, 100, 199, 1000, 10_000)))


def _times(work: Callable[[str], None], texts: list[str]) -> list[float]:
    times = []
    for text in texts:
        start = time.perf_counter()
        work(text)
        times.append(time.perf_counter() - start)
    return times


def _spread(times: list[float]) -> str:
    return f"median {statistics.median(times) * 1e3:.1f} ms, worst {max(times) * 1e3:.1f} ms"


def _result(work: str, count: int, seconds: float) -> Result:
    return Result(name="lookback", work=work, count=count, seconds=seconds, peak_mb=peak_mb())
