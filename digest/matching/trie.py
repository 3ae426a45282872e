"""Many phrases found in one pass over the words of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from digest.matching.nodes import MIN_PREFIX, Field, Phrase
from digest.matching.reading import COLUMNS
from digest.matching.text import Word, fold_case, join_words, words_of

_MAX_WORDS_KEPT = 1 << 17


class _Rare:
    """What only few nodes have, so that the others are passed quickly."""

    __slots__ = ("exact", "fielded", "prefixes")

    def __init__(self) -> None:
        self.fielded: dict[Field, int] = {}
        self.exact: dict[int, Phrase] = {}
        self.prefixes: dict[str, dict[int, Phrase]] = {}

    def is_empty(self) -> bool:
        return not (self.fielded or self.exact or self.prefixes)


class _Node:
    """What is known after some words.

    `number` is that of the phrase that ends here and belongs to all columns, or None.
    """

    __slots__ = ("children", "number", "rare")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.number: int | None = None
        self.rare: _Rare | None = None

    def is_empty(self) -> bool:
        return not self.children and self.number is None and self.rare is None


class PhraseTrie:
    """Distinct phrases by their words, each with a number of the caller's.

    Adding and discarding cost the phrase's own words; scanning costs the text's words,
    not the number of phrases.
    """

    def __init__(self) -> None:
        self._root = _Node()
        self._begun: dict[Field, dict[str, tuple[int, ...]]] = {column: {} for column in COLUMNS}

    def is_empty(self) -> bool:
        """Tell whether no phrase is left."""
        return self._root.is_empty()

    def add(self, phrase: Phrase, number: int) -> None:
        """Look for a phrase from now on."""
        node = self._root
        for key in _path(phrase):
            child = node.children.get(key)
            if child is None:
                child = node.children[key] = _Node()
            node = child
        if _is_plain(phrase):
            node.number = number
            return
        if node.rare is None:
            node.rare = _Rare()
        if phrase.prefix:
            self._forget_beginnings()
            node.rare.prefixes.setdefault(_folded_prefix(phrase), {})[number] = phrase
        elif phrase.exact:
            node.rare.exact[number] = phrase
        else:
            node.rare.fielded[phrase.field] = number

    def discard(self, phrase: Phrase, number: int) -> None:
        """Look for a phrase no longer; it was added with this number."""
        path = _path(phrase)
        way = [self._root]
        for key in path:
            way.append(way[-1].children[key])
        node = way[-1]
        if node.rare is None or _is_plain(phrase):
            node.number = None
        else:
            self._forget_beginnings()
            _discard_rare(node.rare, phrase, number)
            if node.rare.is_empty():
                node.rare = None
        for parent, key, child in zip(way[-2::-1], path[::-1], way[:0:-1], strict=True):
            if not child.is_empty():
                break
            del parent.children[key]

    def scan(self, words: Sequence[Word], column: Field, found: set[int]) -> None:
        """Add the numbers of the phrases that stand in a text to `found`.

        Args:
            words: Of one title or one abstract.
            column: Which of the two.
            found: Is added to.
        """
        keys = [word[0] for word in words]
        total = len(keys)
        top = self._root.children
        for start, key in enumerate(keys):
            node = top.get(key)
            at = start + 1
            while node is not None:
                if node.number is not None:
                    found.add(node.number)
                if node.rare is not None:
                    _add_rare(found, node.rare, words[start : at + 1], at - start, column)
                if at == total or not node.children:
                    break
                node = node.children.get(keys[at])
                at += 1
        if self._root.rare is not None:
            self._scan_beginnings(words, self._root.rare, column, found)

    def _scan_beginnings(
        self, words: Sequence[Word], rare: _Rare, column: Field, found: set[int]
    ) -> None:
        kept = self._begun[column]
        for word in words:
            begun = kept.get(word.exact)
            if begun is None:
                begun = self._begin(word, rare, column)
            if begun:
                found.update(begun)

    def _begin(self, word: Word, rare: _Rare, column: Field) -> tuple[int, ...]:
        """Find the prefixes of a word once; texts repeat their words."""
        kept = self._begun[column]
        if len(kept) >= _MAX_WORDS_KEPT:
            kept.clear()
        begun = tuple(
            number
            for number, phrase in _prefixes_of((word,), rare)
            if phrase.field in {Field.TEXT, column}
        )
        kept[word.exact] = begun
        return begun

    def _forget_beginnings(self) -> None:
        for kept in self._begun.values():
            kept.clear()


def _is_plain(phrase: Phrase) -> bool:
    return phrase.field is Field.TEXT and not phrase.exact and not phrase.prefix


def _discard_rare(rare: _Rare, phrase: Phrase, number: int) -> None:
    if phrase.prefix:
        prefix = _folded_prefix(phrase)
        del rare.prefixes[prefix][number]
        if not rare.prefixes[prefix]:
            del rare.prefixes[prefix]
    elif phrase.exact:
        del rare.exact[number]
    else:
        del rare.fielded[phrase.field]


def _path(phrase: Phrase) -> tuple[str, ...]:
    """Give the keys of a phrase; an exact one is found by its keys and then looked at."""
    if not phrase.exact:
        return phrase.words
    return tuple(word.key for word in words_of(join_words(phrase.words)))


def _folded_prefix(phrase: Phrase) -> str:
    return fold_case(phrase.prefix) if phrase.exact else phrase.prefix


def _add_rare(
    found: set[int], rare: _Rare, words: Sequence[Word], length: int, column: Field
) -> None:
    """Add what ends at a node: `words` are those that led to it, and the next if there is one."""
    number = rare.fielded.get(column)
    if number is not None:
        found.add(number)
    if rare.exact:
        exact = tuple(word.exact for word in words[:length])
        for number, phrase in rare.exact.items():
            if phrase.words == exact and phrase.field in {Field.TEXT, column}:
                found.add(number)
    if rare.prefixes and len(words) > length:
        for number, phrase in _prefixes_of(words, rare):
            if phrase.field in {Field.TEXT, column}:
                found.add(number)


def _prefixes_of(words: Sequence[Word], rare: _Rare) -> Iterator[tuple[int, Phrase]]:
    """Give the phrases whose prefix the last of these words has."""
    last = words[-1]
    beginnings = {
        form[:end] for form in (last.folded, last.key) for end in range(MIN_PREFIX, len(form) + 1)
    }
    for prefix in beginnings & rare.prefixes.keys():
        for number, phrase in rare.prefixes[prefix].items():
            if not phrase.exact or (
                last.exact.startswith(phrase.prefix)
                and phrase.words == tuple(word.exact for word in words[:-1])
            ):
                yield number, phrase
