"""Render mails from their templates: digests out of encoded pieces, letters whole.

The templates get one finished `view` and nothing else. A missing variable is an error
that names it, never an empty hole in a mail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from operator import attrgetter
from pathlib import Path

from digest.digests.card import SNIPPET
from digest.digests.cards import Card, Cards, Holes
from digest.digests.fragments import NUMBER, Filler
from digest.digests.frames import FrameKey, FramePart, Frames, frame_values
from digest.digests.holes import CHANGED
from digest.digests.message import Body, Encoded
from digest.digests.plain import header_text, one_line
from digest.digests.sample import sample_digests
from digest.digests.templates import MailTemplates
from digest.digests.view import digest_day, digest_view, digest_words, printed_notices
from digest.errors import RenderError
from digest.model import Digest, DigestLinks, Link, Rendered
from digest.subscribers.actions import CHOICES, mutings

MAX_WIRE_BYTES = 90_000
HEADER_ROOM = 4_000
_SNIPPETS = (SNIPPET, 160, 100, 60, 0)
_HTML_OF = attrgetter("html", "html_holes", "html_excess")
_TEXT_OF = attrgetter("text", "text_holes", "text_excess")


class DigestRenderer:
    """Renders digests and letters; make one and keep it, for it keeps what it encoded.

    Args:
        templates: Folder that holds `mail/`.
        service_name: The mail's heading.

    Raises:
        RenderError: If the style sheet is missing or uses an unnamed colour.
    """

    def __init__(self, templates: Path, *, service_name: str) -> None:
        self._service_name = service_name
        self._templates = MailTemplates(templates / "mail")
        self.sheet = self._templates.sheet
        html, text = Filler(is_html=True), Filler(is_html=False)
        self._frames = Frames(
            self._templates,
            service_name=one_line(service_name),
            html=html,
            text=text,
        )
        self._cards = Cards(self._templates, html=html, text=text)

    def encode(self, digest: Digest, links: DigestLinks, tokens: Sequence[bytes] = ()) -> Encoded:
        """Render a digest in wire form so that its message stays below 90 KB.

        Where room is short, links that a page can offer too go first, then abstracts
        are cut, then papers are left to the web; never the foot.

        Args:
            digest: What is sent.
            links: Its personal addresses.
            tokens: Of the links that mute something: each choice of each match in turn.
                None where there are no such links.

        Raises:
            RenderError: Naming the template, and the missing variable where there is one.
        """
        cards = self._cards.cards(digest.matches, links.act if tokens else "")
        words = digest_words(digest, digest_day(digest), [card.title for card in cards[:4]])
        values = frame_values(words, links)
        encoded = self._assemble(digest, values, cards, tokens)
        return encoded if _fits(encoded) else self._cut(digest, values)

    def render(self, digest: Digest, links: DigestLinks) -> Rendered:
        """Render a digest for somebody who only looks at it: nothing in it can be muted.

        Raises:
            RenderError: Naming the template, and the missing variable where there is one.
        """
        return self.encode(digest, links).decoded()

    def render_letter(self, name: str, view: object) -> Rendered:
        """Render the triple `name` ("confirm") with its finished view.

        Raises:
            RenderError: Naming the template, and the missing variable where there is one.
        """
        return Rendered(
            subject=header_text(self._templates.whole(f"{name}.subject.txt", view=view)),
            text=self._templates.whole(f"{name}.txt", view=view),
            html=self._templates.whole(f"{name}.html", view=view),
        )

    def check(self) -> None:
        """Load every template, so that a broken one is found at start.

        Raises:
            RenderError: Naming the first that cannot be loaded.
        """
        self._templates.check()

    def check_digests(self, links: DigestLinks) -> None:
        """Try the templates of digests, and whether they can be put together of pieces.

        Raises:
            RenderError: If one cannot be rendered, or changes a value that differs from
                reader to reader in another way than to wrap it.
        """
        for digest in sample_digests():
            self._check_digest(digest, links)

    def _check_digest(self, digest: Digest, links: DigestLinks) -> None:
        offered = [mutings(match) for match in digest.matches]
        tokens = {
            (place, choice): f"token-{place}-{choice}"
            for place in range(len(offered))
            for choice in range(CHOICES)
        }
        less = [
            tuple(
                Link(label=one.label, url=links.act + tokens[place, choice])
                for choice, one in choices.items()
            )
            for place, choices in enumerate(offered)
        ]
        view = digest_view(digest, links, service_name=self._service_name, less=less)
        whole = self.render_letter("digest", view)
        pieced = self.encode(digest, links, [token.encode() for token in tokens.values()])
        _compare(pieced.decoded(), whole)

    def _assemble(
        self,
        digest: Digest,
        values: Mapping[str, str],
        cards: Sequence[Card],
        tokens: Sequence[bytes] = (),
    ) -> Encoded:
        """Join a frame and cards; papers that have no card are said to be left to the web."""
        frame = self._frames.frame(
            FrameKey(
                day=digest_day(digest),
                notices=printed_notices(digest, cut=len(digest.matches) - len(cards)),
                papers=len(cards),
                has_left_over=digest.left_over > 0,
            )
        )
        subject = "".join(
            piece if isinstance(piece, str) else piece.fill(values.__getitem__)
            for piece in frame.subject
        )
        text = _join(frame.text, list(map(_TEXT_OF, cards)), values, tokens)
        html = None
        if not digest.subscriber.text_only:
            html = _join(frame.html, list(map(_HTML_OF, cards)), values, tokens)
        return Encoded(subject=header_text(subject), text=text, html=html)

    def _cut(self, digest: Digest, values: Mapping[str, str]) -> Encoded:
        """Make a digest fit: out of the same pieces, for nothing but abstracts is rendered."""
        for snippet in _SNIPPETS:
            cards = [self._cards.card(one, "", snippet=snippet) for one in digest.matches]
            encoded = self._assemble(digest, values, cards)
            if _fits(encoded):
                return encoded
        low, high = 0, len(cards)
        while low < high - 1:
            middle = (low + high) // 2
            if _fits(self._assemble(digest, values, cards[:middle])):
                low = middle
            else:
                high = middle
        return self._assemble(digest, values, cards[:low])


def _join(
    frame: FramePart,
    cards: Sequence[tuple[tuple[bytes, ...], Holes, int]],
    values: Mapping[str, str],
    tokens: Sequence[bytes],
) -> Body:
    """Join one part of the mail. This is what every message goes through: it is kept lean."""
    joined: list[bytes] = []
    filled = [blank(values) for blank in frame.blanks]
    excess = frame.excess
    for parts, blanks, place in frame.sections:
        if blanks:
            base = len(joined)
            joined += parts
            for at, number in blanks:
                joined[base + at] = filled[number]
        else:
            joined += parts
        if place is None:
            continue
        card, (signed, numbered, others), more = cards[place]
        excess += more
        base = len(joined)
        joined += card
        for at, choice in signed:
            joined[base + at] = tokens[place * CHOICES + choice]
        for at, numbers in numbered:
            joined[base + at] = numbers[place]
        for at, blank in others:
            joined[base + at] = blank({**values, NUMBER: str(place + 1)})
    return Body.of_quoted(b"".join(joined), prefer_base64=excess > 0)


def _fits(encoded: Encoded) -> bool:
    return encoded.size <= MAX_WIRE_BYTES - HEADER_ROOM


def _compare(pieced: Rendered, whole: Rendered) -> None:
    for name, one, other in (
        ("digest.subject.txt", pieced.subject, whole.subject),
        ("digest.txt", pieced.text, whole.text),
        ("digest.html", pieced.html, whole.html),
    ):
        if one.rstrip("\n") != other.rstrip("\n"):
            raise RenderError(name, _difference(one, other))


def _difference(pieced: str, whole: str) -> str:
    """Say where a template put together of pieces differs from the same rendered whole."""
    lines = zip_longest(pieced.splitlines(), whole.splitlines(), fillvalue="")
    expected = next((other for one, other in lines if one != other), "")
    line = expected.strip()[:120]
    return f"{CHANGED}, so that this line cannot be put together of pieces: {line!r}"
