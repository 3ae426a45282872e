"""Ids in a row are one range, whatever order they come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.store.ledger.id_ranges import IdRanges


def test_ids_in_a_row_are_one_range() -> None:
    ids = IdRanges(range(1, 1_000_001))

    assert list(ids.ranges) == [(1, 1_000_000)]
    assert len(ids) == 1_000_000


def test_a_gap_parts_two_ranges_until_it_is_filled() -> None:
    ids = IdRanges([1, 2, 4, 5])
    parted = list(ids.ranges)

    ids.add_all([3])

    assert parted == [(1, 2), (4, 5)]
    assert list(ids.ranges) == [(1, 5)]


@given(st.lists(st.integers(1, 60)))
def test_it_holds_what_a_set_holds(numbers: list[int]) -> None:
    ids = IdRanges(numbers)

    assert list(ids) == sorted(set(numbers))
    assert [one for one in range(62) if one in ids] == sorted(set(numbers))
