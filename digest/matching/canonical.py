"""One form for all queries that ask the same, so that they share one row and one evaluation."""

from __future__ import annotations

import re
from typing import assert_never

from digest.matching.nodes import (
    And,
    Atom,
    Author,
    Feed,
    Field,
    Node,
    Not,
    Or,
    Phrase,
    Tag,
    Upvotes,
    atoms,
)
from digest.matching.text import join_words

_BARE_LABEL = re.compile(r"\w[\w.+/&-]*")


def normalise(node: Node) -> Node:
    """Bring NOT down to the terms (De Morgan), flatten, deduplicate and sort the operands.

    With every NOT at a term, what a paper lacks or holds too much is always a term.
    """
    return _normalise(node, negated=False)


def _normalise(node: Node, *, negated: bool) -> Node:
    match node:
        case And(items) | Or(items):
            kind = And if isinstance(node, And) != negated else Or
            flat: dict[Node, None] = {}
            for item in items:
                part = _normalise(item, negated=negated)
                flat |= dict.fromkeys(part.items if isinstance(part, kind) else (part,))
            if len(flat) == 1:
                return next(iter(flat))
            return kind(tuple(sorted(flat, key=_order)))
        case Not(item):
            return _normalise(item, negated=not negated)
        case _:
            return Not(node) if negated else node


def render(node: Node) -> str:
    """Write a normalised query; `parse_query` reads it as the same query."""
    if isinstance(node, Phrase) and node.field is Field.TEXT and not node.exact:
        return _phrase_words(node)
    return _render(node)


def content_length(node: Node) -> int:
    """Count the characters of the terms alone, which writing a query out does not change."""
    return sum(len(_content(atom)) for atom, _ in atoms(node))


def _content(atom: Atom) -> str:
    match atom:
        case Phrase():
            return _phrase_words(atom)
        case Author(name=name):
            return " ".join(name)
        case Tag(label=label) | Feed(label=label):
            return label
        case Upvotes(count=count):
            return str(count)
        case _:
            assert_never(atom)


def _order(node: Node) -> tuple[int, str, str]:
    """Sort terms first, then groups, then what is excluded; quotation marks do not count."""
    kind = 2 if isinstance(node, Not) else int(isinstance(node, And | Or))
    text = _render(node)
    return kind, text.replace('"', ""), text


def _render(node: Node) -> str:
    match node:
        case Not(item):
            return f"NOT {_operand(item)}"
        case Or(items):
            return " OR ".join(_render(item) for item in items)
        case And(items):
            text = _operand(items[0])
            for item in items[1:]:
                text += " " if isinstance(item, Not) else " AND "
                text += _operand(item)
            return text
        case _:
            return _atom(node)


def _atom(atom: Atom) -> str:
    match atom:
        case Phrase(field=field, exact=exact):
            words = _quoted_if_spaced(_phrase_words(atom))
            return (f"{field}:" if field else "") + ("=" if exact else "") + words
        case Author():
            return f"author:{_quoted_if_spaced(_content(atom))}"
        case Tag(label=label):
            return f"tag:{_label(label)}"
        case Feed(label=label):
            return f"feed:{_label(label)}"
        case Upvotes(comparison=comparison, count=count):
            return f"upvotes:{comparison}{count}"
        case _:
            assert_never(atom)


def _operand(node: Node) -> str:
    return f"({_render(node)})" if isinstance(node, And | Or) else _render(node)


def _phrase_words(phrase: Phrase) -> str:
    words = (*phrase.words, phrase.prefix) if phrase.prefix else phrase.words
    return join_words(words) + ("*" if phrase.prefix else "")


def _quoted_if_spaced(words: str) -> str:
    return f'"{words}"' if " " in words else words


def _label(label: str) -> str:
    return label if _BARE_LABEL.fullmatch(label) else f'"{label}"'
