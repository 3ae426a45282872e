"""Many ids in little memory: ids that follow each other are one range."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator


class IdRanges:
    """A set of ids, kept as ranges; adding in about ascending order keeps it small.

    The deliveries that a run prepares have ids in a row, so that a million of them are a
    few ranges.
    """

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._firsts = array("q")
        self._lasts = array("q")
        self.add_all(ids)

    def add_all(self, ids: Iterable[int]) -> None:
        """Add ids."""
        for one in ids:
            if self._lasts and one == self._lasts[-1] + 1:
                self._lasts[-1] = one
            elif not self._lasts or one > self._lasts[-1]:
                self._firsts.append(one)
                self._lasts.append(one)
            elif one not in self:
                self._rebuild(one)

    def _rebuild(self, one: int) -> None:
        ranges = sorted([*self.ranges, (one, one)])
        self._firsts, self._lasts = array("q"), array("q")
        for first, last in ranges:
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    @property
    def ranges(self) -> Iterator[tuple[int, int]]:
        """The ranges in ascending order, both ends included."""
        return zip(self._firsts, self._lasts, strict=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IdRanges):
            return NotImplemented
        return list(self.ranges) == list(other.ranges)

    __hash__ = None  # type: ignore[assignment] # it changes

    def __contains__(self, one: int) -> bool:
        place = bisect_right(self._firsts, one) - 1
        return place >= 0 and one <= self._lasts[place]

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)
