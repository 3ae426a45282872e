from __future__ import annotations

import pytest

from digest.errors import AddressError, QueryError, UsageError
from digest.model import InterestKind
from digest.subscribers.wanted import LineError, SubscriberLine, check_line


def test_interests_are_kept_as_written_beside_their_canonical_query() -> None:
    wanted = check_line(
        SubscriberLine(email="ada@example.org", tags=("cs.CL",), keywords=(" tag:cs.CL ",))
    )

    tag, keyword = wanted.interests
    assert (tag.kind, tag.text) == (InterestKind.TAG, "cs.CL")
    assert (keyword.kind, keyword.text) == (InterestKind.KEYWORD, "tag:cs.CL")
    assert tag.canonical == keyword.canonical


def test_two_spellings_of_one_query_are_one_interest() -> None:
    wanted = check_line(
        SubscriberLine(
            email="ada@example.org", keywords=("agents OR planning", "(agents OR planning)")
        )
    )

    assert [one.text for one in wanted.interests] == ["agents OR planning"]


def test_one_problem_keeps_its_own_kind_of_error() -> None:
    with pytest.raises(AddressError):
        check_line(SubscriberLine(email="nobody"))
    with pytest.raises(QueryError):
        check_line(SubscriberLine(email="ada@example.org", keywords=("-survey",)))
    with pytest.raises(UsageError):
        check_line(SubscriberLine(email="ada@example.org", hour=24))


def test_several_problems_are_told_together() -> None:
    with pytest.raises(LineError) as caught:
        check_line(SubscriberLine(email="nobody", hour=24))

    assert len(caught.value.problems) == 2


def test_an_interest_past_all_measure_is_refused() -> None:
    with pytest.raises(UsageError, match="is longer than 1000 characters"):
        check_line(SubscriberLine(email="ada@example.org", keywords=("agents " * 200,)))


def test_more_interests_than_anybody_has_are_refused() -> None:
    tags = tuple(f"topic {number}" for number in range(501))

    with pytest.raises(UsageError, match="more than 500 interests"):
        check_line(SubscriberLine(email="ada@example.org", tags=tags))


@pytest.mark.parametrize("zone", ["", "Europe", "../etc/passwd", "Europe/Atlantis", "/etc"])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(UsageError, match="is no IANA time zone"):
        check_line(SubscriberLine(email="ada@example.org", timezone=zone))
