"""The distinct queries of a process, indexed: read once, then followed (docs/adr/0006)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import structlog
from sqlmodel import Session

from digest.errors import QueryError
from digest.matching.hits import Hits
from digest.matching.index import QueryIndex, many_additions
from digest.matching.reading import NO_SYNONYMS, Synonyms
from digest.model import Paper, QueryId
from digest.store.interests import all_queries, queries_by_ids

log = structlog.get_logger(__name__)


class KnownQueries:
    """The queries that a process has indexed.

    Rows of queries never change and their ids are never given twice, so that what came
    since is what has a higher id. A query that nobody wants any more stays until the
    process ends: it costs its share of a scan, and can give nobody anything.

    Args:
        synonyms: Forms that mean the same.
    """

    def __init__(self, synonyms: Synonyms = NO_SYNONYMS) -> None:
        self._synonyms = synonyms
        self._index = QueryIndex()
        self._newest = 0
        self._lock = threading.Lock()

    def follow(self, tx: Session) -> int:
        """Take in the queries of active subscribers that came since; return how many."""
        with self._lock:
            found = all_queries(tx, after=self._newest)
            self._add(found)
            self._newest = max((int(one) for one, _ in found), default=self._newest)
            return len(found)

    def include(self, tx: Session, ids: Iterable[QueryId]) -> int:
        """Take in these queries where they are unknown; return how many were.

        They were saved after `follow`, or wanted by nobody active then, or another
        process committed them later than a higher id.
        """
        with self._lock:
            missing = sorted({one for one in ids if one not in self._index})
            if missing:
                self._add(queries_by_ids(tx, missing).items())
            return len(missing)

    def match(self, papers: Sequence[Paper]) -> Hits:
        """Look all queries up in papers, best first."""
        with self._lock:
            return self._index.match(papers, self._synonyms)

    def _add(self, queries: Iterable[tuple[QueryId, str]]) -> None:
        with many_additions():
            for query_id, canonical in queries:
                try:
                    self._index.add_canonical(query_id, canonical)
                except QueryError as exc:
                    # Refused when saved, so this version reads it otherwise than the one
                    # that took it. It matches nothing; everybody's other interests do.
                    self._index.add_nothing(query_id)
                    log.warning("saved query cannot be read", query_id=query_id, cause=exc.cause)
