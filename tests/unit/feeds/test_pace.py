from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.pace import stretch
from digest.model import PollState

HOUR_S = 3600.0
TUESDAY_NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)
LAST_WEEK_AT_TEN = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
WEEKLY = PollState(
    next_poll_at=TUESDAY_NOON + timedelta(hours=1),
    polled_at=TUESDAY_NOON,
    new_paper_at=LAST_WEEK_AT_TEN,
    usual_gap_days=5,
)


def test_a_weekly_feed_is_asked_after_five_intervals() -> None:
    state = stretch(WEEKLY, interval_s=HOUR_S)

    assert state == replace(WEEKLY, next_poll_at=datetime(2026, 2, 10, 17, 0, tzinfo=UTC))


def test_no_feed_is_left_alone_for_more_than_six_hours() -> None:
    state = stretch(replace(WEEKLY, usual_gap_days=30), interval_s=HOUR_S)

    assert state.next_poll_at == datetime(2026, 2, 10, 18, 0, tzinfo=UTC)


def test_the_time_of_day_of_the_last_paper_is_not_slept_through() -> None:
    early = datetime(2026, 2, 10, 7, 0, tzinfo=UTC)
    before = replace(WEEKLY, polled_at=early, next_poll_at=early + timedelta(hours=1))

    assert stretch(before, interval_s=HOUR_S).next_poll_at == datetime(
        2026, 2, 10, 10, 0, tzinfo=UTC
    )


def test_at_that_very_time_the_next_one_is_a_day_away() -> None:
    ten = datetime(2026, 2, 10, 10, 0, tzinfo=UTC)
    before = replace(WEEKLY, polled_at=ten, next_poll_at=ten + timedelta(hours=1))

    assert stretch(before, interval_s=HOUR_S).next_poll_at == datetime(
        2026, 2, 10, 15, 0, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(replace(WEEKLY, usual_gap_days=1), id="daily"),
        pytest.param(replace(WEEKLY, usual_gap_days=None), id="unknown pace"),
        pytest.param(replace(WEEKLY, new_paper_at=None), id="never a paper"),
        pytest.param(replace(WEEKLY, failures=2), id="failing"),
        pytest.param(
            replace(WEEKLY, new_paper_at=TUESDAY_NOON - timedelta(hours=23)), id="news of today"
        ),
        pytest.param(replace(WEEKLY, polled_at=None), id="never polled"),
        pytest.param(
            replace(WEEKLY, next_poll_at=TUESDAY_NOON + timedelta(days=3)), id="asked to wait"
        ),
    ],
)
def test_these_feeds_keep_their_next_poll(state: PollState) -> None:
    assert stretch(state, interval_s=HOUR_S) == state


def test_a_long_interval_is_not_made_shorter() -> None:
    before = replace(WEEKLY, next_poll_at=TUESDAY_NOON + timedelta(hours=12))

    assert stretch(before, interval_s=12 * HOUR_S) == before


@given(st.integers(0, 60 * 24 * 60), st.integers(1, 10_000), st.floats(60, 1e9))
def test_a_poll_is_put_off_by_six_hours_at_most_and_never_past_the_usual_hour(
    silent_minutes: int, gap_days: int, interval_s: float
) -> None:
    news_at = TUESDAY_NOON - timedelta(minutes=silent_minutes)
    before = replace(WEEKLY, new_paper_at=news_at, usual_gap_days=gap_days)

    after = stretch(before, interval_s=interval_s).next_poll_at

    usual_hour = news_at + timedelta(days=silent_minutes // (24 * 60) + 1)
    latest = max(before.next_poll_at, min(TUESDAY_NOON + timedelta(hours=6), usual_hour))
    assert before.next_poll_at <= after <= latest
