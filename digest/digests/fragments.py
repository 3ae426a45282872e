"""Fragments: pieces of a mail's body, encoded once, with holes for what is personal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from markupsafe import escape

from digest.digests.holes import AnyHole, Hole
from digest.digests.kept import Kept
from digest.digests.quoted import SOFT_BREAK, excess_of, quote

NUMBER = "number"
"""The hole of a paper's number, from 1."""
ACT = "act "
"""A hole for the token of a paper's n-th choice. A token needs no encoding and is at most
73 letters long, so that it is put in as it is."""

_KEPT_VALUES = 1 << 14
# Their values are hardly ever the same twice: keeping them costs more than it saves.
_ALWAYS_NEW = frozenset({"subject", "preview", "web_url", "unsubscribe_url"})


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a body: what is encoded, and holes between.

    `excess` is above 0 where base64 would take less.
    """

    items: tuple[bytes | AnyHole, ...]
    excess: int


def encode_fragment(pieces: Iterable[str | AnyHole]) -> Fragment:
    """Encode what is fixed."""
    items: list[bytes | AnyHole] = []
    excess = 0
    after_token = b""
    for piece in pieces:
        if isinstance(piece, str):
            encoded = after_token + quote(piece)
            raw = len(piece.encode("utf-8", errors="replace")) + piece.count("\n")
            excess += excess_of(len(encoded), raw)
            items.append(encoded)
            after_token = b""
            continue
        if after_token:
            items.append(after_token)
        items.append(piece)
        after_token = SOFT_BREAK if token_number(piece) is not None else b""
    if after_token:
        items.append(after_token)
    return Fragment(tuple(items), excess)


def token_number(one: AnyHole) -> int | None:
    """Return which choice of its paper a hole is for, None for any other hole."""
    if isinstance(one, Hole) and one.name.startswith(ACT):
        return int(one.name.removeprefix(ACT))
    return None


class Filler:
    """Encodes the values of holes, and keeps those that many readers share.

    Args:
        is_html: Whether values stand in HTML.
    """

    def __init__(self, *, is_html: bool) -> None:
        self._is_html = is_html
        self._values: Kept[str, bytes] = Kept(_KEPT_VALUES)
        self._shaped: Kept[tuple[AnyHole, tuple[str, ...]], bytes] = Kept(_KEPT_VALUES)

    def fill(self, one: AnyHole, values: Mapping[str, str]) -> bytes:
        """Return what stands in a hole, encoded."""
        if type(one) is Hole:
            name = one.name
            return self.encode(values[name]) if name in _ALWAYS_NEW else self.value(values[name])
        given = tuple([values[name] for name in one.names])
        shaped = self._shaped.get((one, given)) or self._shaped.again((one, given))
        if shaped is None:
            shaped = self._shaped.keep((one, given), self.encode(one.fill(values.__getitem__)))
        return shaped

    def given(self, values: Mapping[str, str]) -> Callable[[AnyHole], bytes]:
        """Return what fills the holes of one mail: a value that stands twice is encoded once."""
        filled: dict[str, bytes] = {}
        fill = self.fill

        def given(one: AnyHole) -> bytes:
            if type(one) is not Hole:
                return fill(one, values)
            encoded = filled.get(one.name)
            if encoded is None:
                encoded = filled[one.name] = fill(one, values)
            return encoded

        return given

    def value(self, text: str) -> bytes:
        """Return a value that is put in as it is, encoded."""
        encoded = self._values.get(text) or self._values.again(text)
        return self._values.keep(text, self.encode(text)) if encoded is None else encoded

    def all(self, fragment: Fragment, values: Mapping[str, str]) -> bytes:
        """Fill every hole of a fragment, without keeping what only it has."""
        return b"".join(
            [
                item
                if isinstance(item, bytes)
                else self.value(values[item.name])
                if type(item) is Hole
                else self.encode(item.fill(values.__getitem__))
                for item in fragment.items
            ]
        )

    def encode(self, text: str) -> bytes:
        """Encode a value anew."""
        return quote(str(escape(text)) if self._is_html else text)
