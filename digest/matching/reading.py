"""Read a paper: its words, and how the same would read in other words.

A paper that defines "Large Language Models (LLMs)" also means "LLM agents" where it
writes "large language model agents". Each such place is read once more, in a short run
of words with the other form in its stead; the operator's synonyms work the same way.
The index and the evaluator read papers through here, so that they cannot differ.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from digest.matching.acronyms import acronyms
from digest.matching.nodes import Field
from digest.matching.text import Word, words_and_spans, words_of
from digest.model import Paper

COLUMNS = (Field.TITLE, Field.ABSTRACT)
"""The texts of a paper; a phrase of `Field.TEXT` belongs to both."""

CONTEXT = 8
"""Words on each side of a form that stands in for another."""

_Keys: TypeAlias = tuple[str, ...]
_Forms: TypeAlias = Mapping[str, Sequence[tuple[_Keys, tuple[tuple[Word, ...], ...]]]]
"""By first key: forms, and the words of those that may stand in their place."""

Run: TypeAlias = Sequence[Word]


def _forms(groups: Iterable[Iterable[str]]) -> _Forms:
    forms: dict[str, list[tuple[_Keys, tuple[tuple[Word, ...], ...]]]] = {}
    for group in groups:
        members = {
            tuple(word.key for word in words): tuple(map(_without_case, words))
            for words in map(words_of, group)
            if words
        }
        for keys in members:
            others = tuple(words for other, words in members.items() if other != keys)
            if others:
                forms.setdefault(keys[0], []).append((keys, others))
    return forms


def _without_case(word: Word) -> Word:
    """Make a word that `=` never finds: it does not stand in the paper with that case."""
    return Word(word.key, word.folded, f"\0{word.folded}")


class Synonyms:
    """Forms that mean the same in every paper, as an operator lists them.

    Args:
        groups: Of two forms or more; forms without a letter or digit are left out.
    """

    def __init__(self, groups: Iterable[Iterable[str]] = ()) -> None:
        self.groups = tuple(tuple(group) for group in groups)
        self._forms = _forms(self.groups)

    def forms_in(self, title: str, abstract: str) -> _Forms:
        """Give these forms and those that a paper of these texts defines itself."""
        pairs = acronyms(abstract) + acronyms(title)
        if not pairs:
            return self._forms
        own = _forms(pairs)
        return {
            key: [*self._forms.get(key, ()), *own.get(key, ())]
            for key in self._forms.keys() | own.keys()
        }


NO_SYNONYMS = Synonyms()


def runs_of(paper: Paper, synonyms: Synonyms = NO_SYNONYMS) -> tuple[list[Run], list[Run]]:
    """Read title and abstract: first as they stand, then where another form may stand."""
    forms = synonyms.forms_in(paper.title, paper.abstract)
    title, abstract = words_of(paper.title), words_of(paper.abstract)
    if not forms:
        return [title], [abstract]
    return [title, *_other_runs(title, forms)], [abstract, *_other_runs(abstract, forms)]


class TextRun:
    """One run of words with their offsets, ready for looking up phrases."""

    __slots__ = ("_beginnings", "_first", "exact", "keys", "spans", "words")

    def __init__(self, words: Sequence[Word], spans: Sequence[tuple[int, int]]) -> None:
        self.words = words
        self.spans = spans
        self.keys = tuple([word[0] for word in words])
        self.exact = tuple([word[2] for word in words])
        self._first = dict(zip(reversed(self.keys), range(len(words) - 1, -1, -1), strict=True))
        self._beginnings: list[tuple[str, int]] | None = None

    def place_of(self, keys: _Keys) -> int:
        """Give where keys stand in a row first, -1 where they do not."""
        place = self._first.get(keys[0], -1)
        while place >= 0 and self.keys[place : place + len(keys)] != keys:
            place = _index(self.keys, keys[0], place + 1)
        return place

    def places(self, key: str) -> Iterator[int]:
        """Give where a key stands, from the first place on."""
        return _places_in(self.keys, key, self._first.get(key, -1))

    def places_of_exact(self, word: str) -> Iterator[int]:
        """Give where a word stands in just this case, from the first place on."""
        return _places_in(self.exact, word, _index(self.exact, word, 0))

    def places_of_prefix(self, prefix: str) -> Iterator[int]:
        """Give where a word, or its singular, begins so; in no order."""
        if self._beginnings is None:
            forms = {(word.folded, at) for at, word in enumerate(self.words)}
            forms.update((word.key, at) for at, word in enumerate(self.words))
            self._beginnings = sorted(forms)
        for form, at in islice(self._beginnings, bisect_left(self._beginnings, (prefix, 0)), None):
            if not form.startswith(prefix):
                return
            yield at


def _places_in(row: tuple[str, ...], word: str, place: int) -> Iterator[int]:
    while place >= 0:
        yield place
        place = _index(row, word, place + 1)


def _index(row: tuple[str, ...], word: str, start: int) -> int:
    try:
        return row.index(word, start)
    except ValueError:
        return -1


PaperRuns: TypeAlias = tuple[tuple[TextRun, ...], tuple[TextRun, ...]]


def read_paper(paper: Paper, synonyms: Synonyms = NO_SYNONYMS) -> PaperRuns:
    """Read a paper like `runs_of`, with the offsets; the last papers are remembered."""
    return _read(paper.title, paper.abstract, synonyms)


@lru_cache(maxsize=4096)
def _read(title: str, abstract: str, synonyms: Synonyms) -> PaperRuns:
    forms = synonyms.forms_in(title, abstract)
    return _text_runs(title, forms), _text_runs(abstract, forms)


def _text_runs(text: str, forms: _Forms) -> tuple[TextRun, ...]:
    words, spans = words_and_spans(text)
    runs = [TextRun(words, spans)]
    for start, end, other in _replacements(words, forms):
        before, after = max(0, start - CONTEXT), end + CONTEXT
        whole = (spans[start][0], spans[end - 1][1])
        runs.append(
            TextRun(
                [*words[before:start], *other, *words[end:after]],
                [*spans[before:start], *[whole] * len(other), *spans[end:after]],
            )
        )
    return tuple(runs)


def _other_runs(words: Sequence[Word], forms: _Forms) -> Iterator[Run]:
    for start, end, other in _replacements(words, forms):
        yield [*words[max(0, start - CONTEXT) : start], *other, *words[end : end + CONTEXT]]


def _replacements(
    words: Sequence[Word], forms: _Forms
) -> Iterator[tuple[int, int, tuple[Word, ...]]]:
    """Give the places `words[start:end]` where a form stands, with each of its others."""
    if not forms:
        return
    for start, word in enumerate(words):
        for keys, others in forms.get(word.key, ()):
            end = start + len(keys)
            if all(
                other.key == key for other, key in zip(words[start:end], keys, strict=False)
            ) and end <= len(words):
                for replacement in others:
                    yield start, end, replacement
