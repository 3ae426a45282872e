from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.polling import PollReply, after_ingest, decide_state, is_stale, next_poll_at
from digest.model import FeedStatus, PollState

MONDAY = datetime(2026, 2, 2, 8, 0, tzinfo=UTC)
HOUR_S = 3600.0
FRESH = PollState(next_poll_at=MONDAY)
SEEN = PollState(
    next_poll_at=MONDAY,
    status=FeedStatus.OK,
    http_status=200,
    entries=7,
    polled_at=MONDAY - timedelta(hours=1),
    answered_at=MONDAY - timedelta(hours=1),
    changed_at=MONDAY - timedelta(hours=1),
    new_paper_at=MONDAY - timedelta(hours=1),
    etag='"a"',
    last_modified="Mon",
    body_hash="h",
    moved_to="https://new.example.org/",
    usual_gap_days=1,
)


def decide(before: PollState, reply: PollReply, *, now: datetime = MONDAY) -> PollState:
    return decide_state(before, reply, now=now, interval_s=HOUR_S, jitter=0.0)


def test_a_document_makes_a_feed_ok_and_is_remembered() -> None:
    reply = PollReply(
        status=FeedStatus.OK, http_status=200, entries=3, etag='"b"', body_hash="i", moved_to=None
    )

    state = decide(SEEN, reply)

    assert state.status is FeedStatus.OK
    assert (state.entries, state.etag, state.last_modified, state.body_hash) == (
        3,
        '"b"',
        None,
        "i",
    )
    assert state.changed_at == state.answered_at == state.polled_at == MONDAY
    assert state.next_poll_at == MONDAY + timedelta(hours=1)
    assert state.moved_to == "https://new.example.org/"


def test_an_unchanged_reply_keeps_what_was_known() -> None:
    state = decide(SEEN, PollReply(status=FeedStatus.UNCHANGED, http_status=304))

    assert state.status is FeedStatus.UNCHANGED
    assert (state.etag, state.last_modified, state.body_hash) == ('"a"', "Mon", "h")
    assert state.entries == 7
    assert state.changed_at == MONDAY - timedelta(hours=1)
    assert state.answered_at == MONDAY


def test_a_failure_is_told_and_forgets_only_where_the_feed_had_moved_to() -> None:
    reply = PollReply(status=FeedStatus.FAILED, http_status=500, error="the server answered 500")

    state = decide(SEEN, reply)

    assert state.status is FeedStatus.FAILED
    assert state.error == "the server answered 500"
    assert state.failing_since_at == MONDAY
    assert state.failures == 1
    assert (state.etag, state.body_hash, state.entries) == ('"a"', "h", 7)
    assert state.answered_at == MONDAY - timedelta(hours=1)
    assert state.moved_to is None


def test_a_second_failure_keeps_the_time_of_the_first_and_waits_longer() -> None:
    reply = PollReply(status=FeedStatus.FAILED, error="it refuses connections")
    first = decide(SEEN, reply)

    second = decide(first, reply, now=MONDAY + timedelta(hours=1))

    assert second.failing_since_at == MONDAY
    assert second.failures == 2
    assert second.next_poll_at == MONDAY + timedelta(hours=1, minutes=15)


def test_an_answer_ends_a_run_of_failures() -> None:
    failing = decide(SEEN, PollReply(status=FeedStatus.FAILED, error="no answer"))

    state = decide(failing, PollReply(status=FeedStatus.UNCHANGED, http_status=304))

    assert (state.failures, state.failing_since_at, state.error) == (0, None, None)


def test_a_feed_that_is_gone_says_since_when() -> None:
    state = decide(SEEN, PollReply(status=FeedStatus.GONE, http_status=410, error="gone"))

    assert state.status is FeedStatus.GONE
    assert state.gone_at == MONDAY


def test_a_daily_feed_is_stale_after_three_whole_working_days_without_a_new_paper() -> None:
    assert not is_stale(MONDAY, datetime(2026, 2, 5, 23, 0, tzinfo=UTC), usual_gap_days=1)
    assert is_stale(MONDAY, datetime(2026, 2, 6, 0, 0, tzinfo=UTC), usual_gap_days=1)


def test_a_slow_feed_is_stale_after_twice_its_usual_gap() -> None:
    assert not is_stale(MONDAY, MONDAY + timedelta(days=56), usual_gap_days=20)
    assert is_stale(MONDAY, MONDAY + timedelta(days=57), usual_gap_days=20)


def test_a_feed_of_unknown_pace_is_given_ten_working_days() -> None:
    assert not is_stale(MONDAY, MONDAY + timedelta(days=14))
    assert is_stale(MONDAY, MONDAY + timedelta(days=15))


