"""When an address is left alone: the rules, on values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.returns.suppression import (
    Failure,
    Gravity,
    decide_suppression,
    describe_status,
    gravity_of,
    speaks_of_address,
)

MONDAY = datetime(2026, 2, 2, 8, tzinfo=UTC)


def failed(status: str | None, *, day: int = 0) -> Failure:
    return Failure(handed_off_at=MONDAY + timedelta(days=day), status=status)


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.6", "5.1.10"])
def test_an_address_that_does_not_exist_is_left_alone_at_once(status: str) -> None:
    assert decide_suppression((), failed(status)).suppress is True


@pytest.mark.parametrize(
    "status", ["5.2.1", "5.2.2", "4.2.2", "5.1.0", "5.1.3", "5.4.1", "4.4.7", "5.0.0", None]
)
def test_one_other_failure_stops_nothing(status: str | None) -> None:
    assert decide_suppression((), failed(status)).suppress is False


@pytest.mark.parametrize(
    ("status", "gravity"),
    [
        ("5.7.1", Gravity.NOT_OF_ADDRESS),
        (None, Gravity.OF_ADDRESS),
        ("5.2.2", Gravity.OF_ADDRESS),
        ("5.2.1", Gravity.DISABLED),
        ("5.1.1", Gravity.NO_SUCH_ADDRESS),
        ("5.1.10", Gravity.NO_SUCH_ADDRESS),
    ],
)
def test_a_failure_is_as_grave_as_what_it_leads_to(status: str | None, gravity: Gravity) -> None:
    assert gravity_of(status) is gravity


def test_a_disabled_mailbox_is_left_alone_the_second_time() -> None:
    verdict = decide_suppression([failed("5.2.1")], failed("5.2.1", day=1))

    assert verdict.suppress is True
    assert verdict.reason == "5.2.1 (the mailbox is disabled), for the second time"


def test_a_full_mailbox_does_not_make_a_disabled_one_the_second() -> None:
    assert decide_suppression([failed("4.2.2")], failed("5.2.1", day=1)).suppress is False


@pytest.mark.parametrize(
    ("days", "suppress"),
    [
        ([0, 14], False),
        ([0, 1, 2], False),
        ([0, 7, 13], False),
        ([0, 7, 14], True),
        ([0, 1, 14], True),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], False),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], True),
    ],
)
def test_three_failures_in_a_row_over_fourteen_days_are_enough(
    days: list[int], *, suppress: bool
) -> None:
    history = [failed("4.2.2", day=day) for day in days[:-1]]

    assert decide_suppression(history, failed("4.2.2", day=days[-1])).suppress is suppress


def test_the_order_in_which_reports_come_does_not_matter() -> None:
    history = [failed("4.2.2", day=14), failed(None, day=7)]

    assert decide_suppression(history, failed("5.2.2", day=0)).suppress is True


@pytest.mark.parametrize(
    "status", ["5.7.1", "4.7.0", "5.6.0", "5.5.2", "5.1.8", "5.1.7", "5.3.4", "4.3.4"]
)
def test_what_is_said_of_our_mail_never_counts_against_an_address(status: str) -> None:
    history = [failed(status, day=day) for day in (0, 3, 7, 13)]

    verdict = decide_suppression(history, failed(status, day=20))

    assert speaks_of_address(status) is False
    assert verdict.suppress is False
    assert verdict.reason == f"{status}: says nothing about the address"


def test_what_is_said_of_our_mail_does_not_help_other_failures_to_three() -> None:
    history = [failed("5.7.1", day=0), failed("4.2.2", day=7)]

    assert decide_suppression(history, failed("4.2.2", day=14)).suppress is False


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "no status code"),
        ("5.1.1", "5.1.1 (no such mailbox)"),
        ("4.2.2", "4.2.2 (the mailbox is full)"),
        ("5.2.2", "5.2.2 (the mailbox is full)"),
        ("5.9.9", "5.9.9"),
    ],
)
def test_a_code_is_said_with_its_meaning(status: str | None, words: str) -> None:
    assert describe_status(status) == words


STATUSES = st.one_of(
    st.none(), st.sampled_from(["5.1.1", "5.2.1", "4.2.2", "5.2.2", "5.7.1", "5.0.0"])
)


@given(
    history=st.lists(st.tuples(STATUSES, st.integers(0, 40)), max_size=8),
    status=STATUSES,
    day=st.integers(0, 40),
    more=st.tuples(STATUSES, st.integers(0, 40)),
)
def test_one_more_failure_never_saves_an_address(
    history: list[tuple[str | None, int]],
    status: str | None,
    day: int,
    more: tuple[str | None, int],
) -> None:
    before = [failed(one, day=at) for one, at in history]
    event = failed(status, day=day)

    less = decide_suppression(before, event)
    longer = decide_suppression([*before, failed(more[0], day=more[1])], event)

    assert longer.suppress or not less.suppress
