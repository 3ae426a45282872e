from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.feeds.headers import max_age_s, retry_after_s, validator

NOW = datetime(2026, 2, 2, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("99999999999999999999", 2_678_400.0),
        ("Mon, 02 Feb 2026 09:00:00 GMT", 3600.0),
        ("Mon, 02 Feb 2026 07:00:00 GMT", 0.0),
        ("Mon, 02 Feb 2037 07:00:00 GMT", 2_678_400.0),
        ("Mon, 02 Feb 2026 09:00:00 -0000", None),
        ("soon", None),
        ("-5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date_and_capped(
    value: str | None, seconds: float | None
) -> None:
    assert retry_after_s(value, now=NOW) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("max-age=600", 600.0),
        ('public, MAX-AGE="60"', 60.0),
        ("s-maxage=600", None),
        ("no-cache, max-age=600", None),
        ("private", None),
    ],
)
def test_max_age_is_read_unless_the_reply_may_not_be_kept(
    value: str | None, seconds: float | None
) -> None:
    assert max_age_s(value) == seconds


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        ("", None),
        (' W/"abc" ', 'W/"abc"'),
        ("a\nb", None),
        ("é", None),
        ("x" * 501, None),
    ],
)
def test_only_validators_that_can_be_sent_back_are_kept(
    value: str | None, kept: str | None
) -> None:
    assert validator(value) == kept
