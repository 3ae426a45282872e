"""The parts of a query, once it is understood.

Two nodes are equal when they ask the same; how a term was written and where it stood
is kept beside that for people, and does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

MIN_PREFIX = 3
"""Letters a prefix has at least; fewer would stand for much of the dictionary."""


class Field(StrEnum):
    """Where a term is looked for. `TEXT` is the title and the abstract."""

    TEXT = ""
    TITLE = "title"
    ABSTRACT = "abstract"
    AUTHOR = "author"
    TAG = "tag"
    FEED = "feed"
    UPVOTES = "upvotes"


TEXT_FIELDS = frozenset({Field.TEXT, Field.TITLE, Field.ABSTRACT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How a term stood in the query: its words, and the offset of the first one."""

    text: str = field(compare=False)
    at: int = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase(Written):
    """Words in a row within one field.

    `words` are keys (plural folded), or exact words when `exact`. `prefix` is the
    beginning of one further word, or empty.
    """

    words: tuple[str, ...]
    prefix: str = ""
    field: Field = Field.TEXT
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Author(Written):
    """An author; `name` as `names.read_name` gives it."""

    name: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Written):
    """A tag, folded, or one below it: `cs` covers `cs.CL`."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed(Written):
    """The name of a feed, folded."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upvotes(Written):
    """A comparison (`>=`, `>`, `<=`, `<`, `=`) with the newest known count."""

    comparison: str
    count: int

    def holds(self, upvotes: int | None) -> bool:
        """Compare; an unknown count satisfies nothing."""
        if upvotes is None:
            return False
        match self.comparison:
            case ">=":
                return upvotes >= self.count
            case ">":
                return upvotes > self.count
            case "<=":
                return upvotes <= self.count
            case "<":
                return upvotes < self.count
            case _:
                return upvotes == self.count


@dataclass(frozen=True, slots=True)
class And:
    """All of its items."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of its items."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not its item, which is a term once the query is normalised."""

    item: Node


Atom: TypeAlias = Phrase | Author | Tag | Feed | Upvotes
Node: TypeAlias = Atom | And | Or | Not


def atoms(node: Node, *, negated: bool = False) -> Iterator[tuple[Atom, bool]]:
    """Give each atom with whether it stands under an odd number of NOTs."""
    match node:
        case And(items) | Or(items):
            for item in items:
                yield from atoms(item, negated=negated)
        case Not(item):
            yield from atoms(item, negated=not negated)
        case _:
            yield node, negated


def contradiction(node: Node) -> Atom | None:
    """Give a term that a normalised query both asks for and excludes, so that nothing matches."""
    if not isinstance(node, And):
        return None
    excluded = {item.item for item in node.items if isinstance(item, Not)}
    wanted = (item for item in node.items if not isinstance(item, And | Or | Not))
    return next((item for item in wanted if item in excluded), None)


def holds_for_nothing(node: Node) -> bool:
    """Tell whether the query would match a paper on which none of its terms is found."""
    match node:
        case And(items):
            return all(holds_for_nothing(item) for item in items)
        case Or(items):
            return any(holds_for_nothing(item) for item in items)
        case Not(item):
            return not holds_for_nothing(item)
        case _:
            return False
