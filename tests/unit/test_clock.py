"""The clock that a command works by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from digest.clock import fixed_clock, parse_instant, system_clock
from digest.errors import UsageError


def test_a_fixed_clock_stands_still_in_utc() -> None:
    clock = fixed_clock(datetime(2026, 2, 3, 8, tzinfo=timezone(timedelta(hours=1))))

    assert clock() == clock() == datetime(2026, 2, 3, 7, tzinfo=UTC)
    assert clock().tzinfo is UTC


def test_the_system_clock_is_aware() -> None:
    assert system_clock().tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["2026-02-03T08:00:00+01:00", "2026-02-03T07:00:00Z", "2026-02-03T07:00+00:00"]
)
def test_an_instant_with_an_offset_is_read(text: str) -> None:
    assert parse_instant(text) == datetime(2026, 2, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("tomorrow", "is not an ISO 8601 instant"),
        ("2026-02-03T07:00", "has no offset"),
        ("9999-12-31T23:59:59Z", "1980 to 2999"),
        ("0001-01-01T00:00:00Z", "1980 to 2999"),
    ],
)
def test_an_instant_that_cannot_be_placed_is_refused(text: str, cause: str) -> None:
    with pytest.raises(UsageError, match=cause):
        parse_instant(text)
