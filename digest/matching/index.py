"""Percolation: many queries against a batch of papers (docs/adr/0006).

The queries are indexed, not the papers. Each distinct term is looked up once over the
batch and becomes one integer whose bit i says that the i-th best paper holds it; AND,
OR and NOT are then `&`, `|` and `~`, and the lowest set bits are the best papers.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import assert_never

from digest.errors import QueryError
from digest.matching.canonical import render
from digest.matching.hits import Hits
from digest.matching.names import Name, author_matches, name_readings
from digest.matching.nodes import And, Atom, Author, Feed, Not, Or, Phrase, Tag, Upvotes
from digest.matching.programs import NOTHING, Program, compile_canonical, compile_node
from digest.matching.query import Query, parse_query
from digest.matching.reading import COLUMNS, NO_SYNONYMS, Synonyms, runs_of
from digest.matching.text import fold_label
from digest.matching.trie import PhraseTrie
from digest.model import Paper, QueryId


class QueryIndex:
    """The distinct queries, ready to be matched against any papers."""

    def __init__(self) -> None:
        self._programs: dict[QueryId, Program] = {}
        self._numbers: dict[Atom, int] = {}
        self._atoms: dict[int, Atom] = {}
        self._uses: list[int] = []  # by number; a number is never given twice
        self._texts: dict[str, int] = {}
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
        self._take(query_id, compile_node(query.root, self._number_of))

    def add_canonical(self, query_id: QueryId, text: str) -> None:
        """Take a query in by its canonical text, in place of an earlier one of the same id.

        Raises:
            QueryError: If the text is no query, which a canonical one always is.
        """
        try:
            program = compile_canonical(text, self._number_of_text)
        except _NotCanonicalError:
            program = None
        if program is None:
            program = compile_node(parse_query(text).root, self._number_of)
        self._take(query_id, program)

    def add_nothing(self, query_id: QueryId) -> None:
        """Take an id in whose query cannot be read: it is known, and matches nothing."""
        self._take(query_id, NOTHING)

    def discard(self, query_id: QueryId) -> None:
        """Forget a query; nothing happens when it is not known."""
        program = self._programs.pop(query_id, None)
        if program is not None:
            self._release(program)

    def match(self, papers: Sequence[Paper], synonyms: Synonyms = NO_SYNONYMS) -> Hits:
        """Look all terms up in these papers.

        Args:
            papers: Best first, as `rank` gives them: their place is their bit.
            synonyms: Forms that mean the same, besides those a paper defines.
        """
        found: dict[int, int] = defaultdict(int)
        for position, paper in enumerate(papers):
            bit = 1 << position
            for number in self._found_in(paper, synonyms):
                found[number] |= bit
        return Hits(papers=tuple(papers), found=found, programs=self._programs.copy())

    def _found_in(self, paper: Paper, synonyms: Synonyms) -> set[int]:
        found: set[int] = set()
        for column, runs in zip(COLUMNS, runs_of(paper, synonyms), strict=True):
            for words in runs:
                self._phrases.scan(words, column, found)
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

    def _take(self, query_id: QueryId, program: Program) -> None:
        self._use(program)
        if query_id in self._programs:
            self.discard(query_id)
        self._programs[query_id] = program

    def _use(self, program: Program) -> None:
        if isinstance(program, int):
            self._uses[program if program >= 0 else ~program] += 1
            return
        for part in program:
            self._use(part)

    def _release(self, program: Program) -> None:
        if not isinstance(program, int):
            for part in program:
                self._release(part)
            return
        number = program if program >= 0 else ~program
        self._uses[number] -= 1
        if not self._uses[number]:
            self._remove(number)

    def _number_of_text(self, text: str) -> int:
        number = self._texts.get(text)
        if number is None:
            try:
                query = parse_query(text)
            except QueryError as exc:
                raise _NotCanonicalError from exc
            if isinstance(query.root, And | Or | Not) or text.strip('"') != query.canonical.strip(
                '"'
            ):
                raise _NotCanonicalError
            number = self._texts[text] = self._number_of(query.root)
        return number

    def _number_of(self, atom: Atom) -> int:
        number = self._numbers.get(atom)
        if number is None:
            # Never given twice, so that hits of an earlier match cannot be mistaken.
            number = len(self._uses)
            self._uses.append(0)
            self._numbers[atom] = number
            self._atoms[number] = atom
            self._register(atom, number)
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
        del self._numbers[atom]
        for text in _texts_of(atom):
            self._texts.pop(text, None)
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


def build_index(queries: Iterable[tuple[QueryId, str]]) -> QueryIndex:
    """Index stored queries by their canonical text.

    Raises:
        QueryError: If a text is no query, which a canonical one always is.
    """
    index = QueryIndex()
    with many_additions():
        for query_id, text in queries:
            index.add_canonical(query_id, text)
    return index


@contextmanager
def many_additions() -> Iterator[None]:
    """Look for no garbage meanwhile.

    There is none, and walking again and again through what was built is a fifth of the
    time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def best(bits: int, count: int) -> list[int]:
    """Give the positions of the lowest set bits, lowest first: the best papers."""
    positions: list[int] = []
    while bits and len(positions) < count:
        lowest = bits & -bits
        positions.append(lowest.bit_length() - 1)
        bits ^= lowest
    return positions


def _texts_of(atom: Atom) -> tuple[str, str]:
    """Give the ways a canonical query may write a term: alone, and among others."""
    text = render(atom)
    return text, f'"{text}"'


class _NotCanonicalError(Exception):
    """A text is not what `canonical` writes: it has to be parsed as a person's."""


def _author_key(name: Name) -> tuple[str, str]:
    """Give what every author that matches shares: a word, and the initial of another."""
    return name[-1], name[0][0] if len(name) > 1 else ""


def _hierarchy(label: str) -> Iterator[str]:
    """Give a tag and all that cover it: `cs.CL` is also `cs`."""
    while label:
        yield label
        label = label.rpartition(".")[0]
