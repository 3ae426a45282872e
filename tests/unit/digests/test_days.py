from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import UsageError
from digest.subscribers.days import DAILY, WEEKDAYS, WEEKLY, days_code, format_days, parse_days


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("daily", DAILY),
        (" Weekdays ", WEEKDAYS),
        ("weekly", WEEKLY),
        ("mon,thu", frozenset({0, 3})),
        ("Thursday; mon", frozenset({0, 3})),
        ("sat sun", frozenset({5, 6})),
    ],
)
def test_days_are_read_in_every_spelling_people_use(text: str, days: frozenset[int]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize(
    ("text", "named"), [("", "''"), ("mon,tomorrow", "tomorrow"), (",", "','"), ("7", "7")]
)
def test_unknown_day_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(UsageError, match="write daily, weekdays, weekly") as caught:
        parse_days(text)

    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (DAILY, "every day"),
        (WEEKDAYS, "on weekdays"),
        (WEEKLY, "on Mondays"),
        ({0, 3}, "on Mondays and Thursdays"),
        ({2, 5, 6}, "on Wednesdays, Saturdays and Sundays"),
    ],
)
def test_days_are_said_in_plain_words(days: frozenset[int], said: str) -> None:
    assert format_days(days) == said


@given(st.frozensets(st.integers(0, 6), min_size=1))
def test_written_days_are_read_back(days: frozenset[int]) -> None:
    assert parse_days(days_code(days)) == days
