"""Say why a paper is in a digest, in words with the terms marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from digest.digests.plain import one_line, shorten
from digest.model import Reason

CHANGED = "matched an interest you have since changed"
MAX_PIECES = 4
MAX_TERMS = 5
MAX_TERM = 80
_TEXT_FIELDS = ("title", "abstract")


class Segment(NamedTuple):
    """A run of words; a marked one is a term of the reader's own."""

    text: str
    marked: bool = False


_Piece = tuple[Segment, ...]


class _Term(NamedTuple):
    """What was found, and what was asked for where the paper has another form of it."""

    found: str
    asked: str


def why_line(reasons: Sequence[Reason]) -> tuple[Segment, ...]:
    """Merge reasons into one line.

    Terms of one query are told together ("diffusion and protein in title and abstract,
    without “survey”"); interests of one term each are gathered by where it stands ("LLM,
    agents in the title"); what differs is parted by a middle dot. No reason at all
    means that the interest was changed since.
    """
    by_query: dict[str, list[Reason]] = {}
    for reason in reasons:
        by_query.setdefault(reason.query, []).append(reason)
    # Insertion order is order of importance, so the key stands where its first term did.
    gathered: dict[tuple[str, ...], dict[_Term, None] | _Piece] = {}
    for number, group in enumerate(by_query.values()):
        places, without = _places(group), _without(group)
        if len(places) == 1 and not without:
            ((term, place),) = places
            terms = gathered.setdefault(place, {})
            if isinstance(terms, dict):
                terms[term] = None
        elif places:
            piece = _query_piece(places, without)
            if piece not in gathered.values():
                gathered[(str(number), "query", "")] = piece
    pieces = [
        _gathered_piece(place, tuple(content)) if isinstance(content, dict) else content
        for place, content in gathered.items()
    ]
    if not pieces:
        return (Segment(text=CHANGED),)
    line = _join(pieces[:MAX_PIECES], " · ")
    if len(pieces) > MAX_PIECES:
        line = (*line, Segment(text=f" · and {len(pieces) - MAX_PIECES} more"))
    return line


def plain_why(line: Sequence[Segment]) -> str:
    """Write the line for plain text, its terms in guillemets."""
    return "".join(f"«{segment.text}»" if segment.marked else segment.text for segment in line)


def _places(reasons: Sequence[Reason]) -> list[tuple[_Term, tuple[str, ...]]]:
    """Return each term of a query with where it was found: text fields, or one other."""
    found: dict[tuple[_Term, bool], dict[str, None]] = {}
    for reason in reasons:
        term = _Term(_shown(reason.term), _shown(reason.asked))
        if term.found:
            in_text = reason.field in _TEXT_FIELDS
            found.setdefault((term, in_text), {})[reason.field] = None
    places: list[tuple[_Term, tuple[str, ...]]] = []
    for (term, in_text), fields in found.items():
        if in_text:
            places.append((term, tuple([field for field in _TEXT_FIELDS if field in fields])))
        else:
            places.extend((term, (field,)) for field in fields)
    return places


def _without(reasons: Sequence[Reason]) -> tuple[str, ...]:
    terms = [_shown(term) for reason in reasons for term in reason.without]
    return tuple(dict.fromkeys(filter(None, terms)))


def _shown(term: str) -> str:
    return shorten(one_line(term), MAX_TERM) if term else ""


def _query_piece(
    places: Sequence[tuple[_Term, tuple[str, ...]]], without: tuple[str, ...]
) -> _Piece:
    """Say the terms of one query, which belong together."""
    by_place: dict[tuple[str, ...], list[_Term]] = {}
    for term, place in places:
        by_place.setdefault(place, []).append(term)
    phrases = [_phrase(place, terms, last=" and ") for place, terms in by_place.items()]
    piece = _join(phrases, ", ")
    if without:
        words = " or ".join(f"“{word}”" for word in without)
        piece = (*piece, Segment(text=f", without {words}"))
    return piece


def _gathered_piece(place: tuple[str, ...], terms: tuple[_Term, ...]) -> _Piece:
    """Say single terms of several interests, each of which would have been enough."""
    return _phrase(place, terms, last=", ")


def _phrase(place: tuple[str, ...], terms: Sequence[_Term], *, last: str) -> _Piece:
    """Say terms and where they stand: "a and b in the title", "tags a, b"."""
    shown = terms[:MAX_TERMS]
    hidden = len(terms) - len(shown)
    segments: list[Segment] = []
    for number, term in enumerate(shown):
        if number:
            final = number == len(shown) - 1 and not hidden
            segments.append(Segment(text=last if final else ", "))
        segments.append(Segment(text=term.found, marked=True))
        if term.asked:
            segments.append(Segment(text=f" (for “{term.asked}”)"))
    if hidden:
        segments.append(Segment(text=f" and {hidden} more"))
    if place[0] in _TEXT_FIELDS:
        where = "title and abstract" if len(place) == 2 else f"the {place[0]}"
        return (*segments, Segment(text=f" in {where}"))
    plural = "s" if len(terms) > 1 and place[0] != "upvotes" else ""
    return (Segment(text=f"{place[0]}{plural} "), *segments)


def _join(pieces: Sequence[_Piece], separator: str) -> _Piece:
    joined: list[Segment] = []
    for piece in pieces:
        if joined:
            joined.append(Segment(text=separator))
        joined.extend(piece)
    return tuple(joined)
