"""Looking back 30 days over 40,000 papers, and hostile queries: milliseconds each.

What is timed is what the live preview of the site does for one query: understand it,
count all that it matches, and give the best five with their reasons. The counts are held
against the index of queries, which reads every paper. Milliseconds are of CPU.
"""

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
from digest.matching.hints import hints
from digest.matching.index import build_index
from digest.matching.query import canonical, parse_query
from digest.model import FeedId, FeedKind, FeedSpec, IngestPlan, Listing, Paper, QueryId
from digest.papers.ingest import annotate_stale
from digest.store import Store
from digest.store.feeds import add_feed
from digest.store.ingest import apply_plan

PAPERS = 40_000
DAYS = 30
NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)
HOSTILE = 1_000
EACH = 50


def run() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'digest.db'}")
        store.ensure_schema()
        results = _look_back(store)
        store.close()
    return [*results, _hostile()]


def _look_back(store: Store) -> list[Result]:
    papers = make_papers(PAPERS)
    fill(store, papers)
    annotator = Annotator()
    _, seconds = timed(lambda: annotate_stale(store, annotator))
    results = [_result(f"read {PAPERS:,} papers into the full-text index", PAPERS, seconds)]
    kinds = queries_by_kind(papers)
    exact = _exact_totals(papers, [text for texts in kinds.values() for text in texts])
    for kind, queries in kinds.items():
        results.append(_previews(store, annotator, kind, queries, exact))
    return results


def fill(store: Store, papers: list[Paper]) -> None:
    """Store papers of 30 days, each listed once."""
    with store.write() as tx:
        spec = FeedSpec(name="arxiv", url="https://example.org/feed", kind=FeedKind.FEED)
        feed_id = FeedId(add_feed(tx, spec, now=NOW).id)
        listings = tuple(
            Listing(paper_id=paper.id, feed_id=feed_id, day=paper.first_seen_at.date())
            for paper in papers
        )
        tags = tuple((paper.id, tag) for paper in papers for tag in paper.tags)
        apply_plan(tx, IngestPlan(inserts=tuple(papers), listings=listings, tags=tags), now=NOW)


def queries_by_kind(papers: list[Paper]) -> dict[str, list[str]]:
    """Write 50 queries of each kind, of words that stand in the papers."""
    draw = random.Random(SEED)
    words = [paper.abstract.split() for paper in papers[:400]]
    seen = [word for each in words for word in each]
    common = sorted(set(seen), key=seen.count)[-EACH:]
    pairs = [(draw.choice(common), draw.choice(common)) for _ in range(EACH)]
    few = words[:EACH]
    return {
        "phrases of two words": [f"{each[3]} {each[4]}" for each in few],
        "phrases of two common words": [f"{one} {other}" for one, other in pairs],
        "the most common words": common,
        "AND, OR and NOT": [f"{each[3]} AND ({each[7]} OR {each[9]}) -{each[11]}" for each in few],
        "common words without others": [f"{one} -{other} -{one[:4]}ra" for one, other in pairs],
        "prefixes": [f"{each[5][:5]}*" for each in few],
        "prefixes of three letters": [f"{each[5][:3]}*" for each in few],
        "phrases that end in a prefix": [f"{each[5]} {each[6][:4]}*" for each in few],
        "exact case": [f"={paper.title.split()[0]}" for paper in papers[:EACH]],
        "authors by family name": [f"author:{p.authors[0].split()[1]}" for p in papers[:EACH]],
        "authors by initial": [
            f'author:"{p.authors[0][0]}. {p.authors[0].split()[1]}"' for p in papers[:EACH]
        ],
        "authors by full name": [f'author:"{paper.authors[0]}"' for paper in papers[:EACH]],
        "a tag and upvotes": [f"tag:cs AND upvotes:>={draw.randint(1, 290)}" for _ in few],
        "upvotes": [f"upvotes:>={draw.randint(1, 290)}" for _ in few],
        "a tag's papers with a common word": [f"tag:cs AND {word}" for word in common],
    }


def _exact_totals(papers: list[Paper], texts: list[str]) -> dict[str, int]:
    """Count what queries match by the index of queries, which reads every paper."""
    index = build_index(
        (QueryId(number), canonical(parse_query(text))) for number, text in enumerate(texts)
    )
    totals = dict.fromkeys(texts, 0)
    for start in range(0, len(papers), 4_000):
        hits = index.match(papers[start : start + 4_000])
        for number, text in enumerate(texts):
            totals[text] += hits.bits(QueryId(number)).bit_count()
    return {text: total // texts.count(text) for text, total in totals.items()}


def _previews(
    store: Store, annotator: Annotator, kind: str, queries: list[str], exact: dict[str, int]
) -> Result:
    totals: list[int] = []

    def preview(text: str) -> None:
        with store.read() as tx:
            found = look_back(
                tx,
                parse_query(text),
                annotator,
                since=NOW - timedelta(days=DAYS),
                until=NOW,
                show=5,
                narrow=False,
            )
        totals.append(found.total)

    times = times_of(preview, queries)
    wrong = sum(total != exact[text] for total, text in zip(totals, queries, strict=True))
    told = f"{statistics.median(totals):,.0f} found, {wrong or 'no'} count wrong"
    return _result(f"preview, {kind}: {spread(times)}, {told}", len(queries), sum(times))


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

    times = times_of(ask, queries)
    worst = queries[times.index(max(times))]
    print(f"slowest hostile query: {worst[:40]!r}… of {len(worst):,} characters")
    told = f"{spread(times)}, {refused} refused, {HOSTILE - refused} accepted"
    return _result(f"hostile queries: {told}", len(queries), sum(times))


def hostile_queries(count: int) -> Iterable[str]:
    """Write what nobody should send: nesting, floods, controls, other scripts, SQL, HTML."""
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
        lambda n: "not " * min(n, 249) + "x",
        lambda n: "author:a b " * min(n, 90),
        lambda n: " OR ".join(["NOT a b"] * min(n, 90)),
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


def times_of(work: Callable[[str], None], texts: list[str]) -> list[float]:
    """Time each in seconds of CPU, which a busy machine stretches less than the clock."""
    times = []
    for text in texts:
        start = time.process_time()
        work(text)
        times.append(time.process_time() - start)
    return times


def spread(times: list[float]) -> str:
    """Say the median, the 95th percentile and the worst."""
    p95 = statistics.quantiles(times, n=20)[-1]
    return (
        f"p50 {statistics.median(times) * 1e3:.1f}, p95 {p95 * 1e3:.1f}, "
        f"worst {max(times) * 1e3:.1f} ms"
    )


def _result(work: str, count: int, seconds: float) -> Result:
    return Result(name="lookback", work=work, count=count, seconds=seconds, peak_mb=peak_mb())
