"""Scores day by day: read them, and thin out the old ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from itertools import islice

from sqlalchemy import Table, bindparam, func, select
from sqlmodel import Session

from digest.model import PaperId, Score
from digest.store.ingest import score_value
from digest.store.tables import ScoreRow

_LEFT = 2
"""What thinning leaves at most of a month: the first of all, and the last of the month."""
_SCORE: Table = ScoreRow.metadata.tables["score"]


def paper_scores(tx: Session, paper_id: PaperId) -> list[Score]:
    """Return all scores of a paper that are kept, oldest first."""
    rows = tx.execute(
        select(_SCORE).where(_SCORE.c.paper_id == paper_id).order_by(_SCORE.c.day, _SCORE.c.feed_id)
    )
    return [score_value(row) for row in rows]


def thin_scores(
    tx: Session,
    *,
    month: tuple[date, date],
    thinned: Callable[[Iterable[date]], frozenset[date]],
) -> int:
    """Delete the scores of a month that can go; return how many those were.

    Args:
        tx: A writing transaction.
        month: Its first day, and the first day after it.
        thinned: Says which of the days of one paper on one feed can go, of all it has.
    """
    first, after = month
    key = (_SCORE.c.paper_id, _SCORE.c.feed_id)
    crowded = (
        select(*key)
        .where(_SCORE.c.day >= first, _SCORE.c.day < after)
        .group_by(*key)
        .having(func.count() > _LEFT)
    )
    days: dict[tuple[int, int], list[date]] = defaultdict(list)
    for paper_id, feed_id in tx.execute(crowded):
        days[paper_id, feed_id] = []
    for one in days:
        found = select(_SCORE.c.day).where(_SCORE.c.paper_id == one[0], _SCORE.c.feed_id == one[1])
        days[one] = list(tx.execute(found).scalars())
    gone = (
        {"p": paper_id, "f": feed_id, "d": day}
        for (paper_id, feed_id), kept in days.items()
        for day in thinned(kept)
        if first <= day < after
    )
    statement = _SCORE.delete().where(
        _SCORE.c.paper_id == bindparam("p"),
        _SCORE.c.feed_id == bindparam("f"),
        _SCORE.c.day == bindparam("d"),
    )
    count = 0
    while batch := list(islice(gone, 10_000)):
        tx.connection().execute(statement, batch)
        count += len(batch)
    return count
