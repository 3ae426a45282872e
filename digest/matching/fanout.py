"""From queries to subscribers: the best papers of each, without making all pairs.

A subscriber is a short list of query ids. For 64 papers at a time, all their queries
are joined in one array step; papers come best first, so that the first bits set are
the best papers. The cost is that of the lists and the papers kept, not of the matches.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from digest.matching.hits import WORD, Hits, Rows, Words, words_of

Counts: TypeAlias = npt.NDArray[np.int64]

_CHUNK = 1 << 15
"""Subscribers whose words fit the processor's cache together."""


class Lists:
    """A list of whole numbers for each subscriber, in one array."""

    def __init__(self, values: npt.NDArray[np.integer], starts: Counts) -> None:
        self._values = values
        self._starts = starts

    @classmethod
    def of(cls, lists: Iterable[Iterable[int]]) -> Lists:
        """Pack lists."""
        values, starts = array("q"), array("q", [0])
        for each in lists:
            values.extend(each)
            starts.append(len(values))
        return cls(np.array(values, dtype=np.int64), np.array(starts, dtype=np.int64))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def part(self, start: int, end: int) -> tuple[npt.NDArray[np.integer], Counts]:
        """Give the numbers of some subscribers in a row, and how many each of them has."""
        starts = self._starts[start : end + 1]
        return self._values[starts[0] : starts[-1]], np.diff(starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What each of a row of subscribers asks for.

    `wanted` and `muted` hold ids of queries, `sent` the places of papers they had.
    `masks` are the distinct bit sets of papers that somebody may be given at all, and
    `mask_of` says whose is whose. `keep` is how many papers each of them keeps.
    """

    wanted: Lists
    muted: Lists
    sent: Lists
    masks: Sequence[int]
    mask_of: npt.NDArray[np.integer]
    keep: npt.NDArray[np.integer]


@dataclass(slots=True, kw_only=True)
class Best:
    """What each subscriber is given: places of papers, best first.

    `places[i, :counts[i]]` are those of subscriber i; `totals[i]` counts all the papers
    that they want and may be given.
    """

    places: npt.NDArray[np.int32]
    counts: Counts
    totals: Counts = field(repr=False)


def best_papers(hits: Hits, requests: Requests) -> Best:
    """Give every subscriber the best papers they want, may be given and were not sent.

    Raises:
        KeyError: If a query was not in the index when the papers were matched.
    """
    people = len(requests.wanted)
    most = int(requests.keep.max(initial=0))
    best = Best(
        places=np.zeros((people, most), dtype=np.int32),
        counts=np.zeros(people, dtype=np.int64),
        totals=np.zeros(people, dtype=np.int64),
    )
    everything = (1 << len(hits.papers)) - 1
    masks = words_of([mask & everything for mask in requests.masks], hits.word_count)
    for start in range(0, people, _CHUNK):
        _Chunk(hits, requests, masks, start, min(start + _CHUNK, people)).fill(best)
    return best


class _Chunk:
    """Some subscribers in a row."""

    def __init__(self, hits: Hits, requests: Requests, masks: Words, start: int, end: int) -> None:
        self._hits = hits
        self._place = slice(start, end)
        self._size = end - start
        self._wanted = self._read(requests.wanted)
        self._muted = self._read(requests.muted)
        self._masks = masks
        self._mask_of = requests.mask_of[start:end]
        self._sent = self._sent_words(requests.sent)
        self._keep = requests.keep[start:end].astype(np.int64)

    def fill(self, best: Best) -> None:
        """Write the part of these subscribers."""
        counts, totals = best.counts[self._place], best.totals[self._place]
        places = best.places[self._place]
        for number in range(self._hits.word_count):
            word = self._candidates(number)
            totals += np.bitwise_count(word)
            hungry = np.flatnonzero((word != 0) & (counts < self._keep))
            if len(hungry):
                self._take(word[hungry], hungry, number, places, counts)

    def _candidates(self, number: int) -> Words:
        queries = self._hits.word(number)
        word = _joined(queries, self._wanted, self._size)
        if self._muted is not None:
            word &= ~_joined(queries, self._muted, self._size)
        word &= self._masks[number][self._mask_of]
        if self._sent is not None:
            word &= ~self._sent[number]
        return word

    def _take(
        self,
        word: Words,
        people: npt.NDArray[np.intp],
        number: int,
        places: npt.NDArray[np.int32],
        counts: Counts,
    ) -> None:
        """Give these people the first papers of one word, as many as they still keep."""
        octets = word.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)
        person, bit = np.nonzero(np.unpackbits(octets, axis=1, bitorder="little"))
        found = np.bitwise_count(word).astype(np.int64)
        nth = np.arange(len(person)) - np.repeat(np.cumsum(found) - found, found)
        had = counts[people]
        room = self._keep[people] - had
        kept = nth < room[person]
        person, nth, bit = person[kept], nth[kept], bit[kept]
        places[people[person], had[person] + nth] = WORD * number + bit
        counts[people] = had + np.minimum(found, room)

    def _read(self, lists: Lists) -> _Segments | None:
        ids, counts = lists.part(self._place.start, self._place.stop)
        if not len(ids):
            return None
        filled = np.flatnonzero(counts)
        starts = np.cumsum(counts) - counts
        return _Segments(self._hits.rows_of(ids), starts[filled], filled)

    def _sent_words(self, sent: Lists) -> Words | None:
        places, counts = sent.part(self._place.start, self._place.stop)
        if not len(places):
            return None
        words = np.zeros((self._hits.word_count, self._size), dtype=np.uint64)
        person = np.repeat(np.arange(self._size), counts)
        bits = np.uint64(1) << (places % WORD).astype(np.uint64)
        np.bitwise_or.at(words, (places // WORD, person), bits)
        return words


@dataclass(frozen=True, slots=True)
class _Segments:
    """Rows of queries, one run for each subscriber who has any."""

    rows: Rows
    starts: Counts
    people: npt.NDArray[np.intp]


def _joined(queries: Words, segments: _Segments | None, size: int) -> Words:
    """Join the words of each subscriber's queries."""
    if segments is None:
        return np.zeros(size, dtype=np.uint64)
    joined = np.bitwise_or.reduceat(queries[segments.rows], segments.starts)
    if len(joined) == size:
        return joined
    word = np.zeros(size, dtype=np.uint64)
    word[segments.people] = joined
    return word
