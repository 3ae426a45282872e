"""Counting what a phrase finds, where its words stand on most papers (SQLite's index)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from digest.matching.annotate import Annotator
from digest.matching.candidates import candidates
from digest.matching.query import parse_query
from digest.model import PaperId
from digest.store import Store
from digest.store.fulltext import annotate_papers
from digest.store.library import Count, Order, Shelf
from digest.store.searching import count_found
from digest.store.tables import PaperRow
from digest.web import searching
from digest.web.searching import TextFinder

NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
PHRASE = '"alpha beta"'


def expression(query: str) -> str:
    found = candidates(parse_query(query)).expression
    assert found is not None
    return found


@pytest.fixture
def papers(sqlite_url: str) -> Iterator[Store]:
    """320 papers with both words: side by side on the first 40, and on 301 to 315."""
    store = Store(sqlite_url)
    together = {*range(1, 41), *range(301, 316)}
    with store.write() as tx:
        tx.add_all(
            PaperRow(
                id=one,
                alias=f"arxiv:2602.{one:05d}",
                title="alpha beta" if one in together else "alpha or beta",
                abstract="",
                authors=[],
                url="https://example.org",
                first_seen_at=NOW,
                dated_on=NOW.date(),
            )
            for one in range(1, 321)
        )
        tx.flush()
        annotate_papers(tx, Annotator(), [PaperId(one) for one in range(1, 321)])
    yield store
    store.close()


@pytest.mark.parametrize(
    ("query", "effort", "counted"),
    [
        (PHRASE, 640, Count(value=55)),
        (PHRASE, 639, Count(value=55, more=True)),
        (PHRASE, 320, Count(value=15, more=True)),
        (PHRASE, 2, Count(value=0, more=True)),
        ("alpha AND beta", 2, Count(value=320)),
        ('"alpha gamma"', 2, Count(value=0)),
        ('"alpha bet*"', 320, Count(value=15, more=True)),
    ],
)
def test_a_phrase_is_counted_as_far_back_as_the_effort_allows(
    papers: Store, query: str, effort: int, counted: Count
) -> None:
    with papers.read() as tx:
        found = count_found(tx, expression(query), Shelf(), effort=effort)

    assert found == counted


@pytest.mark.parametrize(
    ("limit", "counted"), [(20, Count(value=20, more=True)), (100, Count(value=55))]
)
def test_a_page_that_shows_all_knows_the_count(
    papers: Store, monkeypatch: pytest.MonkeyPatch, limit: int, counted: Count
) -> None:
    monkeypatch.setattr(searching, "count_found", lambda *given: count_found(*given, effort=2))
    finder = TextFinder(Annotator())

    with papers.read() as tx:
        found = finder(
            tx, parse_query(PHRASE), Shelf(), order=Order.NEWEST, after=None, limit=limit
        )

    assert len(found.matches) == min(limit, 55)
    assert found.count == counted
