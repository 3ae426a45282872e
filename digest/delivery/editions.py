"""Reading what a run chooses from: open papers, distinct queries, and who matches what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from digest.delivery.known_queries import KnownQueries
from digest.delivery.planning import Edition
from digest.digests.compose import PaperMasks
from digest.feeds.health import thin_day_notices
from digest.matching.rank import rank
from digest.matching.reading import NO_SYNONYMS, Synonyms
from digest.model import Paper, Subscriber
from digest.settings import DigestSettings
from digest.store.feed_days import all_feed_days
from digest.store.feeds import list_feeds
from digest.store.papers import open_papers, recent_papers

WELCOME_LOOKS_BACK = timedelta(days=7)


class Editions:
    """The editions of one run, made once and only when somebody needs them.

    Args:
        queries: All, or those of one subscriber.
    """

    def __init__(self, queries: KnownQueries) -> None:
        self._queries = queries
        self._recent: Edition | None = None

    @classmethod
    def of_one(
        cls, tx: Session, subscriber: Subscriber, synonyms: Synonyms = NO_SYNONYMS
    ) -> Editions:
        """Index the queries of one subscriber."""
        queries = KnownQueries(synonyms)
        queries.include(tx, [interest.query_id for interest in subscriber.interests])
        return cls(queries)

    def today(self, tx: Session, now: datetime, settings: DigestSettings) -> Edition:
        """Match the papers that have a window open at `now`."""
        found = open_papers(tx, now, eligibility_days=settings.eligibility_days)
        opened_at = {paper.id: opened for paper, opened in found}
        papers = rank(paper for paper, _ in found)
        masks = PaperMasks(papers, [opened_at[paper.id] for paper in papers])
        return Edition(
            hits=self._queries.match(papers),
            masks=masks,
            notices=thin_day_notices(list_feeds(tx), all_feed_days(tx), now=now),
        )

    def recent(self, tx: Session, now: datetime) -> Edition:
        """Match the papers of the last 7 days, those of baselines too; made once."""
        if self._recent is None:
            self._recent = self._match(recent_papers(tx, now - WELCOME_LOOKS_BACK, now))
        return self._recent

    def _match(self, found: Sequence[Paper]) -> Edition:
        papers = rank(found)
        return Edition(hits=self._queries.match(papers), masks=PaperMasks(papers))