def test_an_empty_document_explains_two_more_days() -> None:
    assert not is_stale(MONDAY, MONDAY + timedelta(days=7), usual_gap_days=1, entries=0)
    assert is_stale(MONDAY, MONDAY + timedelta(days=8), usual_gap_days=1, entries=0)


def test_weekends_do_not_make_a_feed_stale() -> None:
    friday = datetime(2026, 2, 6, 8, 0, tzinfo=UTC)

    assert not is_stale(friday, datetime(2026, 2, 11, 23, 0, tzinfo=UTC), usual_gap_days=1)
    assert is_stale(friday, datetime(2026, 2, 12, 0, 0, tzinfo=UTC), usual_gap_days=1)


def test_many_weeks_without_a_paper_are_stale() -> None:
    assert is_stale(MONDAY, MONDAY + timedelta(days=300))


def test_a_feed_that_never_brought_a_paper_is_not_stale() -> None:
    assert not is_stale(None, MONDAY)


def test_a_feed_that_answers_without_new_papers_for_long_is_shown_as_stale() -> None:
    late = MONDAY + timedelta(days=10)

    unchanged = decide(SEEN, PollReply(status=FeedStatus.UNCHANGED, http_status=304), now=late)
    read = decide(SEEN, PollReply(status=FeedStatus.OK, http_status=200, entries=2), now=late)

    assert unchanged.status is FeedStatus.STALE
    assert read.status is FeedStatus.STALE
    assert read.changed_at == late


def test_new_papers_end_staleness_and_none_leave_it() -> None:
    late = MONDAY + timedelta(days=10)
    stale = decide(SEEN, PollReply(status=FeedStatus.OK, http_status=200, entries=2), now=late)

    assert after_ingest(stale, new_papers=2).status is FeedStatus.OK
    assert after_ingest(stale, new_papers=2).new_paper_at == late
    assert after_ingest(stale, new_papers=0) == stale


def test_retry_after_wins_when_it_is_later() -> None:
    reply = PollReply(status=FeedStatus.FAILED, http_status=429, error="x", retry_after_s=7200)

    assert decide(SEEN, reply).next_poll_at == MONDAY + timedelta(hours=2)


def test_max_age_is_believed_up_to_a_day() -> None:
    day = decide(SEEN, PollReply(status=FeedStatus.UNCHANGED, max_age_s=7200))
    year = decide(SEEN, PollReply(status=FeedStatus.UNCHANGED, max_age_s=31_536_000))

    assert day.next_poll_at == MONDAY + timedelta(hours=2)
    assert year.next_poll_at == MONDAY + timedelta(days=1)


def test_backoff_ends_at_six_hours() -> None:
    when = next_poll_at(
        now=MONDAY, interval_s=HOUR_S, failures=50, retry_after_s=None, max_age_s=None, jitter=0
    )

    assert when == MONDAY + timedelta(hours=6)


def test_backoff_never_shortens_a_long_interval() -> None:
    when = next_poll_at(
        now=MONDAY, interval_s=86_400, failures=4, retry_after_s=None, max_age_s=None, jitter=0
    )

    assert when == MONDAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 5), (2, 15), (3, 30), (4, 120), (5, 240), (6, 360)]
)
def test_first_failures_are_tried_again_soon_and_then_ever_later(
    failures: int, minutes: int
) -> None:
    when = next_poll_at(
        now=MONDAY,
        interval_s=HOUR_S,
        failures=failures,
        retry_after_s=None,
        max_age_s=None,
        jitter=0,
    )

    assert when == MONDAY + timedelta(minutes=minutes)


def test_jitter_adds_up_to_a_tenth() -> None:
    when = next_poll_at(
        now=MONDAY, interval_s=HOUR_S, failures=0, retry_after_s=None, max_age_s=None, jitter=0.5
    )

    assert when == MONDAY + timedelta(minutes=63)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        next_poll_at(
            now=datetime(2026, 2, 2),  # noqa: DTZ001
            interval_s=60,
            failures=0,
            retry_after_s=None,
            max_age_s=None,
            jitter=0,
        )


SECONDS = st.none() | st.floats(0, 1e12)


@given(
    st.floats(60, 1e9), st.integers(0, 10_000), SECONDS, SECONDS, st.floats(0, 1, exclude_max=True)
)
def test_the_next_poll_is_always_later_and_within_31_days(
    interval_s: float,
    failures: int,
    retry_after_s: float | None,
    max_age_s: float | None,
    jitter: float,
) -> None:
    when = next_poll_at(
        now=MONDAY,
        interval_s=interval_s,
        failures=failures,
        retry_after_s=retry_after_s,
        max_age_s=max_age_s,
        jitter=jitter,
    )

    assert MONDAY < when <= MONDAY + timedelta(days=31)
