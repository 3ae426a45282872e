"""Judge one paper by one query, and say why.

It is written apart from the index, for clarity rather than speed: it explains, and it
is the oracle that the index is tested against.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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
from digest.matching.reading import (
    COLUMNS,
    NO_SYNONYMS,
    PaperRuns,
    Synonyms,
    TextRun,
    read_paper,
)
from digest.matching.text import fold_label
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


def evaluate(query: Query, paper: Paper, synonyms: Synonyms = NO_SYNONYMS) -> Verdict:
    """Judge a paper.

    Args:
        query: What is asked.
        paper: To be judged.
        synonyms: Forms that mean the same, besides those the paper defines.
    """
    seen = _Seen(paper, read_paper(paper, synonyms))
    hits = _hits(query.root, seen)
    if hits is not None:
        return Verdict(matched=True, reasons=_reasons(query, hits, query.without))
    wanted, excluding = _causes(query.root, seen)
    return Verdict(
        matched=False,
        missing=tuple(dict.fromkeys(_label(atom) for atom in _in_order(wanted))),
        excluded_by=_reasons(query, [hit for atom in excluding for hit in _find(atom, seen)], ()),
    )


def reasons_of(query: Query, paper: Paper, synonyms: Synonyms = NO_SYNONYMS) -> tuple[Reason, ...]:
    """Give the wanted terms found; none where the query does not match.

    What `evaluate` gives as reasons, without looking for what is missing.
    """
    hits = _hits(query.root, _Seen(paper, read_paper(paper, synonyms)))
    return _reasons(query, hits, query.without) if hits else ()


def matches(query: Query, paper: Paper, synonyms: Synonyms = NO_SYNONYMS) -> bool:
    """Tell whether a query matches a paper."""
    return _hits(query.root, _Seen(paper, read_paper(paper, synonyms))) is not None


class _Seen(NamedTuple):
    """A paper, and its texts as read."""

    paper: Paper
    runs: PaperRuns


class _Hit(NamedTuple):
    """A term found: `term` as written, or as it stands on the paper."""

    atom: Atom
    term: str
    field: Field
    span: tuple[int, int] | None = None


def _hits(node: Node, seen: _Seen) -> list[_Hit] | None:
    """Give the hits that make a node hold, None where it does not; a NOT holds for want of hits."""
    match node:
        case And(items):
            together: list[_Hit] = []
            for item in items:
                hits = _hits(item, seen)
                if hits is None:
                    return None
                together += hits
            return together
        case Or(items):
            found = [hits for item in items if (hits := _hits(item, seen)) is not None]
            return [hit for hits in found for hit in hits] if found else None
        case Not(item):
            return [] if _hits(item, seen) is None else None
        case _:
            return _find(node, seen) or None


def _causes(node: Node, seen: _Seen) -> tuple[list[Atom], list[Atom]]:
    """Give the wanted atoms missing, and the excluded atoms present, of a node that fails."""
    match node:
        case And(items) | Or(items):
            failing = [_causes(item, seen) for item in items if _hits(item, seen) is None]
            return (
                [atom for missing, _ in failing for atom in missing],
                [atom for _, excluding in failing for atom in excluding],
            )
        case Not(item):
            return [], [atom for atom, _ in atoms(item)]
        case _:
            return [node], []


def _find(atom: Atom, seen: _Seen) -> list[_Hit]:
    paper = seen.paper
    match atom:
        case Phrase():
            return _phrase_hits(atom, seen)
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
    return [_Hit(atom, term, field) for term, field in found]


def _covers(label: str, tag: str) -> bool:
    folded = fold_label(tag)
    return folded == label or folded.startswith(f"{label}.")


def _phrase_hits(phrase: Phrase, seen: _Seen) -> list[_Hit]:
    hits = []
    for column, runs in zip(COLUMNS, seen.runs, strict=True):
        if phrase.field and phrase.field is not column:
            continue
        for run in runs:
            span = _span(phrase, run)
            if span is None:
                continue
            term = phrase.text
            if run is not runs[0]:  # another form of it: then what stands there is shown
                text = seen.paper.title if column is Field.TITLE else seen.paper.abstract
                term = " ".join(text[slice(*span)].split())
            hits.append(_Hit(phrase, term, column, span))
            break
    return hits


def _span(phrase: Phrase, run: TextRun) -> tuple[int, int] | None:
    """Give where a phrase stands first."""
    if not phrase.exact and not phrase.prefix:
        at = run.place_of(phrase.words)
        return (run.spans[at][0], run.spans[at + len(phrase.words) - 1][1]) if at >= 0 else None
    if not phrase.words and not phrase.exact:
        place = min(run.places_of_prefix(phrase.prefix), default=None)
        return None if place is None else run.spans[place]
    row = run.exact if phrase.exact else run.keys
    length = len(phrase.words)
    for start in _starts(phrase, run):
        end = start + length
        if row[start:end] == phrase.words and (not phrase.prefix or _has_prefix(phrase, run, end)):
            last = end if phrase.prefix else end - 1
            return run.spans[start][0], run.spans[last][1]
    return None


def _starts(phrase: Phrase, run: TextRun) -> Iterable[int]:
    """Give the places where the first word of a phrase may stand."""
    if not phrase.words:
        return range(len(run.keys))
    first = phrase.words[0]
    return run.places_of_exact(first) if phrase.exact else run.places(first)


def _has_prefix(phrase: Phrase, run: TextRun, place: int) -> bool:
    if place == len(run.words):
        return False
    word = run.words[place]
    if phrase.exact:
        return word.exact.startswith(phrase.prefix)
    return word.folded.startswith(phrase.prefix) or word.key.startswith(phrase.prefix)


def _reasons(query: Query, hits: Iterable[_Hit], without: tuple[str, ...]) -> tuple[Reason, ...]:
    if isinstance(query.root, Phrase):  # most are, and a phrase is found once a text
        return tuple(_reason(query, hit, without) for hit in hits)
    ordered = sorted(hits, key=lambda hit: hit.atom.at)
    return tuple(dict.fromkeys(_reason(query, hit, without) for hit in ordered))


def _reason(query: Query, hit: _Hit, without: tuple[str, ...]) -> Reason:
    asked = hit.atom.text
    if asked is hit.term or fold_label(asked) == fold_label(hit.term):
        asked = ""
    return Reason(
        term=hit.term,
        field=hit.field.value,
        query=query.canonical,
        without=without,
        span=hit.span,
        asked=asked,
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
