"""Many phrases found in one pass over the words of a text."""

from __future__ import annotations

from collections.abc import Sequence

from digest.matching.nodes import MIN_PREFIX, Field, Phrase
from digest.matching.text import Word, fold_case, words_of

COLUMNS = (Field.TITLE, Field.ABSTRACT)
"""The texts of a paper; a phrase of `Field.TEXT` belongs to both."""


class _Node:
    """What is known after some words: `ends[column]` are the numbers of phrases that end here."""

    __slots__ = ("children", "ends", "exact", "prefixes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.ends: tuple[tuple[int, ...], ...] | None = None
        self.exact: dict[int, Phrase] = {}
        self.prefixes: dict[str, dict[int, Phrase]] = {}

    def is_empty(self) -> bool:
        return not (self.children or self.ends or self.exact or self.prefixes)


class PhraseTrie:
    """Distinct phrases by their words, each with a number of the caller's.

    Adding and discarding cost the phrase's own words; scanning costs the text's words,
    not the number of phrases.
    """

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, phrase: Phrase, number: int) -> None:
        """Look for a phrase from now on."""
        node = self._root
        for key in _path(phrase):
            node = node.children.setdefault(key, _Node())
        if phrase.prefix:
            node.prefixes.setdefault(_folded_prefix(phrase), {})[number] = phrase
        elif phrase.exact:
            node.exact[number] = phrase
        else:
            ends = node.ends or ((),) * len(COLUMNS)
            node.ends = tuple(
                (*numbers, number) if phrase.field in {Field.TEXT, column} else numbers
                for column, numbers in zip(COLUMNS, ends, strict=True)
            )

    def discard(self, phrase: Phrase, number: int) -> None:
        """Look for a phrase no longer; it was added with this number."""
        way = [self._root]
        path = _path(phrase)
        for key in path:
            way.append(way[-1].children[key])
        node = way[-1]
        if phrase.prefix:
            prefix = _folded_prefix(phrase)
            del node.prefixes[prefix][number]
            if not node.prefixes[prefix]:
                del node.prefixes[prefix]
        elif phrase.exact:
            del node.exact[number]
        else:
            before = node.ends or ()
            ends = tuple(tuple(n for n in numbers if n != number) for numbers in before)
            node.ends = ends if any(ends) else None
        for parent, key, child in zip(way[-2::-1], path[::-1], way[:0:-1], strict=True):
            if not child.is_empty():
                break
            del parent.children[key]

    def scan(self, words: Sequence[Word], column: Field) -> set[int]:
        """Give the numbers of the phrases that stand in a text.

        Args:
            words: Of one title or one abstract.
            column: Which of the two.
        """
        side = COLUMNS.index(column)
        found: set[int] = set()
        keys = [word[0] for word in words]
        total = len(keys)
        top = self._root.children
        for start, key in enumerate(keys):
            node = top.get(key)
            at = start + 1
            while node is not None:
                if node.ends is not None:
                    found.update(node.ends[side])
                if node.exact:
                    _add_exact(found, node, words[start:at], column)
                if at == total:
                    break
                if node.prefixes:
                    _add_prefixes(found, node, words[start : at + 1], column)
                node = node.children.get(keys[at])
                at += 1
        if self._root.prefixes:
            for word in set(words):
                _add_prefixes(found, self._root, (word,), column)
        return found


def _path(phrase: Phrase) -> tuple[str, ...]:
    """Give the keys of a phrase; an exact one is found by its keys and then looked at."""
    if not phrase.exact:
        return phrase.words
    return tuple(word.key for exact in phrase.words for word in words_of(exact))


def _folded_prefix(phrase: Phrase) -> str:
    return fold_case(phrase.prefix) if phrase.exact else phrase.prefix


def _add_exact(found: set[int], node: _Node, words: Sequence[Word], column: Field) -> None:
    exact = tuple(word.exact for word in words)
    for number, phrase in node.exact.items():
        if phrase.words == exact and phrase.field in {Field.TEXT, column}:
            found.add(number)


def _add_prefixes(found: set[int], node: _Node, words: Sequence[Word], column: Field) -> None:
    """Add the phrases of a node whose prefix the last of these words has."""
    last = words[-1]
    beginnings = {last.folded[:end] for end in range(MIN_PREFIX, len(last.folded) + 1)}
    if not last.folded.startswith(last.key):
        beginnings |= {last.key[:end] for end in range(MIN_PREFIX, len(last.key) + 1)}
    for beginning in beginnings & node.prefixes.keys():
        for number, phrase in node.prefixes[beginning].items():
            if phrase.field not in {Field.TEXT, column}:
                continue
            if not phrase.exact or (
                last.exact.startswith(phrase.prefix)
                and phrase.words == tuple(word.exact for word in words[:-1])
            ):
                found.add(number)
