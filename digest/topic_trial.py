"""Try topics on the papers of some days, before papers are read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digest.matching.annotate import Annotator
from digest.matching.index import best
from digest.matching.rank import rank
from digest.model import Paper, Topic
from digest.store.fulltext import seen_ids
from digest.store.papers import load_papers

_BATCH = 1_000
"""Papers held at once, so that a year of them needs no more memory than a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFound:
    """What one topic would catch: how many papers, and the best of them in their order."""

    topic: Topic
    total: int
    best: tuple[Paper, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicTrial:
    """What topics would catch of `papers` papers; `none` of these would carry no topic."""

    papers: int
    none: int
    found: tuple[TopicFound, ...]


def try_topics(
    tx: Session, annotator: Annotator, *, since: datetime, until: datetime, show: int
) -> TopicTrial:
    """Read papers of some days against all topics at once.

    Whoever has just changed a topic wants to know what it would catch, and no paper was
    read against it yet: the full-text index cannot tell.

    Args:
        tx: A transaction.
        annotator: With the topics to try.
        since: Papers first seen, or listed, from here on.
        until: Up to here.
        show: How many papers of each topic to give.
    """
    ids = seen_ids(tx, since, until)
    totals = [0] * len(annotator.topics)
    kept: list[list[Paper]] = [[] for _ in annotator.topics]
    none = 0
    for start in range(0, len(ids), _BATCH):
        ranked = rank(load_papers(tx, ids[start : start + _BATCH], topics=False).values())
        caught = annotator.caught(ranked)
        for number, bits in enumerate(caught):
            totals[number] += bits.bit_count()
            kept[number] += [ranked[place] for place in best(bits, show)]
            kept[number] = rank(kept[number])[:show]
        none += len(ranked) - _joined(caught).bit_count()
    found = zip(annotator.topics, totals, kept, strict=True)
    return TopicTrial(
        papers=len(ids),
        none=none,
        found=tuple(
            TopicFound(topic=topic, total=total, best=tuple(papers))
            for topic, total, papers in found
        ),
    )


def _joined(bit_sets: Sequence[int]) -> int:
    joined = 0
    for bits in bit_sets:
        joined |= bits
    return joined
