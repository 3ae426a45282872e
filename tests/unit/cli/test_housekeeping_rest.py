from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.housekeeping import decide_rest

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)


def test_pruning_is_safe_while_the_service_ticks() -> None:
    rest = decide_rest(last_tick_at=NOW - timedelta(hours=1), no_pruning_before=None, now=NOW)

    assert rest is None


def test_a_service_that_never_ticked_has_nothing_to_be_careful_of() -> None:
    assert decide_rest(last_tick_at=None, no_pruning_before=None, now=NOW) is None


@pytest.mark.parametrize("away", [timedelta(hours=49), timedelta(days=400), timedelta(hours=-1)])
def test_after_a_long_absence_or_a_jump_back_nothing_is_pruned_for_a_day(
    away: timedelta,
) -> None:
    rest = decide_rest(last_tick_at=NOW - away, no_pruning_before=None, now=NOW)

    assert rest == NOW + timedelta(days=1)


def test_the_rest_lasts_although_the_service_ticks_again() -> None:
    rest = decide_rest(
        last_tick_at=NOW - timedelta(hours=1),
        no_pruning_before=NOW + timedelta(hours=5),
        now=NOW,
    )

    assert rest == NOW + timedelta(hours=5)


def test_the_rest_ends() -> None:
    rest = decide_rest(
        last_tick_at=NOW - timedelta(hours=1),
        no_pruning_before=NOW - timedelta(minutes=1),
        now=NOW,
    )

    assert rest is None


def test_a_rest_written_by_a_clock_far_ahead_does_not_last_for_ever() -> None:
    rest = decide_rest(
        last_tick_at=NOW - timedelta(hours=1),
        no_pruning_before=NOW + timedelta(days=400),
        now=NOW,
    )

    assert rest is None
