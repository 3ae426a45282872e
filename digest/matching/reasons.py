"""Why papers are in digests: the reasons, found once for all who share a query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from digest.errors import QueryError
from digest.matching.evaluate import reasons_of
from digest.matching.query import Query, interest_query
from digest.matching.reading import NO_SYNONYMS, Synonyms
from digest.model import InterestKind, Paper, PaperId, Reason

Asked: TypeAlias = tuple[InterestKind, str]
"""An interest as it was written."""

_MAX_KEPT = 1 << 17
"""Reasons kept at most, some 60 MB; a day's digests share far fewer."""


class ReasonFinder:
    """Finds reasons, and remembers them as long as a paper reads the same.

    Made once a process: a digest then costs look-ups, since most of its papers and
    queries are those of many other digests.

    Args:
        synonyms: Forms that mean the same, besides those a paper defines.
    """

    def __init__(self, synonyms: Synonyms = NO_SYNONYMS) -> None:
        self.synonyms = synonyms
        self._papers: dict[PaperId, tuple[Paper, dict[str, tuple[Reason, ...]]]] = {}
        self._queries: dict[str, Query | None] = {}
        self._count = 0

    def reasons(self, paper: Paper, asked: Iterable[Asked]) -> tuple[Reason, ...]:
        """Give the terms of these interests that a paper holds, in their order.

        An interest that does not want the paper, or can no longer be read, gives none.
        """
        kept = self._kept(paper)
        found: tuple[Reason, ...] = ()
        for kind, text in asked:
            key = f"\0{text}" if kind is InterestKind.TAG else text
            reasons = kept.get(key)
            if reasons is None:
                reasons = kept[key] = self._find(key, kind, text, paper)
                self._count += 1
            found += reasons
        return found

    def _kept(self, paper: Paper) -> dict[str, tuple[Reason, ...]]:
        known = self._papers.get(paper.id)
        if known is not None and (known[0] is paper or known[0] == paper):
            return known[1]
        if self._count >= _MAX_KEPT:
            self._papers.clear()
            self._queries.clear()
            self._count = 0
        kept: dict[str, tuple[Reason, ...]] = {}
        self._papers[paper.id] = (paper, kept)
        return kept

    def _find(self, key: str, kind: InterestKind, text: str, paper: Paper) -> tuple[Reason, ...]:
        if key not in self._queries:
            self._queries[key] = _read(kind, text)
        query = self._queries[key]
        return () if query is None else reasons_of(query, paper, self.synonyms)


def _read(kind: InterestKind, text: str) -> Query | None:
    try:
        return interest_query(kind, text)
    except QueryError:
        return None  # refused when saved, so an earlier version took it; it matched nothing
