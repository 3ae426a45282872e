"""Judge one paper by one query, and say why.

It is written apart from the index, for clarity rather than speed: it explains, and it
is the oracle that the index is tested against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, assert_never

from digest.matching.names import author_matches
from digest.matching.nodes import (
    And,
    Atom,
    Author,
    Feed,
    Field,
    Node,
    Not,
    Or,
    Phrase,
    Tag,
    Upvotes,
    atoms,
)
from digest.matching.query import Query
from digest.matching.text import Word, fold_label, words_of
from digest.model import Paper, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one query says of one paper.

    `reasons` are the wanted terms found, when it matched. Otherwise `missing` are the
    wanted terms that were not found, as written, with their field (`author:Hinton`),
    and `excluded_by` the terms whose presence ruled the paper out.
    """

    matched: bool
    reasons: tuple[Reason, ...] = ()
    missing: tuple[str, ...] = ()
    excluded_by: tuple[Reason, ...] = ()

    @property
    def detail(self) -> str:
        """The verdict in plain words."""
        if self.matched:
            return "found " + _listed(map(_place, self.reasons))
        if self.excluded_by:
            return "excluded by " + _listed(map(_place, self.excluded_by))
        return "not found: " + ", ".join(self.missing)


def evaluate(query: Query, paper: Paper) -> Verdict:
    """Judge a paper."""
    holds, found = _judge(query.root, paper)
    if holds:
        return Verdict(matched=True, reasons=_reasons(query, found, query.without))
    wanted, excluding = _causes(query.root, paper)
    return Verdict(
        matched=False,
        missing=tuple(dict.fromkeys(_label(atom) for atom in _in_order(wanted))),
        excluded_by=_reasons(query, [hit for atom in excluding for hit in _find(atom, paper)], ()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    """A term found: `term` as written, or as it stands on the paper."""

    atom: Atom
    term: str
    field: Field


def _judge(node: Node, paper: Paper) -> tuple[bool, list[_Hit]]:
    """Tell whether it holds, and the hits that make it so; a NOT holds for want of hits."""
    match node:
        case And(items):
            verdicts = [_judge(item, paper) for item in items]
            holds = all(held for held, _ in verdicts)
        case Or(items):
            verdicts = [verdict for item in items if (verdict := _judge(item, paper))[0]]
            holds = bool(verdicts)
        case Not(item):
            return not _judge(item, paper)[0], []
        case _:
            hits = _find(node, paper)
            return bool(hits), hits
    return holds, [hit for _, hits in verdicts for hit in hits] if holds else []


def _causes(node: Node, paper: Paper) -> tuple[list[Atom], list[Atom]]:
    """Give the wanted atoms missing, and the excluded atoms present, of a node that fails."""
    match node:
        case And(items) | Or(items):
            failing = [_causes(item, paper) for item in items if not _judge(item, paper)[0]]
            return (
                [atom for missing, _ in failing for atom in missing],
                [atom for _, excluding in failing for atom in excluding],
            )
        case Not(item):
            return [], [atom for atom, _ in atoms(item)]
        case _:
            return [node], []


def _find(atom: Atom, paper: Paper) -> list[_Hit]:
    match atom:
        case Phrase():
            found = _phrase_found(atom, paper)
        case Author(name=name):
            found = [(a, Field.AUTHOR) for a in paper.authors if author_matches(name, a)]
        case Tag(label=label):
            found = [(tag, Field.TAG) for tag in paper.tags if _covers(label, tag)]
        case Feed(label=label):
            found = [(feed, Field.FEED) for feed in paper.feeds if fold_label(feed) == label]
        case Upvotes():
            found = [(atom.text, Field.UPVOTES)] if atom.holds(paper.upvotes) else []
        case _:
            assert_never(atom)
    return [_Hit(atom=atom, term=term, field=field) for term, field in found]


def _covers(label: str, tag: str) -> bool:
    folded = fold_label(tag)
    return folded == label or folded.startswith(f"{label}.")


def _phrase_found(phrase: Phrase, paper: Paper) -> list[tuple[str, Field]]:
    texts = ((Field.TITLE, paper.title), (Field.ABSTRACT, paper.abstract))
    return [
        (phrase.text, field)
        for field, text in texts
        if phrase.field in {Field.TEXT, field} and _has_phrase(phrase, _read(text))
    ]


class _Text(NamedTuple):
    """A text read once: its words as keys and as they stand."""

    words: tuple[Word, ...]
    keys: tuple[str, ...]
    exact: tuple[str, ...]


@lru_cache(maxsize=4096)
def _read(text: str) -> _Text:
    words = tuple(words_of(text))
    return _Text(words, tuple(word.key for word in words), tuple(word.exact for word in words))


def _has_phrase(phrase: Phrase, text: _Text) -> bool:
    row = text.exact if phrase.exact else text.keys
    length = len(phrase.words)
    return any(
        row[start : start + length] == phrase.words
        and (not phrase.prefix or _has_prefix(phrase, text, start + length))
        for start in _starts(phrase, row)
    )


def _starts(phrase: Phrase, row: tuple[str, ...]) -> Iterator[int]:
    """Give the places where the first word of a phrase stands; all of them for a bare prefix."""
    if not phrase.words:
        yield from range(len(row))
        return
    start = -1
    for _ in range(row.count(phrase.words[0])):
        start = row.index(phrase.words[0], start + 1)
        yield start


def _has_prefix(phrase: Phrase, text: _Text, place: int) -> bool:
    if place == len(text.words):
        return False
    word = text.words[place]
    forms = (word.exact,) if phrase.exact else (word.folded, word.key)
    return any(form.startswith(phrase.prefix) for form in forms)


def _reasons(query: Query, hits: Iterable[_Hit], without: tuple[str, ...]) -> tuple[Reason, ...]:
    ordered = sorted(hits, key=lambda hit: hit.atom.at)
    return tuple(
        dict.fromkeys(
            Reason(term=hit.term, field=hit.field.value, query=query.canonical, without=without)
            for hit in ordered
        )
    )


def _in_order(found: list[Atom]) -> list[Atom]:
    return sorted(found, key=lambda atom: atom.at)


def _label(atom: Atom) -> str:
    match atom:
        case Phrase(field=field):
            return f"{field}:{atom.text}" if field else atom.text
        case Author():
            return f"author:{atom.text}"
        case Tag():
            return f"tag:{atom.text}"
        case Feed():
            return f"feed:{atom.text}"
        case Upvotes():
            return f"upvotes:{atom.text}"
        case _:
            assert_never(atom)


_PLACES = {
    "title": "{} in the title",
    "abstract": "{} in the abstract",
    "author": "the author {}",
    "tag": "the tag {}",
    "feed": "the feed {}",
    "upvotes": "upvotes {}",
}


def _place(reason: Reason) -> str:
    return _PLACES[reason.field].format(reason.term)


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)
