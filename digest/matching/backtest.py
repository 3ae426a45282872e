"""What a query would have found: its trial before it is saved."""

from __future__ import annotations

from collections.abc import Iterable

from digest.matching.evaluate import evaluate
from digest.matching.index import QueryIndex, best
from digest.matching.query import Query
from digest.matching.rank import rank
from digest.model import Match, Paper, QueryId


def backtest(query: Query, papers: Iterable[Paper]) -> list[Match]:
    """Give the papers the query matches, best first, with the reasons."""
    index = QueryIndex()
    only = QueryId(0)
    index.add(only, query)
    ranked = rank(papers)
    found = index.match(ranked).bits(only)
    return [
        Match(paper=ranked[position], reasons=evaluate(query, ranked[position]).reasons)
        for position in best(found, found.bit_count())
    ]
