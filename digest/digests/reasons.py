"""Say why a paper is in a digest, in words with the terms marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from digest.digests.plain import one_line, shorten
from digest.model import Reason

CHANGED = "matched an interest you have since changed"
MAX_PIECES = 4
MAX_TERM = 80
_TEXT_FIELDS = ("title", "abstract")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A run of words; a marked one is a term of the reader's own."""

    text: str
    marked: bool = False


def why_line(reasons: Sequence[Reason]) -> tuple[Segment, ...]:
    """Merge reasons into one line.

    Terms of one query are told together ("diffusion and protein in title and abstract,
    without “survey”"), different interests are parted by a middle dot.
    """
    by_query: dict[str, list[Reason]] = {}
    for reason in reasons:
        by_query.setdefault(reason.query, []).append(reason)
    pieces = list(dict.fromkeys(filter(None, map(_piece, by_query.values()))))
    if not pieces:
        return (Segment(text=CHANGED),)
    line: list[Segment] = []
    for piece in pieces[:MAX_PIECES]:
        if line:
            line.append(Segment(text=" · "))
        line.extend(piece)
    if len(pieces) > MAX_PIECES:
        line.append(Segment(text=f" · and {len(pieces) - MAX_PIECES} more"))
    return tuple(line)


def plain_why(line: Sequence[Segment]) -> str:
    """Write the line for plain text, its terms in guillemets."""
    return "".join(f"«{segment.text}»" if segment.marked else segment.text for segment in line)


def _piece(reasons: Iterable[Reason]) -> tuple[Segment, ...]:
    """Say the reasons of one query."""
    fields: dict[str, list[str]] = {}
    others: dict[tuple[str, str], None] = {}
    without: dict[str, None] = {}
    for reason in reasons:
        without.update(dict.fromkeys(shorten(one_line(term), MAX_TERM) for term in reason.without))
        term = shorten(one_line(reason.term), MAX_TERM)
        if not term:
            continue
        if reason.field in _TEXT_FIELDS:
            found = fields.setdefault(term, [])
            if reason.field not in found:
                found.append(reason.field)
        else:
            others[reason.field, term] = None
    phrases = _text_phrases(fields)
    phrases.extend(
        (Segment(text=f"{field} "), Segment(text=term, marked=True)) for field, term in others
    )
    if not phrases:
        return ()
    piece = list(phrases[0])
    for phrase in phrases[1:]:
        piece.append(Segment(text=", "))
        piece.extend(phrase)
    if without:
        words = " or ".join(f"“{word}”" for word in without if word)
        piece.append(Segment(text=f", without {words}"))
    return tuple(piece)


def _text_phrases(fields: dict[str, list[str]]) -> list[tuple[Segment, ...]]:
    """Group terms by where they stand: "a and b in title and abstract"."""
    by_place: dict[str, list[str]] = {}
    for term, found in fields.items():
        by_place.setdefault(_place(found), []).append(term)
    phrases: list[tuple[Segment, ...]] = []
    for place, terms in by_place.items():
        phrase: list[Segment] = []
        for number, term in enumerate(terms):
            if number:
                phrase.append(Segment(text=" and " if number == len(terms) - 1 else ", "))
            phrase.append(Segment(text=term, marked=True))
        phrase.append(Segment(text=f" in {place}"))
        phrases.append(tuple(phrase))
    return phrases


def _place(found: Iterable[str]) -> str:
    places = set(found)
    if places == {"title", "abstract"}:
        return "title and abstract"
    return f"the {places.pop()}"
