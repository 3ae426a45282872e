"""What a batch of papers holds for every query, as bit sets of 64 papers a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from digest.matching.programs import All, Any, Program
from digest.model import Paper, QueryId

Words: TypeAlias = npt.NDArray[np.uint64]
Rows: TypeAlias = npt.NDArray[np.int32]

WORD = 64
"""Papers in one word of a bit set."""


class Hits:
    """What a batch of papers holds for every query known when it was matched.

    Bit i of a query is `papers[i]`. Bits are made a word of 64 papers at a time, for
    all queries at once, and when they are first asked for. A later change of the index
    changes nothing here.

    Args:
        papers: Best first.
        found: The papers that hold a term, for the terms that any paper holds.
        programs: The queries over these terms.
    """

    def __init__(
        self,
        *,
        papers: Sequence[Paper],
        found: Mapping[int, int],
        programs: Mapping[QueryId, Program],
    ) -> None:
        self.papers = tuple(papers)
        self.word_count = -(-len(self.papers) // WORD)
        self._found = found
        self._programs = programs
        self._words: dict[int, Words] = {}

    def __contains__(self, query_id: object) -> bool:
        return query_id in self._programs

    def bits(self, query_id: QueryId) -> int:
        """Give the papers a query matches; bit i is `papers[i]`.

        Raises:
            KeyError: If the query was not in the index when it was matched.
        """
        (row,) = self.rows_of(np.array([query_id]))
        words = [int(self.word(number)[row]) for number in range(self.word_count)]
        return sum(word << (WORD * number) for number, word in enumerate(words))

    def union(self, query_ids: Iterable[QueryId]) -> int:
        """Give the papers that any of these queries matches.

        Raises:
            KeyError: If one was not in the index when it was matched.
        """
        bits = 0
        for query_id in query_ids:
            bits |= self.bits(query_id)
        return bits

    def rows_of(self, query_ids: npt.NDArray[np.integer]) -> Rows:
        """Give where these queries stand in every word.

        Raises:
            KeyError: If one was not in the index when it was matched.
        """
        known = self._rows
        rows: Rows = known[np.clip(query_ids, 0, len(known) - 1)]
        unknown = (rows < 0) | (query_ids >= len(known))
        if unknown.any():
            raise KeyError(int(query_ids[unknown][0]))
        return rows

    def wanting(
        self, places: Sequence[int], query_ids: Sequence[QueryId]
    ) -> tuple[tuple[QueryId, ...], ...]:
        """Give for each of these papers the queries that match it, in their order.

        Raises:
            KeyError: If one was not in the index when it was matched.
        """
        rows = self.rows_of(np.array(query_ids, dtype=np.int64))
        words = {number: self.word(number)[rows].tolist() for number in {p // WORD for p in places}}
        return tuple(
            tuple(
                query_id
                for query_id, bits in zip(query_ids, words[place // WORD], strict=True)
                if bits >> place % WORD & 1
            )
            for place in places
        )

    def word(self, number: int) -> Words:
        """Give 64 bits of every query: those of `papers[64 * number:64 * number + 64]`."""
        word = self._words.get(number)
        if word is None:
            word = self._words[number] = self._table.run(number)
        return word

    @cached_property
    def _rows(self) -> Rows:
        """By query id; the store gives ids in a row, so that this has few holes."""
        ids = np.fromiter(self._programs, dtype=np.int64, count=len(self._programs))
        rows = np.full(int(ids.max(initial=-1)) + 2, -1, dtype=np.int32)
        rows[ids] = np.arange(len(ids), dtype=np.int32)
        return rows

    @cached_property
    def _table(self) -> _Table:
        return _Table(self._found, self._programs.values(), papers=len(self.papers))


class _Table:
    """All queries, sorted by their form so that each form is run in a few array steps."""

    def __init__(
        self, found: Mapping[int, int], programs: Iterable[Program], *, papers: int
    ) -> None:
        self._everything = (1 << papers) - 1
        self._found = found
        self._size = 0
        terms: tuple[list[int], list[int]] = ([], [])
        self._nested: tuple[list[int], list[int]] = ([], [])
        conjunctions, disjunctions = _Lists(), _Lists()
        for row, program in enumerate(programs):
            self._size += 1
            if isinstance(program, int):
                terms[0].append(row)
                terms[1].append(program)
            elif not program or any(map(_is_group, program)):
                self._nested[0].append(row)
                self._nested[1].append(self._run(program))
            else:
                (conjunctions if isinstance(program, All) else disjunctions).append(row, program)
        places = self._place()
        self._terms = words_of((0, *found.values()), -(-papers // WORD))
        self._term_rows = np.array(terms[0], dtype=np.int32)
        self._term_slots = _slots(terms[1], places, len(found) + 1)
        self._all = conjunctions.as_arrays(places, len(found) + 1)
        self._any = disjunctions.as_arrays(places, len(found) + 1)

    def run(self, number: int) -> Words:
        """Give one word of every query."""
        literals = self._literals(number)
        words = np.empty(self._size, dtype=np.uint64)
        words[self._term_rows] = literals[self._term_slots]
        for operation, (rows, slots, starts) in (
            (np.bitwise_and, self._all),
            (np.bitwise_or, self._any),
        ):
            if len(rows):
                words[rows] = operation.reduceat(literals[slots], starts)
        shift = WORD * number
        words[np.array(self._nested[0], dtype=np.int32)] = [
            bits >> shift & _FULL for bits in self._nested[1]
        ]
        return words

    def _place(self) -> Rows:
        """Give each found term its place among the literals; place 0 holds nothing."""
        places = np.zeros(max(self._found, default=-1) + 2, dtype=np.int32)
        numbers = np.fromiter(self._found, dtype=np.int64, count=len(self._found))
        places[numbers] = np.arange(1, len(self._found) + 1, dtype=np.int32)
        return places

    def _literals(self, number: int) -> Words:
        """Give one word of every term found, then of every term excluded."""
        wanted = self._terms[number]
        everything = np.uint64(self._everything >> WORD * number & _FULL)
        return np.concatenate((wanted, ~wanted & everything))

    def _run(self, program: Program) -> int:
        """Run one program with integers as bit sets."""
        if isinstance(program, All):
            bits = self._everything
            for part in program:
                bits &= self._run(part)
            return bits
        if isinstance(program, Any):
            bits = 0
            for part in program:
                bits |= self._run(part)
            return bits
        if program < 0:
            return self._everything & ~self._found.get(~program, 0)
        return self._found.get(program, 0)


_FULL = (1 << WORD) - 1


def words_of(bit_sets: Sequence[int], count: int) -> Words:
    """Cut bit sets into words: first index the word, second the bit set."""
    size = WORD // 8 * count
    octets = b"".join(bits.to_bytes(size, "little") for bits in bit_sets)
    words = np.frombuffer(octets, dtype="<u8").reshape(len(bit_sets), count)
    return np.ascontiguousarray(words.T, dtype=np.uint64)


class _Lists:
    """Programs of one form, as they come."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._numbers: list[int] = []
        self._starts: list[int] = []

    def append(self, row: int, program: Sequence[Program]) -> None:
        self._rows.append(row)
        self._starts.append(len(self._numbers))
        self._numbers.extend(part for part in program if isinstance(part, int))

    def as_arrays(self, places: Rows, size: int) -> tuple[Rows, Rows, npt.NDArray[np.int64]]:
        return (
            np.array(self._rows, dtype=np.int32),
            _slots(self._numbers, places, size),
            np.array(self._starts, dtype=np.int64),
        )


def _is_group(program: Program) -> bool:
    return not isinstance(program, int)


def _slots(numbers: list[int], places: Rows, size: int) -> Rows:
    """Give where terms stand among the literals; the excluded ones are the second half."""
    signed = np.array(numbers, dtype=np.int64)
    excluded = signed < 0
    plain = np.where(excluded, ~signed, signed)
    # A term that no paper holds may have a number beyond those of the terms found.
    slots = places[np.minimum(plain, len(places) - 1)]
    return np.where(excluded, slots + size, slots).astype(np.int32)
