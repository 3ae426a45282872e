"""Render mails from their templates: digests out of encoded pieces, letters whole.

The templates get one finished `view` and nothing else. A missing variable is an error
that names it, never an empty hole in a mail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, zip_longest
from pathlib import Path

from digest.digests.card import SNIPPET
from digest.digests.cards import Card, CardPart, Cards
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
from digest.subscribers.actions import mutings

MAX_WIRE_BYTES = 90_000
HEADER_ROOM = 4_000
_SNIPPETS = (SNIPPET, 160, 100, 60, 0)

Sign = Callable[[Sequence[tuple[int, int]]], Sequence[bytes]]
"""Signs actions: (index of the match, choice) each, to a token each."""


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
        self._html, self._text = Filler(is_html=True), Filler(is_html=False)
        self._frames = Frames(self._templates, service_name=one_line(service_name))
        self._cards = Cards(self._templates, html=self._html, text=self._text)

    def encode(self, digest: Digest, links: DigestLinks, sign: Sign | None = None) -> Encoded:
        """Render a digest in wire form so that its message stays below 90 KB.

        Where room is short, links that a page can offer too go first, then abstracts
        are cut, then papers are left to the web; never the foot.

        Args:
            digest: What is sent.
            links: Its personal addresses.
            sign: Signs the links that mute something; None where there are none.

        Raises:
            RenderError: Naming the template, and the missing variable where there is one.
        """
        act_url = links.act if sign is not None else ""
        cards = [self._cards.card(match, act_url) for match in digest.matches]
        words = digest_words(digest, digest_day(digest), [card.title for card in cards[:4]])
        values = frame_values(words, links)
        tokens: Sequence[bytes] = ()
        if sign is not None:
            tokens = sign(
                [(at, choice) for at, card in enumerate(cards) for choice in card.choices]
            )
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
            for place, choices in enumerate(offered)
            for choice in choices
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
        pieced = self.encode(
            digest, links, lambda actions: [tokens[one].encode() for one in actions]
        )
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
        text = _join(frame.text, [card.text for card in cards], self._text, values)
        html = None
        if not digest.subscriber.text_only:
            # The token of a card's n-th choice stands so many further than its first.
            starts = list(accumulate([len(card.choices) for card in cards], initial=0))
            html = _join(
                frame.html,
                [card.html for card in cards],
                self._html,
                values,
                tokens=tokens,
                starts=starts,
            )
        return Encoded(subject=header_text(subject), text=text, html=html)

    def _cut(self, digest: Digest, values: Mapping[str, str]) -> Encoded:
        """Make a digest fit: out of the same pieces, for nothing but abstracts is rendered."""
        for snippet in _SNIPPETS:
            cards = [self._cards.card(match, "", snippet=snippet) for match in digest.matches]
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
    cards: Sequence[CardPart],
    filler: Filler,
    values: Mapping[str, str],
    *,
    tokens: Sequence[bytes] = (),
    starts: Sequence[int] = (),
) -> Body:
    """Join one part of the mail. This is what every message goes through: it is kept lean."""
    joined: list[bytes] = []
    excess = frame.excess
    given = filler.given(values)
    for parts, holes, place in frame.sections:
        if holes:
            base = len(joined)
            joined += parts
            for at, one in holes:
                joined[base + at] = given(one)
        else:
            joined += parts
        if place is None:
            continue
        card, signed, numbered, others, more = cards[place]
        excess += more
        base = len(joined)
        joined += card
        if signed:
            start = starts[place]
            for at, number in signed:
                joined[base + at] = tokens[start + number]
        for at, numbers in numbered:
            joined[base + at] = numbers[place]
        for at, one in others:
            joined[base + at] = filler.fill(one, {**values, NUMBER: str(place + 1)})
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
