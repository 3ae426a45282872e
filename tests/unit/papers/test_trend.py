from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.model import FeedId, PaperId, Score
from digest.papers.trend import (
    Velocity,
    newest_before,
    thinned,
    thinning_months,
    velocity,
)

FEB_1 = date(2026, 2, 1)
DAYS = st.lists(st.integers(0, 900).map(lambda n: FEB_1 - timedelta(days=n)), max_size=60)


def score(
    day: int,
    upvotes: int | None = None,
    *,
    feed: int = 1,
    comments: int | None = None,
    stars: int | None = None,
) -> Score:
    return Score(
        paper_id=PaperId(1),
        feed_id=FeedId(feed),
        day=date(2026, 2, day),
        upvotes=upvotes,
        comments=comments,
        stars=stars,
    )


def test_velocity_is_what_was_gained_per_day_between_the_ends() -> None:
    scores = [score(5, 40, comments=3, stars=7), score(1, 10, comments=3), score(3, 11)]

    found = velocity(scores, until=date(2026, 2, 5))

    assert found == Velocity(upvotes=7.5, comments=0.0, stars=None)


def test_velocity_forgets_what_is_older_and_knows_nothing_of_the_future() -> None:
    scores = [score(1, 0), score(8, 70), score(9, 80), score(20, 900)]

    assert velocity(scores, until=date(2026, 2, 9), days=3).upvotes == 10.0


def test_velocity_of_one_score_is_unknown() -> None:
    assert velocity([score(1, 5)], until=date(2026, 2, 1)) == Velocity()
    assert velocity([], until=date(2026, 2, 1)) == Velocity()


def test_the_feed_on_which_a_paper_grows_fastest_counts() -> None:
    scores = [score(1, 10), score(2, 12), score(1, 100, feed=2), score(2, 90, feed=2)]

    assert velocity(scores, until=date(2026, 2, 2)).upvotes == 2.0


def test_the_newest_score_before_a_day_is_of_the_same_feed() -> None:
    scores = [score(1, 1), score(3, 5), score(3, 100, feed=2), score(4, 9), score(2)]

    assert newest_before(scores, feed_id=FeedId(1), day=date(2026, 2, 4)) == 5
    assert newest_before(scores, feed_id=FeedId(1), day=date(2026, 2, 1)) is None


def test_of_old_days_the_first_the_last_and_the_ends_of_months_stay() -> None:
    days = [date(2025, 11, day) for day in (3, 4, 5)]
    days += [date(2025, 12, day) for day in (1, 15, 31)]
    days += [date(2026, 1, 20), FEB_1]

    gone = thinned(days, keep_since=date(2026, 1, 1))

    assert sorted(gone) == [date(2025, 11, 4), date(2025, 12, 1), date(2025, 12, 15)]


def test_the_months_that_are_thinned_are_older_than_two() -> None:
    assert thinning_months(date(2026, 3, 15)) == (
        (date(2025, 12, 1), date(2026, 1, 1)),
        (date(2025, 11, 1), date(2025, 12, 1)),
        (date(2025, 10, 1), date(2025, 11, 1)),
    )


@given(DAYS)
def test_thinning_twice_is_thinning_once_and_keeps_both_ends(days: list[date]) -> None:
    left = set(days) - thinned(days, keep_since=FEB_1)

    assert thinned(left, keep_since=FEB_1) == frozenset()
    assert {min(days), max(days)} <= left if days else not left


@given(DAYS)
def test_at_most_one_day_a_month_and_the_first_are_left(days: list[date]) -> None:
    left = set(days) - thinned(days, keep_since=date.max)

    assert len(left) <= len({(day.year, day.month) for day in days}) + 1
