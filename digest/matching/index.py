"""Percolation: many queries against a batch of papers (docs/adr/0006).

The queries are indexed, not the papers. Each distinct term is looked up once over the
batch and becomes one integer whose bit i says that the i-th best paper holds it; AND,
OR and NOT are then `&`, `|` and `~`, and the lowest set bits are the best papers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias, assert_never

from digest.matching.names import Name, author_matches, name_readings
from digest.matching.nodes import And, Atom, Author, Feed, Node, Not, Or, Phrase, Tag, Upvotes
from digest.matching.query import Query, parse_query
from digest.matching.text import fold_label, words_of
from digest.matching.trie import COLUMNS, PhraseTrie
from digest.model import Paper, QueryId


@dataclass(frozen=True, slots=True)
class _All:
    parts: tuple[_Program, ...]


@dataclass(frozen=True, slots=True)
class _Any:
    parts: tuple[_Program, ...]


@dataclass(frozen=True, slots=True)
class _None:
    part: _Program


_Program: TypeAlias = int | _All | _Any | _None
"""A query over numbered atoms; most are one number."""


class QueryIndex:
    """The distinct queries, ready to be matched against any papers."""

    def __init__(self) -> None:
        self._programs: dict[QueryId, _Program] = {}
        self._numbers: dict[Atom, int] = {}
        self._atoms: dict[int, Atom] = {}
        self._uses: dict[int, int] = {}
        self._made = 0
        self._phrases = PhraseTrie()
        self._authors: dict[tuple[str, str], dict[int, Author]] = defaultdict(dict)
        self._tags: dict[str, int] = {}
        self._feeds: dict[str, int] = {}
        self._upvotes: dict[int, Upvotes] = {}

    def __len__(self) -> int:
        return len(self._programs)

    def __contains__(self, query_id: object) -> bool:
        return query_id in self._programs

    def add(self, query_id: QueryId, query: Query) -> None:
        """Take a query in, in place of an earlier one of the same id."""
        program = self._compile(query.root)
        self.discard(query_id)
        self._programs[query_id] = program

    def add_nothing(self, query_id: QueryId) -> None:
        """Take an id in whose query cannot be read: it is known, and matches nothing."""
        self.discard(query_id)
        self._programs[query_id] = _Any(())

    def discard(self, query_id: QueryId) -> None:
        """Forget a query; nothing happens when it is not known."""
        program = self._programs.pop(query_id, None)
        if program is None:
            return
        for number in _numbers(program):
            self._uses[number] -= 1
            if not self._uses[number]:
                self._remove(number)

    def match(self, papers: Sequence[Paper]) -> Hits:
        """Look all terms up in these papers.

        Args:
            papers: Best first, as `rank` gives them: their place is their bit.
        """
        found: dict[int, int] = defaultdict(int)
        for position, paper in enumerate(papers):
            bit = 1 << position
            for number in self._found_in(paper):
                found[number] |= bit
        return Hits(papers=tuple(papers), found=found, programs=self._programs.copy())

    def _found_in(self, paper: Paper) -> set[int]:
        found: set[int] = set()
        for column, text in zip(COLUMNS, (paper.title, paper.abstract), strict=True):
            self._phrases.scan(words_of(text), column, found)
        covering = {part for tag in paper.tags for part in _hierarchy(fold_label(tag))}
        found.update(self._tags[label] for label in covering & self._tags.keys())
        feeds = set(map(fold_label, paper.feeds))
        found.update(self._feeds[label] for label in feeds & self._feeds.keys())
        if self._authors:
            for name in paper.authors:
                found.update(self._authors_found(name))
        found.update(n for n, atom in self._upvotes.items() if atom.holds(paper.upvotes))
        return found

    def _authors_found(self, name: str) -> Iterator[int]:
        words = {word for reading in name_readings(name) for word in reading}
        initials = {"", *(word[0] for word in words)}
        for key in product(words, initials):
            for number, author in self._authors.get(key, {}).items():
                if author_matches(author.name, name):
                    yield number

    def _compile(self, node: Node) -> _Program:
        match node:
            case And(items):
                return _All(tuple(map(self._compile, items)))
            case Or(items):
                return _Any(tuple(map(self._compile, items)))
            case Not(item):
                return _None(self._compile(item))
            case _:
                return self._use(node)

    def _use(self, atom: Atom) -> int:
        number = self._numbers.get(atom)
        if number is None:
            # Never given twice, so that hits of an earlier match cannot be mistaken.
            number = self._made
            self._made += 1
            self._numbers[atom] = number
            self._atoms[number] = atom
            self._uses[number] = 0
            self._register(atom, number)
        self._uses[number] += 1
        return number

    def _register(self, atom: Atom, number: int) -> None:
        match atom:
            case Phrase():
                self._phrases.add(atom, number)
            case Author(name=name):
                self._authors[_author_key(name)][number] = atom
            case Tag(label=label):
                self._tags[label] = number
            case Feed(label=label):
                self._feeds[label] = number
            case Upvotes():
                self._upvotes[number] = atom
            case _:
                assert_never(atom)

    def _remove(self, number: int) -> None:
        atom = self._atoms.pop(number)
        del self._numbers[atom], self._uses[number]
        match atom:
            case Phrase():
                self._phrases.discard(atom, number)
            case Author(name=name):
                key = _author_key(name)
                del self._authors[key][number]
                if not self._authors[key]:
                    del self._authors[key]
            case Tag(label=label):
                del self._tags[label]
            case Feed(label=label):
                del self._feeds[label]
            case Upvotes():
                del self._upvotes[number]
            case _:
                assert_never(atom)


class Hits:
    """What a batch of papers holds for every query known when it was matched.

    A later change of the index changes nothing here.
    """

    def __init__(
        self, *, papers: tuple[Paper, ...], found: dict[int, int], programs: dict[QueryId, _Program]
    ) -> None:
        self.papers = papers
        self._all = (1 << len(papers)) - 1
        self._found = dict(found)
        self._programs = programs
        self._bits: dict[QueryId, int] = {}

    def __contains__(self, query_id: object) -> bool:
        return query_id in self._programs

    def bits(self, query_id: QueryId) -> int:
        """Give the papers a query matches; bit i is `papers[i]`.

        Raises:
            KeyError: If the query was not in the index when it was matched.
        """
        bits = self._bits.get(query_id)
        if bits is None:
            bits = self._run(self._programs[query_id]) & self._all
            self._bits[query_id] = bits
        return bits

    def union(self, query_ids: Iterable[QueryId]) -> int:
        """Give the papers that any of these queries matches.

        Raises:
            KeyError: If one was not in the index when it was matched.
        """
        bits = 0
        for query_id in query_ids:
            bits |= self.bits(query_id)
        return bits

    def _run(self, program: _Program) -> int:
        match program:
            case int():
                return self._found.get(program, 0)
            case _All(parts):
                bits = self._all
                for part in parts:
                    bits &= self._run(part)
                return bits
            case _Any(parts):
                bits = 0
                for part in parts:
                    bits |= self._run(part)
                return bits
            case _None(part):
                return ~self._run(part)
            case _:
                assert_never(program)


def build_index(queries: Iterable[tuple[QueryId, str]]) -> QueryIndex:
    """Index stored queries by their canonical text.

    Raises:
        QueryError: If a text is no query, which a canonical one always is.
    """
    index = QueryIndex()
    for query_id, text in queries:
        index.add(query_id, parse_query(text))
    return index


def best(bits: int, count: int) -> list[int]:
    """Give the positions of the lowest set bits, lowest first: the best papers."""
    positions: list[int] = []
    while bits and len(positions) < count:
        lowest = bits & -bits
        positions.append(lowest.bit_length() - 1)
        bits ^= lowest
    return positions


def _numbers(program: _Program) -> Iterator[int]:
    match program:
        case int():
            yield program
        case _All(parts) | _Any(parts):
            for part in parts:
                yield from _numbers(part)
        case _None(part):
            yield from _numbers(part)
        case _:
            assert_never(program)


def _author_key(name: Name) -> tuple[str, str]:
    """Give what every author that matches shares: a word, and the initial of another."""
    return name[-1], name[0][0] if len(name) > 1 else ""


def _hierarchy(label: str) -> Iterator[str]:
    """Give a tag and all that cover it: `cs.CL` is also `cs`."""
    while label:
        yield label
        label = label.rpartition(".")[0]
