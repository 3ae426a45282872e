"""What a query would have found: its trial before it is saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from digest.matching.evaluate import reasons_of
from digest.matching.index import QueryIndex, best
from digest.matching.query import Query
from digest.matching.rank import rank
from digest.matching.reading import NO_SYNONYMS, Synonyms
from digest.model import Match, Paper, QueryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """How many papers a query matches, and the best of them with the reasons."""

    total: int
    matches: tuple[Match, ...]


def backtest(query: Query, papers: Iterable[Paper]) -> list[Match]:
    """Give the papers the query matches, best first, with the reasons."""
    return list(sift(query, papers).matches)


def sift(
    query: Query,
    papers: Iterable[Paper],
    *,
    synonyms: Synonyms = NO_SYNONYMS,
    show: int | None = None,
) -> Backtest:
    """Count the papers the query matches, and give the best.

    Args:
        query: What is asked.
        papers: In any order.
        synonyms: Forms that mean the same.
        show: How many to give with their reasons, None for all.
    """
    index = QueryIndex()
    only = QueryId(0)
    index.add(only, query)
    ranked = rank(papers)
    found = index.match(ranked, synonyms).bits(only)
    total = found.bit_count()
    return Backtest(
        total=total,
        matches=tuple(
            Match(
                paper=ranked[position],
                reasons=reasons_of(query, ranked[position], synonyms),
            )
            for position in best(found, total if show is None else show)
        ),
    )
