from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.digests.schedule import (
    MAX_MISSED,
    Owed,
    OwedPeriod,
    first_digest_at,
    next_digest_at,
    owed_periods,
    period_of,
    scheduled_instant,
    zone_of,
)
from digest.errors import UsageError
from digest.model import Period, Schedule

DAILY = frozenset(range(7))
ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Nuuk",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
    "Africa/Casablanca",
    "Antarctica/Troll",
)


def every_day(timezone: str, hour: int, pause_until: datetime | None = None) -> Schedule:
    return Schedule(timezone=timezone, hour=hour, weekdays=DAILY, pause_until=pause_until)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "hour", "day", "instant"),
    [
        ("Europe/Paris", 8, date(2026, 2, 3), "2026-02-03T07:00"),
        ("Asia/Kolkata", 8, date(2026, 2, 3), "2026-02-03T02:30"),
        ("America/St_Johns", 8, date(2026, 2, 3), "2026-02-03T11:30"),
        # 02:00 does not exist: the clock goes from 02:00 to 03:00.
        ("Europe/Paris", 2, date(2026, 3, 29), "2026-03-29T01:00"),
        # 02:00 comes twice: the first is in summer time.
        ("Europe/Paris", 2, date(2026, 10, 25), "2026-10-25T00:00"),
        # Half an hour is skipped, from 02:00 to 02:30 (UTC+10:30 to +11).
        ("Australia/Lord_Howe", 2, date(2026, 10, 4), "2026-10-03T15:30"),
        # From 00:01 to 01:01: the first instant after the gap is 01:01.
        ("America/St_Johns", 1, date(2010, 3, 14), "2010-03-14T03:31"),
        # Midnight is skipped.
        ("America/Sao_Paulo", 0, date(2018, 11, 4), "2018-11-04T03:00"),
        # From Saturday 23:00 to Sunday 00:00.
        ("America/Nuuk", 23, date(2025, 3, 29), "2025-03-30T01:00"),
        ("Pacific/Apia", 8, date(2011, 12, 29), "2011-12-29T18:00"),
        ("Pacific/Apia", 8, date(2011, 12, 31), "2011-12-30T18:00"),
    ],
)
def test_hour_of_a_day_is_one_instant(zone: str, hour: int, day: date, instant: str) -> None:
    assert scheduled_instant(zone, hour, day) == utc(instant)


def test_date_that_a_zone_skipped_has_no_digest() -> None:
    assert scheduled_instant("Pacific/Apia", 8, date(2011, 12, 30)) is None


def test_next_digest_crosses_the_date_line_with_its_zone() -> None:
    schedule = every_day("Pacific/Apia", 8)

    found = next_digest_at(schedule, utc("2011-12-29T18:00"))

    assert found == utc("2011-12-30T18:00")
    assert period_of(schedule, found) == "2011-12-31"


def test_gap_at_midnight_keeps_the_day_that_was_meant() -> None:
    schedule = every_day("America/Nuuk", 23)

    found = next_digest_at(schedule, utc("2025-03-29T12:00"))

    assert found == utc("2025-03-30T01:00")
    assert period_of(schedule, found) == "2025-03-29"
    assert period_of(schedule, next_digest_at(schedule, found)) == "2025-03-30"


def test_period_of_an_instant_that_is_not_scheduled_is_its_local_date() -> None:
    assert period_of(every_day("Asia/Tokyo", 8), utc("2026-02-02T18:00")) == "2026-02-03"


def test_next_digest_is_strictly_after() -> None:
    schedule = every_day("Europe/Paris", 8)

    assert next_digest_at(schedule, utc("2026-02-03T07:00")) == utc("2026-02-04T07:00")
    assert next_digest_at(schedule, utc("2026-02-03T06:59:59")) == utc("2026-02-03T07:00")


def test_weekdays_skip_the_weekend() -> None:
    schedule = Schedule(timezone="Europe/Paris", hour=8, weekdays=frozenset(range(5)))

    assert next_digest_at(schedule, utc("2026-02-06T07:00")) == utc("2026-02-09T07:00")


def test_pause_holds_digests_back_until_it_ends() -> None:
    schedule = every_day("Europe/Paris", 8, pause_until=utc("2026-03-10T07:00"))

    assert next_digest_at(schedule, utc("2026-02-03T00:00")) == utc("2026-03-10T07:00")


