"""Counts over the whole library, kept in memory because they cost a look at every paper."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from digest.model import Topic
from digest.store.fulltext import count_tagged
from digest.store.library import (
    Tally,
    count_library,
    month_tallies,
    newest_paper_id,
    tag_tallies,
)

_MAX_TAGS = 600
_MAX_AGE_S = 600.0
_SHARE = 20
"""Counting may take one twentieth of the time: what took 1 s is kept 20 s at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicTally:
    """A topic and how many papers are about it."""

    topic: Topic
    papers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryFacts:
    """How many papers there are, by topic, tag and month (`2026-02`).

    Topics stand as the operator has them, months newest first, and tags by their papers;
    `tags` are those that feeds gave, `labels` these and the topics.
    """

    papers: int
    topics: tuple[TopicTally, ...]
    tags: tuple[Tally, ...]
    labels: tuple[Tally, ...]
    months: tuple[Tally, ...]


class FactKeeper:
    """Counts again when papers came, or after ten minutes.

    Args:
        topics: As the operator defines them.
        timer: Monotonic seconds; only ages are read off it.
    """

    def __init__(
        self, topics: Sequence[Topic] = (), timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._topics = topics
        self._timer = timer
        self._lock = threading.Lock()
        self._facts: LibraryFacts | None = None
        self._of_paper = -1
        self._at = 0.0
        self._took_s = 0.0

    def read(self, tx: Session) -> LibraryFacts:
        """Return the counts; at most ten minutes old."""
        newest = newest_paper_id(tx)
        facts = self._facts
        if facts is not None and self._fresh(newest):
            return facts
        with self._lock:
            if self._facts is None or not self._fresh(newest):
                began = self._timer()
                self._facts = self._count(tx)
                self._at = self._timer()
                self._took_s = self._at - began
                self._of_paper = newest
            return self._facts

    def _count(self, tx: Session) -> LibraryFacts:
        about = count_tagged(tx, [topic.name for topic in self._topics])
        topics = tuple(TopicTally(topic=one, papers=about.get(one.name, 0)) for one in self._topics)
        labels = tuple(tag_tallies(tx, limit=_MAX_TAGS))
        ours = {topic.name.casefold() for topic in self._topics}
        return LibraryFacts(
            papers=count_library(tx),
            topics=topics,
            tags=tuple(one for one in labels if one.name.casefold() not in ours),
            labels=labels,
            months=tuple(month_tallies(tx)),
        )

    def _fresh(self, newest: int) -> bool:
        age = self._timer() - self._at
        if newest == self._of_paper:
            return age < _MAX_AGE_S
        return age < _SHARE * self._took_s and self._took_s > 0.05
