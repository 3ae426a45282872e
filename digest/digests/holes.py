"""Holes: places in a rendered template that are filled for each message.

A template is rendered once with holes where personal values belong, and its output
taken apart at them. A hole is written with characters that no text of ours can hold:
noncharacters of Unicode, which `one_line` removes from all that comes from outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from digest.digests.columns import mark, wrap

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_WRAP, _MARK, _NEXT, _END = "\ufdd2", "\ufdd3", "\ufdd4", "\ufdd5"
_SPLIT = re.compile(
    f"{_OPEN}(?P<name>[^{_OPEN}-{_END}]*){_CLOSE}"
    f"|{_WRAP}(?P<text>[^{_WRAP}{_MARK}{_END}]*){_NEXT}(?P<first>[^{_NEXT}]*){_NEXT}(?P<indent>\\d+){_END}"
    f"|{_MARK}(?P<mark>[^{_WRAP}{_MARK}{_END}]*){_NEXT}(?P<mark_indent>\\d+){_END}"
)
_HOLE = re.compile(f"{_OPEN}([^{_OPEN}-{_END}]*){_CLOSE}")
_NAME = re.compile(r"[a-z_.]+(?: \d+)?")
_STRAY = re.compile(f"[{_OPEN}-{_END}]")

CHANGED = "does more with a value that differs from reader to reader than print or wrap it"

Value: TypeAlias = Callable[[str], str]
"""Gives the value of a hole by its name."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A value that is put in as it is."""

    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """The values it needs."""
        return (self.name,)

    def fill(self, value: Value) -> str:
        """Return what stands in its place."""
        return value(self.name)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """Text with values in it, wrapped into columns only when they are known."""

    text: str
    first: str
    indent: int

    @property
    def names(self) -> tuple[str, ...]:
        """The values it needs."""
        return _names(self.text) + _names(self.first)

    def fill(self, value: Value) -> str:
        """Return what stands in its place."""
        return wrap(_filled(self.text, value), _filled(self.first, value), self.indent)


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark before a first line, such as a paper's number."""

    text: str
    indent: int

    @property
    def names(self) -> tuple[str, ...]:
        """The values it needs."""
        return _names(self.text)

    def fill(self, value: Value) -> str:
        """Return what stands in its place."""
        return mark(_filled(self.text, value), self.indent)


AnyHole: TypeAlias = Hole | Wrapped | Mark


def hole(name: str) -> str:
    """Return the text that makes a hole of this name."""
    return f"{_OPEN}{name}{_CLOSE}"


def wrap_with_holes(text: str, first: str = "", indent: int = 0) -> str:
    """Wrap text like `wrap`, but leave what depends on a hole until it is filled."""
    if _OPEN in text:
        return f"{_WRAP}{text}{_NEXT}{first}{_NEXT}{indent}{_END}"
    if _OPEN in first:
        return f"{_MARK}{first}{_NEXT}{indent}{_END}{wrap(text, '', indent)[indent:]}"
    return wrap(text, first, indent)


def take_apart(rendered: str) -> Iterator[str | AnyHole]:
    """Part rendered text into what is fixed and what is to be filled, in their order.

    Raises:
        ValueError: If a filter has changed a hole.
    """
    if not all(_NAME.fullmatch(name) for name in _names(rendered)):
        raise ValueError(CHANGED)
    at = 0
    for found in _SPLIT.finditer(rendered):
        yield from _fixed(rendered[at : found.start()])
        at = found.end()
        if found["name"] is not None:
            yield Hole(found["name"])
        elif found["text"] is not None:
            yield Wrapped(found["text"], found["first"], int(found["indent"]))
        else:
            yield Mark(found["mark"], int(found["mark_indent"]))
    yield from _fixed(rendered[at:])


def _fixed(text: str) -> Iterator[str]:
    if _STRAY.search(text):
        raise ValueError(CHANGED)
    if text:
        yield text


def _names(text: str) -> tuple[str, ...]:
    return tuple(_HOLE.findall(text))


def _filled(text: str, value: Value) -> str:
    if _OPEN not in text:
        return text
    if text[0] == _OPEN and text.index(_CLOSE) == len(text) - 1:  # one hole, as most are
        return value(text[1:-1])
    return _HOLE.sub(lambda found: value(found[1]), text)
