"""When digests are owed: local hours, time zones, days and pauses.

The day decides, not the instant: each wanted local date has one scheduled instant, so
daylight saving can neither drop a digest nor send two. See docs/adr/0010.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digest.errors import UsageError
from digest.model import Period, Schedule

FIRST_AFTER_WELCOME = timedelta(hours=12)
FAR_AHEAD = timedelta(days=8)
MAX_MISSED = 400
_DAY = timedelta(days=1)
# A weekly digest whose date the zone skipped (Samoa, 30 December 2011) waits two weeks.
_MAX_DAYS_AHEAD = 16


class OwedPeriod(NamedTuple):
    """A period that came due; it is open from `scheduled_at` until `closes_at`."""

    period: Period
    scheduled_at: datetime
    closes_at: datetime


class Owed(NamedTuple):
    """What a look at one subscriber's schedule found.

    `missed` passed wholly while nobody looked, oldest first. `current` is open now, or
    None. `next_digest_at` is to be stored; where it is still not after `now`, more
    than `MAX_MISSED` periods were missed and the caller asks again.
    """

    missed: tuple[OwedPeriod, ...]
    current: OwedPeriod | None
    next_digest_at: datetime


def zone_of(name: str) -> ZoneInfo:
    """Return the IANA zone `name`.

    Raises:
        UsageError: If there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise UsageError(
            f"time zone {name!r}: is no IANA time zone, such as Europe/Paris or UTC"
        ) from exc


@lru_cache(maxsize=65536)
def scheduled_instant(timezone: str, hour: int, day: date) -> datetime | None:
    """Return the instant at which `hour` strikes on the local date `day`.

    An hour that daylight saving skips means the first instant after the gap; one that
    comes twice, the first. None where the zone has no such date at all.
    """
    zone = zone_of(timezone)
    local = datetime.combine(day, time(hour))
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    if _wall(instant, zone) == local:
        return instant
    # Inside a gap fold=1 reads the clock of after it, which gives an instant before it.
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    low, high = int(before.timestamp()), int(instant.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if _wall(datetime.fromtimestamp(middle, UTC), zone) > local:
            high = middle
        else:
            low = middle
    first = datetime.fromtimestamp(high, UTC)
    last_before = _wall(first - timedelta(seconds=1), zone)
    if last_before.date() < day < _wall(first, zone).date():
        return None
    return first


def period_of(schedule: Schedule, instant: datetime) -> Period:
    """Return the period whose digest is scheduled at `instant`.

    This is its local date, except where a gap at midnight moved the last hour of a day
    into the next one: then it is the day that was meant.
    """
    day = _wall(instant, zone_of(schedule.timezone)).date()
    for candidate in (day, day - _DAY):
        if scheduled_instant(schedule.timezone, schedule.hour, candidate) == instant:
            return Period(candidate.isoformat())
    return Period(day.isoformat())


def next_digest_at(schedule: Schedule, after: datetime) -> datetime:
    """Return the next scheduled instant strictly after `after` and not before the pause ends.

    Raises:
        UsageError: If the time zone is unknown.
        ValueError: If `after` is naive or no day is wanted.
    """
    if after.tzinfo is None:
        raise ValueError("after must be aware")
    pause = schedule.pause_until
    start = max(after, pause) if pause is not None else after
    first_day = _wall(start, zone_of(schedule.timezone)).date() - _DAY
    for ahead in range(_MAX_DAYS_AHEAD + 1):
        day = first_day + ahead * _DAY
        if day.weekday() not in schedule.weekdays:
            continue
        instant = scheduled_instant(schedule.timezone, schedule.hour, day)
        if instant is None or instant <= after or (pause is not None and instant < pause):
            continue
        return instant
    raise ValueError("a schedule needs at least one day of the week")


def first_digest_at(schedule: Schedule, after: datetime, *, welcome: bool = False) -> datetime:
    """Return when the first scheduled digest comes to someone who confirmed at `after`.

    With `welcome` a digest goes out at once, and the first scheduled one comes at
    least 12 hours later.
    """
    if not welcome:
        return next_digest_at(schedule, after)
    return next_digest_at(schedule, after + FIRST_AFTER_WELCOME - timedelta(microseconds=1))


def owed_periods(schedule: Schedule, next_digest_at: datetime, now: datetime) -> Owed:
    """Say which periods came due by `now`, given the stored `next_digest_at`.

    Nothing scheduled before the end of a pause is owed. A stored instant more than 8
    days ahead is recomputed unless the subscriber is paused (a clock was wrong, or the
    zone's rules changed). A stored instant that the schedule no longer gives still
    stands, once.
    """
    pause = schedule.pause_until
    paused = pause is not None and pause > now
    if next_digest_at > now:
        if next_digest_at - now > FAR_AHEAD and not paused:
            return Owed((), None, _after(schedule, now))
        return Owed((), None, next_digest_at)
    if paused:
        return Owed((), None, _after(schedule, now))
    at = next_digest_at
    if pause is not None and at < pause:
        at = _after(schedule, at)
    missed: list[OwedPeriod] = []
    while at <= now and len(missed) < MAX_MISSED:
        owed = _open_at(schedule, at)
        at = owed.closes_at
        if at > now:
            return Owed(tuple(missed), owed, at)
        missed.append(owed)
    return Owed(tuple(missed), None, at)


def _open_at(schedule: Schedule, at: datetime) -> OwedPeriod:
    """Return the period that opens at `at`; the next one has another date."""
    period = period_of(schedule, at)
    closes_at = _after(schedule, at)
    while period_of(schedule, closes_at) == period:
        closes_at = _after(schedule, closes_at)
    return OwedPeriod(period, at, closes_at)


# The parameter of `owed_periods` carries the column's name and hides the function.
_after = next_digest_at


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