def test_pause_that_ended_changes_nothing() -> None:
    schedule = every_day("Europe/Paris", 8, pause_until=utc("2026-01-10T07:00"))

    assert next_digest_at(schedule, utc("2026-02-03T07:00")) == utc("2026-02-04T07:00")


def test_schedule_without_days_is_refused() -> None:
    schedule = Schedule(timezone="UTC", hour=8, weekdays=frozenset())

    with pytest.raises(ValueError, match="at least one day"):
        next_digest_at(schedule, utc("2026-02-03T00:00"))


def test_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        next_digest_at(every_day("UTC", 8), datetime(2026, 2, 3))  # noqa: DTZ001 - on purpose


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe", "Europe/Paris\0"])
def test_unknown_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(UsageError, match="is no IANA time zone"):
        zone_of(name)


def test_first_digest_comes_at_the_next_hour() -> None:
    schedule = every_day("UTC", 8)

    assert first_digest_at(schedule, utc("2026-02-03T07:30")) == utc("2026-02-03T08:00")


@pytest.mark.parametrize(
    ("confirmed", "first"),
    [
        ("2026-02-03T07:30", "2026-02-04T08:00"),
        ("2026-02-03T20:00", "2026-02-04T08:00"),
        ("2026-02-03T20:00:01", "2026-02-05T08:00"),
    ],
)
def test_first_digest_leaves_twelve_hours_after_a_welcome(confirmed: str, first: str) -> None:
    schedule = every_day("UTC", 8)

    assert first_digest_at(schedule, utc(confirmed), welcome=True) == utc(first)


def test_nothing_is_owed_before_its_time() -> None:
    schedule = every_day("UTC", 8)

    owed = owed_periods(schedule, utc("2026-02-04T08:00"), utc("2026-02-04T07:59:59"))

    assert owed == Owed((), None, utc("2026-02-04T08:00"))


def test_period_is_owed_from_its_instant_until_the_next() -> None:
    schedule = every_day("UTC", 8)
    period = OwedPeriod(Period("2026-02-04"), utc("2026-02-04T08:00"), utc("2026-02-05T08:00"))

    at_once = owed_periods(schedule, utc("2026-02-04T08:00"), utc("2026-02-04T08:00"))
    late = owed_periods(schedule, utc("2026-02-04T08:00"), utc("2026-02-05T07:59:59"))

    assert at_once == Owed((), period, utc("2026-02-05T08:00"))
    assert late == at_once


def test_periods_that_passed_wholly_are_missed_and_the_open_one_is_owed() -> None:
    schedule = every_day("UTC", 8)

    owed = owed_periods(schedule, utc("2026-02-01T08:00"), utc("2026-02-03T08:00"))

    assert owed == Owed(
        (
            OwedPeriod(Period("2026-02-01"), utc("2026-02-01T08:00"), utc("2026-02-02T08:00")),
            OwedPeriod(Period("2026-02-02"), utc("2026-02-02T08:00"), utc("2026-02-03T08:00")),
        ),
        OwedPeriod(Period("2026-02-03"), utc("2026-02-03T08:00"), utc("2026-02-04T08:00")),
        utc("2026-02-04T08:00"),
    )


def test_years_of_downtime_are_told_in_bounded_steps_and_none_is_lost() -> None:
    schedule = every_day("UTC", 8)
    now = utc("2026-02-03T09:00")

    first = owed_periods(schedule, utc("2024-06-01T08:00"), now)
    second = owed_periods(schedule, first.next_digest_at, now)

    assert len(first.missed) == MAX_MISSED
    assert first.current is None
    assert first.next_digest_at == utc("2025-07-06T08:00")
    assert len(second.missed) == 212
    assert second.current is not None
    assert second.current.period == "2026-02-03"


def test_stored_instant_far_ahead_is_recomputed() -> None:
    schedule = every_day("UTC", 8)

    owed = owed_periods(schedule, utc("2026-03-01T08:00"), utc("2026-02-03T07:00"))

    assert owed == Owed((), None, utc("2026-02-03T08:00"))


