"""Frames: a digest without its papers, rendered and encoded once for many readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from digest.digests.fragments import Filler, Fragment, encode_fragment
from digest.digests.holes import AnyHole, Hole, hole
from digest.digests.kept import Kept
from digest.digests.templates import CARD, MailTemplates
from digest.digests.view import DigestWords, LeftOverView
from digest.digests.wording import long_date
from digest.model import DigestLinks

_KEPT_FRAMES = 4_000_000
_WORDS = ("subject", "preview", "lead", "schedule")
_LEFT_OVER = {
    "before": "left_over.before",
    "link_text": "left_over.link_text",
    "after": "left_over.after",
}
_URLS = ("web_url", "manage_url", "unsubscribe_url")


class Section(NamedTuple):
    """What stands between two cards: encoded parts, and which of them to fill with what.

    `blanks` are (index of the part, index among the blanks of the frame); `place` is the
    paper that follows, from 0, None after the last one.
    """

    parts: tuple[bytes, ...]
    blanks: tuple[tuple[int, int], ...]
    place: int | None


@dataclass(frozen=True, slots=True)
class FramePart:
    """A frame in one part of the mail. `excess` is above 0 where base64 would take less.

    `blanks` give what is personal, encoded, each different value once.
    """

    sections: tuple[Section, ...]
    blanks: tuple[Callable[[Mapping[str, str]], bytes], ...]
    excess: int


@dataclass(frozen=True, slots=True)
class Frame:
    """All of a digest but its papers; the subject is not encoded yet."""

    subject: tuple[str | AnyHole, ...]
    html: FramePart
    text: FramePart


class FrameKey(NamedTuple):
    """What a frame shows as it is; all else in it is a hole."""

    day: date
    notices: tuple[str, ...]
    papers: int
    has_left_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceView:
    """A paper as the frame knows it: its place, from 0."""

    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameView:
    """A digest as printed, its papers and all that is personal left open."""

    service_name: str
    subject: str
    preview: str
    date: str
    lead: str
    notices: tuple[str, ...]
    papers: tuple[PlaceView, ...]
    left_over: LeftOverView | None
    schedule: str
    web_url: str
    manage_url: str
    unsubscribe_url: str


class Frames:
    """Makes frames, and keeps them.

    Args:
        templates: Of the mail.
        service_name: The mail's heading, on one line.
        html: Encodes the values of the HTML part.
        text: Encodes the values of the text part.
    """

    def __init__(
        self, templates: MailTemplates, *, service_name: str, html: Filler, text: Filler
    ) -> None:
        self._templates = templates
        self._service_name = service_name
        self._html = html
        self._text = text
        self._frames: Kept[FrameKey, Frame] = Kept(_KEPT_FRAMES)

    def frame(self, key: FrameKey) -> Frame:
        """Return the frame of digests that are alike.

        Raises:
            RenderError: If a template cannot be rendered.
        """
        frame = self._frames.get(key) or self._frames.again(key)
        if frame is None:
            frame = self._make(key)
            self._frames.keep(key, frame, _size(frame.html) + _size(frame.text))
        return frame

    def _make(self, key: FrameKey) -> Frame:
        view = FrameView(
            service_name=self._service_name,
            date=long_date(key.day),
            notices=key.notices,
            papers=tuple(PlaceView(place=place) for place in range(key.papers)),
            left_over=LeftOverView(**{one: hole(name) for one, name in _LEFT_OVER.items()})
            if key.has_left_over
            else None,
            **{name: hole(name) for name in (*_WORDS, *_URLS)},
        )
        return Frame(
            subject=self._templates.opened("digest.subject.txt", view=view),
            html=_part(
                encode_fragment(self._templates.opened("digest.html", view=view)), self._html
            ),
            text=_part(
                encode_fragment(self._templates.opened("digest.txt", view=view)), self._text
            ),
        )


def frame_values(words: DigestWords, links: DigestLinks) -> dict[str, str]:
    """Return what is put into the holes of a frame."""
    values = {
        "subject": words.subject,
        "preview": words.preview,
        "lead": words.lead,
        "schedule": words.schedule,
        "web_url": links.web,
        "manage_url": links.manage,
        "unsubscribe_url": links.unsubscribe,
    }
    if words.left_over is not None:
        values["left_over.before"] = words.left_over.before
        values["left_over.link_text"] = words.left_over.link_text
        values["left_over.after"] = words.left_over.after
    return values


def _part(fragment: Fragment, filler: Filler) -> FramePart:
    sections: list[Section] = []
    numbers: dict[AnyHole, int] = {}
    parts: list[bytes] = []
    blanks: list[tuple[int, int]] = []
    for item in fragment.items:
        if isinstance(item, bytes):
            parts.append(item)
        elif isinstance(item, Hole) and item.name.startswith(CARD):
            place = int(item.name.removeprefix(CARD))
            sections.append(Section(tuple(parts), tuple(blanks), place))
            parts, blanks = [], []
        else:
            blanks.append((len(parts), numbers.setdefault(item, len(numbers))))
            parts.append(b"")
    sections.append(Section(tuple(parts), tuple(blanks), None))
    return FramePart(tuple(sections), tuple(map(filler.blank, numbers)), fragment.excess)


def _size(part: FramePart) -> int:
    return sum(len(one) + 100 for section in part.sections for one in section.parts)
