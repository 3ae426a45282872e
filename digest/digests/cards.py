"""Cards: papers as printed in mails, rendered and encoded once for all their readers.

A card is put together of three pieces, each kept by what it shows: the paper itself,
why it is here, and what can be muted. Only tokens, and the paper's number in the text,
are left open for each message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
from digest.digests.fragments import (
    ACT,
    NUMBER,
    Filler,
    Fragment,
    encode_fragment,
    token_number,
)
from digest.digests.holes import AnyHole, Hole, hole
from digest.digests.kept import Kept
from digest.digests.reasons import Segment
from digest.digests.templates import LESS, WHY, MailTemplates
from digest.model import Link, Match, Paper, Reason
from digest.subscribers.actions import mutings

WEB_URL = "web_url"
_SEGMENT, _TEXT_WHY, _LABEL = "segment ", "text_why", "label "

_WHY_HOLE, _LESS_HOLE = Hole(WHY), Hole(LESS)

_KEPT_CARDS = 1 << 16
_KEPT_WHYS = 1 << 15
_KEPT_LESSES = 1 << 14
_KEPT_PAPERS = 1 << 11
_KEPT_SHAPES = 1 << 10

_WhyKey: TypeAlias = tuple[tuple[str, str, str, tuple[str, ...], str], ...]


class CardPart(NamedTuple):
    """A card in one part of the mail: its encoded parts, and which of them to fill.

    `tokens` are (index of the part, number of the choice), `numbers` (index, encoded
    numbers by place from 0). `excess` is above 0 where base64 would take less.
    """

    parts: tuple[bytes, ...]
    tokens: tuple[tuple[int, int], ...]
    numbers: tuple[tuple[int, Numbers], ...]
    others: tuple[tuple[int, AnyHole], ...]
    excess: int


class Card(NamedTuple):
    """A paper and its reasons, ready for any mail. `choices` are what can be muted."""

    match: Match
    act_url: str
    title: str
    choices: tuple[int, ...]
    html: CardPart
    text: CardPart


class Numbers(dict[int, bytes]):
    """The numbers of papers, encoded as the template prints them, by place from 0."""

    def __init__(self, one: AnyHole, filler: Filler) -> None:
        self._hole = one
        self._filler = filler

    def __missing__(self, place: int) -> bytes:
        """Encode the number of a place."""
        encoded = self[place] = self._filler.fill(self._hole, {NUMBER: str(place + 1)})
        return encoded


@dataclass(frozen=True, slots=True)
class _Why:
    said: frozenset[str]
    html: Fragment
    text: Fragment


class _Less(NamedTuple):
    """Links that mute something, filled but for their tokens, which stand in `tokens`."""

    parts: tuple[bytes, ...]
    tokens: tuple[tuple[int, int], ...]
    excess: int


class _Outline(NamedTuple):
    """A paper in one part of the mail: encoded parts, b"" where anything is put in."""

    parts: tuple[bytes, ...]
    puts: tuple[tuple[int, Numbers | AnyHole], ...]
    excess: int


@dataclass(frozen=True, slots=True)
class _Printed:
    title: str
    html: _Outline
    text: _Outline


@dataclass(frozen=True, slots=True)
class _Paper:
    paper: Paper
    tags: TagChooser
    printed: dict[tuple[int, tuple[str, ...]], _Printed] = field(default_factory=dict)


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
        self._cards: Kept[int, Card] = Kept(_KEPT_CARDS)
        self._whys: Kept[_WhyKey, _Why] = Kept(_KEPT_WHYS)
        self._papers: Kept[int, _Paper] = Kept(_KEPT_PAPERS)
        self._why_shapes: Kept[tuple[bool, ...], tuple[Fragment, Fragment]] = Kept(_KEPT_SHAPES)
        self._lesses: Kept[tuple[str, tuple[str, ...]], _Less] = Kept(_KEPT_LESSES)
        self._less_shapes: Kept[tuple[str, int], Fragment] = Kept(_KEPT_SHAPES)
        self._numbers: dict[tuple[AnyHole, int], Numbers] = {}

    def card(self, match: Match, act_url: str, *, snippet: int = SNIPPET) -> Card:
        """Return the card of a match.

        Args:
            match: The same object gives the same card.
            act_url: What comes before the tokens of actions, "" to offer none.
            snippet: Characters of the abstract; 0 leaves it out.

        Raises:
            RenderError: If a template cannot be rendered.
        """
        # By identity: comparing two abstracts would cost more than all the rest. The card
        # holds its match, so that no other can have its id.
        if not act_url or snippet != SNIPPET:
            return self._make(match, act_url, snippet)  # previews, and mails cut to fit
        card = self._cards.get(id(match)) or self._cards.again(id(match))
        if card is None or card.match is not match or card.act_url != act_url:
            card = self._cards.keep(id(match), self._make(match, act_url, snippet))
        return card

    def _make(self, match: Match, act_url: str, snippet: int) -> Card:
        why = self._why(match.reasons)
        printed = self._printed(match.paper, snippet, why.said)
        offered = mutings(match) if act_url else {}
        less = self._less(act_url, tuple([one.label for one in offered.values()]))
        return Card(
            match=match,
            act_url=act_url,
            title=printed.title,
            choices=tuple(offered),
            html=_part(printed.html, why.html, less),
            text=_part(printed.text, why.text, _NO_LESS),
        )

    def _outline(self, fragment: Fragment, filler: Filler) -> _Outline:
        parts: list[bytes] = []
        puts: list[tuple[int, Numbers | AnyHole]] = []
        for item in fragment.items:
            if isinstance(item, bytes):
                parts.append(item)
                continue
            put: Numbers | AnyHole = item
            if item == _WHY_HOLE:
                put = _WHY_HOLE
            elif item == _LESS_HOLE:
                put = _LESS_HOLE
            elif set(item.names) == {NUMBER}:
                put = self._numbers_of(item, filler)
            puts.append((len(parts), put))
            parts.append(b"")
        return _Outline(tuple(parts), tuple(puts), fragment.excess)

    def _numbers_of(self, one: AnyHole, filler: Filler) -> Numbers:
        numbers = self._numbers.get((one, id(filler)))
        if numbers is None:
            numbers = self._numbers[one, id(filler)] = Numbers(one, filler)
        return numbers

    def _printed(self, paper: Paper, snippet: int, said: frozenset[str]) -> _Printed:
        kept = self._papers.get(id(paper)) or self._papers.again(id(paper))
        if kept is None or kept.paper is not paper:
            kept = self._papers.keep(id(paper), _Paper(paper, TagChooser(paper)))
        tags = kept.tags.unsaid(said)
        printed = kept.printed.get((snippet, tags))
        if printed is None:
            view = card_view(
                paper,
                number=hole(NUMBER),
                fallback_url=hole(WEB_URL),
                snippet=snippet,
                tags=tags,
            )
            printed = kept.printed[snippet, tags] = _Printed(
                title=view.title,
                html=self._outline(
                    encode_fragment(self._templates.opened("paper.html", paper=view)), self._html
                ),
                text=self._outline(
                    encode_fragment(self._templates.opened("paper.txt", paper=view)), self._text
                ),
            )
        return printed

    def _why(self, reasons: Sequence[Reason]) -> _Why:
        # Reasons are equal that say the same of different papers; `asked` tells them apart.
        key = tuple([(one.term, one.field, one.query, one.without, one.asked) for one in reasons])
        why = self._whys.get(key) or self._whys.again(key)
        return self._whys.keep(key, self._make_why(why_view(reasons))) if why is None else why

    def _make_why(self, view: WhyView) -> _Why:
        html, text = self._why_shape(tuple([segment.marked for segment in view.why]))
        values = {f"{_SEGMENT}{at}": segment.text for at, segment in enumerate(view.why)}
        values[_TEXT_WHY] = view.text_why
        return _Why(
            said=view.said,
            html=Fragment((self._html.all(html, values),), html.excess),
            text=Fragment((self._text.all(text, values),), text.excess),
        )

    def _why_shape(self, marked: tuple[bool, ...]) -> tuple[Fragment, Fragment]:
        """Return the line of reasons in both parts, its words left open."""
        shape = self._why_shapes.get(marked) or self._why_shapes.again(marked)
        if shape is None:
            view = WhyView(
                why=tuple(
                    Segment(text=hole(f"{_SEGMENT}{at}"), marked=one)
                    for at, one in enumerate(marked)
                ),
                text_why=hole(_TEXT_WHY),
            )
            shape = self._why_shapes.keep(
                marked,
                (
                    encode_fragment(self._templates.opened("why.html", paper=view)),
                    encode_fragment(self._templates.opened("why.txt", paper=view)),
                ),
            )
        return shape

    def _less(self, act_url: str, labels: tuple[str, ...]) -> _Less:
        if not labels:
            return self._make_less(act_url, labels)
        key = (act_url, labels)
        less = self._lesses.get(key) or self._lesses.again(key)
        return self._lesses.keep(key, self._make_less(act_url, labels)) if less is None else less

    def _make_less(self, act_url: str, labels: tuple[str, ...]) -> _Less:
        shape = self._less_shape(act_url, len(labels))
        values = {f"{_LABEL}{at}": less_label(label) for at, label in enumerate(labels)}
        parts: list[bytes] = []
        tokens: list[tuple[int, int]] = []
        together: list[bytes] = []
        for item in shape.items:
            if isinstance(item, bytes):
                together.append(item)
            elif isinstance(item, Hole) and item.name in values:
                together.append(self._html.encode(values[item.name]))
            else:
                parts.append(b"".join(together))
                tokens.append((len(parts), token_number(item) or 0))
                parts.append(b"")
                together = []
        parts.append(b"".join(together))
        return _Less(tuple(parts), tuple(tokens), shape.excess)

    def _less_shape(self, act_url: str, count: int) -> Fragment:
        """Return the links that mute something, their labels and tokens left open."""
        shape = self._less_shapes.get((act_url, count)) or self._less_shapes.again((act_url, count))
        if shape is None:
            view = LessView(
                less=tuple(
                    Link(label=hole(f"{_LABEL}{at}"), url=act_url + hole(f"{ACT}{at}"))
                    for at in range(count)
                )
            )
            shape = self._less_shapes.keep(
                (act_url, count), encode_fragment(self._templates.opened("less.html", paper=view))
            )
        return shape


_NO_LESS = _Less((), (), 0)


def _part(outline: _Outline, why: Fragment, less: _Less) -> CardPart:
    """Put the pieces together. They stay apart in memory: cards share them."""
    parts: tuple[bytes, ...] = ()
    tokens: list[tuple[int, int]] = []
    numbers: list[tuple[int, Numbers]] = []
    others: list[tuple[int, AnyHole]] = []
    start = 0
    for at, put in outline.puts:
        parts += outline.parts[start:at]
        start = at + 1
        if put is _WHY_HOLE:
            parts += why.items  # type: ignore[operator]  # it has no holes left
        elif put is _LESS_HOLE:
            base = len(parts)
            tokens += [(base + place, number) for place, number in less.tokens]
            parts += less.parts
        else:
            if isinstance(put, Numbers):
                numbers.append((len(parts), put))
            else:
                others.append((len(parts), put))
            parts += (b"",)
    return CardPart(
        parts=parts + outline.parts[start:],
        tokens=tuple(tokens),
        numbers=tuple(numbers),
        others=tuple(others),
        excess=outline.excess + why.excess + less.excess,
    )
