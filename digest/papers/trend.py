"""How a paper's counts move: change, velocity, and which old scores to keep. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from digest.model import FeedId, Score

KEPT_WHOLE = timedelta(days=60)
"""Scores of the last weeks are kept for every day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Velocity:
    """Counts gained per day; None where no two scores say how many."""

    upvotes: float | None = None
    comments: float | None = None
    stars: float | None = None


def newest_before(scores: Iterable[Score], *, feed_id: FeedId, day: date) -> int | None:
    """Return the upvotes that a feed gave last before a day, None when it gave none."""
    earlier = [
        (score.day, score.upvotes)
        for score in scores
        if score.feed_id == feed_id and score.day < day and score.upvotes is not None
    ]
    return max(earlier)[1] if earlier else None


def velocity(scores: Sequence[Score], *, until: date, days: int = 7) -> Velocity:
    """Work out what a paper gained per day, lately.

    Scores of different feeds are not compared: each count is of the feed on which it
    grew fastest. Where a count stood still it is 0, where it fell it is negative.

    Args:
        scores: Of one paper, in any order.
        until: The last day that counts.
        days: How far back the first score may lie.
    """
    return Velocity(
        upvotes=_fastest(scores, "upvotes", until=until, days=days),
        comments=_fastest(scores, "comments", until=until, days=days),
        stars=_fastest(scores, "stars", until=until, days=days),
    )


def thinned(days: Iterable[date], *, keep_since: date) -> frozenset[date]:
    """Return which days of one paper's scores on one feed can go.

    The first and the last stay, all since `keep_since`, and the last of each month.
    """
    ordered = sorted(set(days))
    old = [day for day in ordered if day < keep_since]
    last_of_month = {(day.year, day.month): day for day in old}
    kept = {*ordered[:1], *ordered[-1:], *last_of_month.values()}
    return frozenset(day for day in old if day not in kept)


def thinning_months(today: date) -> tuple[tuple[date, date], ...]:
    """Return the months whose scores are thinned now: the last three that are old enough.

    Each is its first day and the first day after it.
    """
    after = (today - KEPT_WHOLE).replace(day=1)
    months = []
    for _ in range(3):
        first = (after - timedelta(days=1)).replace(day=1)
        months.append((first, after))
        after = first
    return tuple(months)


def _fastest(scores: Sequence[Score], count: str, *, until: date, days: int) -> float | None:
    rates = [
        rate
        for feed_id in {score.feed_id for score in scores}
        if (rate := _rate(scores, feed_id, count, until=until, days=days)) is not None
    ]
    return max(rates, default=None)


def _rate(
    scores: Sequence[Score], feed_id: FeedId, count: str, *, until: date, days: int
) -> float | None:
    points = sorted(
        (score.day, value)
        for score in scores
        if score.feed_id == feed_id
        and 0 <= (until - score.day).days <= days
        and (value := getattr(score, count)) is not None
    )
    if len(points) < 2:
        return None
    (first_day, first), (last_day, last) = points[0], points[-1]
    return float(last - first) / (last_day - first_day).days
