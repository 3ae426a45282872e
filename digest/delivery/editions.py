"""Reading what a run chooses from: open papers, distinct queries, and who matches what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from digest.delivery.planning import Edition
from digest.digests.compose import PaperMasks
from digest.errors import QueryError
from digest.feeds.health import thin_day_notices
from digest.matching.index import QueryIndex
from digest.matching.rank import rank
from digest.model import Paper, QueryId, Subscriber
from digest.settings import DigestSettings
from digest.store.feed_days import all_feed_days
from digest.store.feeds import list_feeds
from digest.store.interests import all_queries, queries_by_ids
from digest.store.papers import open_papers, recent_papers

log = structlog.get_logger(__name__)

WELCOME_LOOKS_BACK = timedelta(days=7)


class Editions:
    """The editions of one run, made once and only when somebody needs them.

    Args:
        queries: Distinct queries with their ids: all, or those of one subscriber.
    """

    def __init__(self, queries: Iterable[tuple[QueryId, str]]) -> None:
        self._index = QueryIndex()
        self._recent: Edition | None = None
        self.query_ids: set[QueryId] = set()
        for query_id, canonical in queries:
            self._add(query_id, canonical)

    @classmethod
    def of_everybody(cls, tx: Session) -> Editions:
        """Index the queries of all active subscribers."""
        return cls(all_queries(tx))

    @classmethod
    def of_one(cls, tx: Session, subscriber: Subscriber) -> Editions:
        """Index the queries of one subscriber."""
        ids = [interest.query_id for interest in subscriber.interests]
        return cls(queries_by_ids(tx, ids).items())

    def today(self, tx: Session, now: datetime, settings: DigestSettings) -> Edition:
        """Match the papers that have a window open at `now`."""
        found = open_papers(tx, now, eligibility_days=settings.eligibility_days)
        opened_at = {paper.id: opened for paper, opened in found}
        papers = rank(paper for paper, _ in found)
        masks = PaperMasks(papers, [opened_at[paper.id] for paper in papers])
        return Edition(
            hits=self._index.match(papers),
            masks=masks,
            notices=thin_day_notices(list_feeds(tx), all_feed_days(tx), now=now),
        )

    def recent(self, tx: Session, now: datetime) -> Edition:
        """Match the papers of the last 7 days, those of baselines too; made once."""
        if self._recent is None:
            self._recent = self._match(recent_papers(tx, now - WELCOME_LOOKS_BACK, now))
        return self._recent

    def _add(self, query_id: QueryId, canonical: str) -> None:
        self.query_ids.add(query_id)
        try:
            self._index.add_canonical(query_id, canonical)
        except QueryError as exc:
            # Refused when saved, so this version reads it otherwise than the one that
            # took it. It matches nothing; everybody's other interests do.
            self._index.add_nothing(query_id)
            log.warning("saved query cannot be read", query_id=query_id, cause=exc.cause)

    def _match(self, found: Sequence[Paper]) -> Edition:
        papers = rank(found)
        return Edition(hits=self._index.match(papers), masks=PaperMasks(papers))
