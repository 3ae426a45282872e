"""Why papers are in digests: the reasons, found once for all who share a query."""

from __future__ import annotations

from digest.matching.evaluate import evaluate
from digest.matching.query import Query
from digest.matching.reading import NO_SYNONYMS, Synonyms
from digest.model import Paper, PaperId, Reason

_MAX_KEPT = 1 << 17


class ReasonFinder:
    """Finds reasons, and remembers them while the papers stay as they are.

    Args:
        synonyms: Forms that mean the same, besides those a paper defines.
    """

    def __init__(self, synonyms: Synonyms = NO_SYNONYMS) -> None:
        self._synonyms = synonyms
        self._kept: dict[tuple[str, PaperId], tuple[Reason, ...]] = {}

    def reasons(self, query: Query, paper: Paper) -> tuple[Reason, ...]:
        """Give the terms of a query that a paper holds; none when it does not match."""
        key = (query.text, paper.id)
        reasons = self._kept.get(key)
        if reasons is None:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            reasons = evaluate(query, paper, self._synonyms).reasons
            self._kept[key] = reasons
        return reasons