def test_stored_instant_far_ahead_stands_while_paused() -> None:
    schedule = every_day("UTC", 8, pause_until=utc("2026-03-01T00:00"))

    owed = owed_periods(schedule, utc("2026-03-01T08:00"), utc("2026-02-03T07:00"))

    assert owed == Owed((), None, utc("2026-03-01T08:00"))


def test_nothing_is_owed_while_paused() -> None:
    schedule = every_day("UTC", 8, pause_until=utc("2026-02-10T00:00"))

    owed = owed_periods(schedule, utc("2026-02-03T08:00"), utc("2026-02-03T09:00"))

    assert owed == Owed((), None, utc("2026-02-10T08:00"))


def test_periods_inside_a_pause_that_ended_are_not_owed() -> None:
    schedule = every_day("UTC", 8, pause_until=utc("2026-02-05T12:00"))

    owed = owed_periods(schedule, utc("2026-02-03T08:00"), utc("2026-02-06T09:00"))

    assert owed == Owed(
        (),
        OwedPeriod(Period("2026-02-06"), utc("2026-02-06T08:00"), utc("2026-02-07T08:00")),
        utc("2026-02-07T08:00"),
    )


def test_stored_instant_of_an_older_hour_takes_the_place_of_that_day() -> None:
    schedule = every_day("UTC", 8)

    owed = owed_periods(schedule, utc("2026-02-03T06:00"), utc("2026-02-03T09:00"))

    assert owed == Owed(
        (),
        OwedPeriod(Period("2026-02-03"), utc("2026-02-03T06:00"), utc("2026-02-04T08:00")),
        utc("2026-02-04T08:00"),
    )


schedules = st.builds(
    Schedule,
    timezone=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
)
instants = st.datetimes(
    min_value=datetime(1993, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(2045, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(schedules, instants)
def test_next_digest_is_in_the_future_on_a_wanted_day_and_not_far(
    schedule: Schedule, after: datetime
) -> None:
    found = next_digest_at(schedule, after)

    assert after < found <= after + timedelta(days=15)
    assert date.fromisoformat(period_of(schedule, found)).weekday() in schedule.weekdays


@given(
    st.sampled_from([zone for zone in ZONES if zone not in ("Pacific/Apia", "Pacific/Kwajalein")]),
    st.integers(0, 23),
    st.sampled_from([DAILY, frozenset({0})]),
    instants,
)
def test_next_digest_comes_within_eight_days(
    zone: str, hour: int, weekdays: frozenset[int], after: datetime
) -> None:
    schedule = Schedule(timezone=zone, hour=hour, weekdays=weekdays)

    assert next_digest_at(schedule, after) - after < timedelta(days=8)


@given(schedules, instants, st.timedeltas(timedelta(0), timedelta(days=30)))
def test_next_digest_is_monotone(schedule: Schedule, after: datetime, later: timedelta) -> None:
    assert next_digest_at(schedule, after) <= next_digest_at(schedule, after + later)


@given(schedules, instants)
def test_no_date_is_ever_scheduled_twice(schedule: Schedule, start: datetime) -> None:
    periods = []
    at = start
    for _ in range(20):
        at = next_digest_at(schedule, at)
        periods.append(period_of(schedule, at))

    assert periods == sorted(set(periods))


@given(schedules, instants, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_owed_periods_join_without_gap_or_overlap(
    schedule: Schedule, start: datetime, downtime: timedelta
) -> None:
    stored = next_digest_at(schedule, start)
    now = stored + downtime

    owed = owed_periods(schedule, stored, now)

    assert owed.current is not None
    every = (*owed.missed, owed.current)
    assert every[0].scheduled_at == stored
    assert all(a.closes_at == b.scheduled_at for a, b in pairwise(every))
    assert owed.current.scheduled_at <= now < owed.current.closes_at == owed.next_digest_at
    assert len({period.period for period in every}) == len(every)


@given(st.sampled_from(ZONES), st.integers(0, 23), instants)
def test_scheduled_instant_is_the_first_at_or_after_its_hour(
    zone: str, hour: int, near: datetime
) -> None:
    day = near.date()

    instant = scheduled_instant(zone, hour, day)

    if instant is not None:
        local = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        before = (instant - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        wanted = datetime.combine(day, datetime.min.time()).replace(hour=hour)
        assert before < wanted <= local
