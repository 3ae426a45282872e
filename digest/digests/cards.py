"""Cards: papers as printed in mails, rendered and encoded once for all their readers.

A card is put together of three pieces, each kept by what it shows: the paper itself,
why it is here, and what can be muted. Only tokens, and the paper's number in the text,
are left open for each message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from digest.digests.card import (
    SNIPPET,
    LessView,
    TagChooser,
    WhyView,
    card_view,
    less_label,
    why_view,
)
from digest.digests.fragments import ACT, NUMBER, Filler, Fragment, encode_fragment, token_number
from digest.digests.holes import AnyHole, Hole, hole
from digest.digests.kept import Kept
from digest.digests.reasons import Segment
from digest.digests.templates import LESS, WHY, MailTemplates
from digest.model import Link, Match, Paper, Reason
from digest.subscribers.actions import CHOICES, mutings

WEB_URL = "web_url"
_TEXT_WHY = "text_why"
_SEGMENTS = [f"segment {number}" for number in range(400)]
_LABELS = [f"label {number}" for number in range(CHOICES)]

# What each kind may hold, in bytes; all in all twice their sum (`Kept`).
_KEPT_CARDS = 24_000_000
_KEPT_WHYS = 20_000_000
_KEPT_LESSES = 16_000_000
_KEPT_PAPERS = 16_000_000
_KEPT_SHAPES = 1_000_000
# What a card or piece takes besides the bytes it shows.
_CARD_SIZE, _WHY_SIZE, _LESS_SIZE, _SHAPE_SIZE = 600, 500, 500, 3_000

_Words: TypeAlias = tuple[str, ...]


class Holes(NamedTuple):
    """Which parts of a card to fill for each message, by their index.

    `tokens` are (index of the part, number of the choice), `numbers` (index, encoded
    numbers by place from 0), `others` (index, what gives its content).
    """

    tokens: tuple[tuple[int, int], ...]
    numbers: tuple[tuple[int, Numbers], ...]
    others: tuple[tuple[int, Blank], ...]


class Card(NamedTuple):
    """A paper and its reasons, ready for any mail, as encoded parts of both its bodies.

    An `excess` above 0 says that base64 would take less. Cards of one shape share their
    holes: a message looks at 20 cards, and each object that only one of them has must be
    fetched from memory.
    """

    match: Match
    title: str
    html: tuple[bytes, ...]
    html_holes: Holes
    html_excess: int
    text: tuple[bytes, ...]
    text_holes: Holes
    text_excess: int


Blank: TypeAlias = Callable[[Mapping[str, str]], bytes]


class Numbers(dict[int, bytes]):
    """The numbers of papers, encoded as the template prints them, by place from 0."""

    def __init__(self, blank: Blank) -> None:
        self._blank = blank

    def __missing__(self, place: int) -> bytes:
        """Encode the number of a place."""
        encoded = self[place] = self._blank({NUMBER: str(place + 1)})
        return encoded


class _Why(NamedTuple):
    said: frozenset[str]
    html: bytes
    text: bytes
    html_excess: int
    text_excess: int


class _Less(NamedTuple):
    """Links that mute something: encoded parts, and the choices of the tokens in between.

    Every second part is empty: a token stands there.
    """

    parts: tuple[bytes, ...]
    choices: tuple[int, ...]
    excess: int


class _LessShape(NamedTuple):
    """Links that mute something, by what stands between their tokens, labels left open."""

    runs: tuple[tuple[bytes | AnyHole, ...], ...]
    numbers: tuple[int, ...]
    excess: int


class _Piece(Enum):
    """A place in an outline that another piece takes."""

    WHY = Hole(WHY)
    LESS = Hole(LESS)


class _Outline(NamedTuple):
    """A paper in one part of the mail: encoded parts, and where other pieces come in.

    Numbers and `others` stand at an index of a run; `holes` are those of the cards made
    of it, by the choices that can be muted.
    """

    runs: tuple[tuple[bytes, ...] | _Piece, ...]
    numbers: tuple[tuple[int, int, Numbers], ...]
    others: tuple[tuple[int, int, Blank], ...]
    holes: dict[tuple[int, ...], Holes]
    excess: int


class _Printed(NamedTuple):
    paper: Paper
    title: str
    html: _Outline
    text: _Outline


class Cards:
    """Makes cards, and keeps them and their pieces.

    Args:
        templates: Of the mail.
        html: Encodes the values of the HTML part.
        text: Encodes the values of the text part.
    """

    def __init__(self, templates: MailTemplates, *, html: Filler, text: Filler) -> None:
        self._templates = templates
        self._html = html
        self._text = text
        self._act_url = ""
        self._cards: Kept[int, Card] = Kept(_KEPT_CARDS)
        self._whys: Kept[object, _Why] = Kept(_KEPT_WHYS)
        self._lesses: Kept[tuple[tuple[int, ...], _Words], _Less] = Kept(_KEPT_LESSES)
        self._tags: Kept[int, tuple[Paper, TagChooser]] = Kept(_KEPT_SHAPES)
        self._papers: Kept[tuple[int, int, _Words], _Printed] = Kept(_KEPT_PAPERS)
        self._why_shapes: Kept[tuple[bool, ...], tuple[Fragment, Fragment]] = Kept(_KEPT_SHAPES)
        self._less_shapes: Kept[tuple[str, int], _LessShape] = Kept(_KEPT_SHAPES)
        self._holes: Kept[object, Holes] = Kept(_KEPT_SHAPES)
        self._numbers: Kept[tuple[AnyHole, int], Numbers] = Kept(_KEPT_SHAPES)

    def cards(self, matches: Iterable[Match], act_url: str) -> list[Card]:
        """Return the cards of matches; the same object gives the same card.

        Args:
            matches: Of one digest.
            act_url: What comes before the tokens of actions, "" to offer none.

        Raises:
            RenderError: If a template cannot be rendered.
        """
        if not act_url:  # a preview
            return [self.card(match, "") for match in matches]
        if act_url != self._act_url:
            self._cards.clear()
            self._lesses.clear()
            self._act_url = act_url
        cards: list[Card] = []
        get = self._cards.get
        for match in matches:
            # By identity: comparing two abstracts would cost more than all the rest. The
            # card holds its match, so that no other can have its id.
            card = get(id(match)) or self._cards.again(id(match))
            if card is None or card.match is not match:
                card = self._cards.keep(id(match), self.card(match, act_url), _CARD_SIZE)
            cards.append(card)
        return cards

    def card(self, match: Match, act_url: str, *, snippet: int = SNIPPET) -> Card:
        """Make a card of kept pieces.

        Args:
            match: The paper and its reasons.
            act_url: What comes before the tokens of actions, "" to offer none.
            snippet: Characters of the abstract; 0 leaves it out.

        Raises:
            RenderError: If a template cannot be rendered.
        """
        why = self._why(match.reasons)
        printed = self._printed(match.paper, snippet, why.said)
        less = self._less(act_url, match) if act_url else _NO_LESS
        return Card(
            match,
            printed.title,
            *self._part(printed.html, why.html, less),
            printed.html.excess + why.html_excess + less.excess,
            *self._part(printed.text, why.text, _NO_LESS),
            printed.text.excess + why.text_excess,
        )

    def _printed(self, paper: Paper, snippet: int, said: frozenset[str]) -> _Printed:
        chooser = self._tags.get(id(paper)) or self._tags.again(id(paper))
        if chooser is None or chooser[0] is not paper:
            chooser = self._tags.keep(id(paper), (paper, TagChooser(paper)), _CARD_SIZE)
        tags = chooser[1].unsaid(said)
        key = (id(paper), snippet, tags)
        printed = self._papers.get(key) or self._papers.again(key)
        if printed is None or printed.paper is not paper:
            printed = self._print(paper, snippet, tags)
            self._papers.keep(key, printed, _size(printed.html) + _size(printed.text))
        return printed

    def _print(self, paper: Paper, snippet: int, tags: _Words) -> _Printed:
        view = card_view(
            paper, number=hole(NUMBER), fallback_url=hole(WEB_URL), snippet=snippet, tags=tags
        )
        return _Printed(
            paper,
            view.title,
            self._outline(self._templates.opened("paper.html", paper=view), self._html),
            self._outline(self._templates.opened("paper.txt", paper=view), self._text),
        )

    def _outline(self, pieces: Iterable[str | AnyHole], filler: Filler) -> _Outline:
        fragment = encode_fragment(pieces)
        runs: list[list[bytes] | _Piece] = []
        run: list[bytes] = []
        numbers: list[tuple[int, int, Numbers]] = []
        others: list[tuple[int, int, Blank]] = []
        for item in fragment.items:
            if isinstance(item, bytes):
                run.append(item)
            elif item in _PIECES:
                runs += (run, _PIECES[item])
                run = []
            else:
                if set(item.names) == {NUMBER}:
                    numbers.append((len(runs), len(run), self._numbers_of(item, filler)))
                else:
                    others.append((len(runs), len(run), filler.blank(item)))
                run.append(b"")
        runs.append(run)
        return _Outline(
            tuple([one if isinstance(one, _Piece) else tuple(one) for one in runs]),
            tuple(numbers),
            tuple(others),
            {},
            fragment.excess,
        )

    def _numbers_of(self, one: AnyHole, filler: Filler) -> Numbers:
        key = (one, id(filler))
        numbers = self._numbers.get(key)
        if numbers is None:
            numbers = self._numbers.keep(key, Numbers(filler.blank(one)), _SHAPE_SIZE)
        return numbers

    def _why(self, reasons: Sequence[Reason]) -> _Why:
        # Reasons are equal that say the same of different papers; `asked` tells them apart.
        # Which query a single one is of is not said.
        key: object
        if len(reasons) == 1:
            (one,) = reasons
            key = (one.term, one.field, one.without, one.asked)
        else:
            key = tuple(
                [(one.term, one.field, one.query, one.without, one.asked) for one in reasons]
            )
        why = self._whys.get(key) or self._whys.again(key)
        if why is None:
            why = self._make_why(why_view(reasons))
            self._whys.keep(key, why, len(why.html) + len(why.text) + _WHY_SIZE)
        return why

    def _make_why(self, view: WhyView) -> _Why:
        html, text = self._why_shape(tuple([segment.marked for segment in view.why]))
        values = {name: one.text for name, one in zip(_SEGMENTS, view.why, strict=False)}
        values[_TEXT_WHY] = view.text_why
        return _Why(
            view.said,
            b"".join(_filled(html.items, values, self._html)),
            b"".join(_filled(text.items, values, self._text)),
            html.excess,
            text.excess,
        )

    def _why_shape(self, marked: tuple[bool, ...]) -> tuple[Fragment, Fragment]:
        """Return the line of reasons in both parts, its words left open."""
        shape = self._why_shapes.get(marked) or self._why_shapes.again(marked)
        if shape is None:
            view = WhyView(
                why=tuple(
                    Segment(text=hole(name), marked=one)
                    for name, one in zip(_SEGMENTS, marked, strict=False)
                ),
                text_why=hole(_TEXT_WHY),
            )
            shape = (
                encode_fragment(self._templates.opened("why.html", paper=view)),
                encode_fragment(self._templates.opened("why.txt", paper=view)),
            )
            self._why_shapes.keep(marked, shape, _SHAPE_SIZE)
        return shape

    def _less(self, act_url: str, match: Match) -> _Less:
        offered = mutings(match)
        if not offered:
            return _NO_LESS
        choices = tuple(offered)
        key = (choices, tuple([one.label for one in offered.values()]))
        less = self._lesses.get(key) or self._lesses.again(key)
        if less is None:
            less = self._make_less(act_url, *key)
            self._lesses.keep(key, less, sum(map(len, less.parts)) + _LESS_SIZE)
        return less

    def _make_less(self, act_url: str, choices: tuple[int, ...], labels: _Words) -> _Less:
        shape = self._less_shape(act_url, len(labels))
        values = {name: less_label(one) for name, one in zip(_LABELS, labels, strict=False)}
        parts = [b""] * (2 * len(shape.runs) - 1)
        parts[::2] = [b"".join(_filled(run, values, self._html)) for run in shape.runs]
        return _Less(
            tuple(parts), tuple([choices[number] for number in shape.numbers]), shape.excess
        )

    def _less_shape(self, act_url: str, count: int) -> _LessShape:
        key = (act_url, count)
        shape = self._less_shapes.get(key)
        if shape is None:
            view = LessView(
                less=tuple(
                    Link(label=hole(label), url=act_url + hole(f"{ACT}{at}"))
                    for at, label in enumerate(_LABELS[:count])
                )
            )
            fragment = encode_fragment(self._templates.opened("less.html", paper=view))
            runs: list[list[bytes | AnyHole]] = [[]]
            numbers: list[int] = []
            for item in fragment.items:
                number = None if isinstance(item, bytes) else token_number(item)
                if number is None:
                    runs[-1].append(item)
                else:
                    numbers.append(number)
                    runs.append([])
            shape = _LessShape(tuple(map(tuple, runs)), tuple(numbers), fragment.excess)
            self._less_shapes.keep(key, shape, _SHAPE_SIZE)
        return shape

    def _part(self, outline: _Outline, why: bytes, less: _Less) -> tuple[tuple[bytes, ...], Holes]:
        """Put pieces together. They stay apart in memory: cards share them."""
        parts: tuple[bytes, ...] = ()
        for run in outline.runs:
            if run is _Piece.WHY:
                parts += (why,)
            elif run is _Piece.LESS:
                parts += less.parts
            else:
                parts += run
        holes = outline.holes.get(less.choices)
        if holes is None:
            holes = outline.holes[less.choices] = self._make_holes(outline, less)
        return parts, holes

    def _make_holes(self, outline: _Outline, less: _Less) -> Holes:
        lengths = {_Piece.WHY: 1, _Piece.LESS: len(less.parts)}
        starts = list(
            accumulate(
                [lengths[run] if isinstance(run, _Piece) else len(run) for run in outline.runs],
                initial=0,
            )
        )
        tokens = [
            (start + 2 * number + 1, choice)
            for start, run in zip(starts, outline.runs, strict=False)
            if run is _Piece.LESS
            for number, choice in enumerate(less.choices)
        ]
        holes = Holes(
            tuple(tokens),
            tuple([(starts[run] + at, one) for run, at, one in outline.numbers]),
            tuple([(starts[run] + at, one) for run, at, one in outline.others]),
        )
        key = (holes.tokens, *[(at, id(one)) for at, one in (*holes.numbers, *holes.others)])
        return self._holes.get(key) or self._holes.keep(key, holes, _SHAPE_SIZE)


_NO_LESS = _Less((b"",), (), 0)
_PIECES: dict[AnyHole, _Piece] = {piece.value: piece for piece in _Piece}


def _filled(
    items: Iterable[bytes | AnyHole], values: Mapping[str, str], filler: Filler
) -> list[bytes]:
    """Fill holes, without keeping what only they have."""
    return [
        item
        if isinstance(item, bytes)
        else filler.value(values[item.name])
        if type(item) is Hole
        else filler.encode(item.fill(values.__getitem__))
        for item in items
    ]


def _size(outline: _Outline) -> int:
    runs = [run for run in outline.runs if not isinstance(run, _Piece)]
    return sum(len(one) + 100 for run in runs for one in run)
