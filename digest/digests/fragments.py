"""Fragments: pieces of a mail's body, encoded once, with holes for what is personal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from markupsafe import escape

from digest.digests.holes import AnyHole, Hole
from digest.digests.kept import Kept
from digest.digests.quoted import SOFT_BREAK, excess_of, quote

NUMBER = "number"
"""The hole of a paper's number, from 1."""
ACT = "act "
"""A hole for the token of a paper's n-th link. A token needs no encoding and is at most
73 letters long, so that it is put in as it is."""

_KEPT_VALUES = 4_000_000
# Their values are hardly ever the same twice: keeping them costs more than it saves.
_ALWAYS_NEW = frozenset({"preview", "web_url", "unsubscribe_url"})


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
    """Return which link of its paper a hole holds the token of, None for any other hole."""
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
        self._values: Kept[object, bytes] = Kept(_KEPT_VALUES)

    def blank(self, one: AnyHole) -> Callable[[Mapping[str, str]], bytes]:
        """Return what gives the content of a hole, encoded, for values by their names."""
        given: Callable[[Mapping[str, str]], Any] = itemgetter(*one.names)
        encode, value = self.encode, self.value
        is_new = not _ALWAYS_NEW.isdisjoint(one.names)
        if isinstance(one, Hole):
            name = one.name
            return (
                (lambda values: encode(values[name]))
                if is_new
                else (lambda values: value(values[name]))
            )
        if is_new:
            return lambda values: encode(one.fill(values.__getitem__))
        shape = tuple(getattr(one, part) for part in one.__slots__)
        kept = self._values

        def fill(values: Mapping[str, str]) -> bytes:
            key = (shape, given(values))
            encoded = kept.get(key) or kept.again(key)
            if encoded is None:
                encoded = encode(one.fill(values.__getitem__))
                kept.keep(key, encoded, 2 * len(encoded))
            return encoded

        return fill

    def value(self, text: str) -> bytes:
        """Return a value that is put in as it is, encoded."""
        encoded = self._values.get(text) or self._values.again(text)
        if encoded is None:
            encoded = self.encode(text)
            self._values.keep(text, encoded, 2 * len(encoded))
        return encoded

    def encode(self, text: str) -> bytes:
        """Encode a value anew."""
        return quote(str(escape(text)) if self._is_html else text)
