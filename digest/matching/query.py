"""The query language: what people write, and what it asks for.

    or   := and {OR and}              and  := not {[AND] not}
    not  := [NOT | -] atom            atom := ( or ) | field:value | =word | "…" | word+

`docs/query-language.md` explains it with examples that are also tests.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from digest.errors import QueryError
from digest.matching.canonical import content_length, normalise, render
from digest.matching.lexer import Refusal, Sign, lex
from digest.matching.nodes import (
    And,
    Node,
    Not,
    Or,
    Phrase,
    Tag,
    atoms,
    contradiction,
    holds_for_nothing,
)
from digest.matching.parser import MAX_CLAUSES, parse_tree
from digest.matching.text import UNPRINTABLE, fold_case, fold_label, words_of
from digest.model import InterestKind

MAX_LENGTH = 1_000
MAX_CANONICAL_LENGTH = 8_000
"""A canonical query spells out fields and operators for each of its 200 terms."""

_MAX_CANONICAL_SPACES = MAX_LENGTH // 2 + 2 * MAX_CLAUSES
"""Between the words that a query may have, and on both sides of each operator."""

MAX_FOLDED_LENGTH = 3_000

_PLAIN = re.compile(r'([a-z0-9]+(?: [a-z0-9]+)*)|"([a-z0-9]+(?: [a-z0-9]+)*)"')
_CARET_WIDTH = 76


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, understood. Equal when it asks the same; `text` is as it was written."""

    root: Node
    canonical: str = field(compare=False)
    text: str = field(compare=False)

    @property
    def without(self) -> tuple[str, ...]:
        """The excluded terms, as written, in their order."""
        if not isinstance(self.root, And | Or):
            return ()  # most are one term
        excluded = [atom for atom, negated in atoms(self.root) if negated]
        return tuple(dict.fromkeys(atom.text for atom in sorted(excluded, key=lambda a: a.at)))


def parse_query(text: str) -> Query:
    """Understand a query.

    Raises:
        QueryError: With the position of what cannot be understood, and where there is
            one a suggestion, which is always a query that would be accepted.
    """
    try:
        return _parse(text)
    except Refusal as refusal:
        raise QueryError(
            _visible(text[:MAX_LENGTH]),
            refusal.cause,
            position=refusal.position,
            suggestion=(
                accepted(refusal.suggestion, unlike=text) if len(text) <= MAX_LENGTH else None
            ),
        ) from None


def canonical(query: Query) -> str:
    """Write a query in the one form that all equal queries share.

    `parse_query` of it gives an equal query.
    """
    return query.canonical


def tag_query(tag: str) -> Query:
    """Make the query for one tag: `cs.CL` -> `tag:cs.cl`.

    Raises:
        QueryError: If the tag is empty or too long.
    """
    label = fold_label(tag)
    if not label:
        raise QueryError(_visible(tag), "a tag needs a letter or digit", position=0)
    if len(label) > MAX_LENGTH:
        raise QueryError(_visible(tag[:MAX_LENGTH]), "this tag is too long", position=MAX_LENGTH)
    root = Tag(text=" ".join(tag.split()), at=0, label=label)
    return Query(root=root, canonical=render(root), text=f"tag:{tag}")


def interest_query(kind: InterestKind, text: str) -> Query:
    """Understand an interest as it was saved: a tag's name, or a query.

    Raises:
        QueryError: If it cannot be understood.
    """
    return tag_query(text) if kind is InterestKind.TAG else parse_query(text)


def caret(error: QueryError) -> str:
    """Draw the query on one line and a `^` under the character the error names.

    A long query is shown in part; control and direction characters are shown as `�`.
    """
    text = _visible(error.query)
    position = min(error.position, len(text))
    start = max(0, position - _CARET_WIDTH // 2) if len(text) > _CARET_WIDTH else 0
    part = text[start : start + _CARET_WIDTH]
    before = ("…" if start else "") + part[: position - start]
    line = ("…" if start else "") + part + ("…" if start + _CARET_WIDTH < len(text) else "")
    return f"{line}\n{' ' * sum(map(_columns, before))}^"


def _parse(text: str) -> Query:
    plain = _PLAIN.fullmatch(text)
    if plain is not None and len(text) <= MAX_LENGTH:
        # Most saved queries are a few plain words; a million are read at start.
        phrase = plain[1] or plain[2]
        words = tuple([word.key for word in words_of(phrase)])
        root: Node = Phrase(text=phrase, at=plain.start(plain.lastindex or 0), words=words)
        return Query(root=root, canonical=render(root), text=text)
    if len(text) > MAX_CANONICAL_LENGTH:
        raise _too_long()
    if len(text) > MAX_LENGTH and text.count(" ") > _MAX_CANONICAL_SPACES:
        raise _too_long()
    if not text.isascii() and len(fold_case(text)) > max(len(text), MAX_FOLDED_LENGTH):
        # One character may stand for eighteen ("ﷺ"): what follows costs by what it reads.
        raise Refusal(f"a query has at most {MAX_LENGTH} characters, written out", 0)
    root = normalise(parse_tree(text))
    query = Query(root=root, canonical=render(root), text=text)
    written_out = len(text) > MAX_LENGTH and query.canonical == text
    if len(query.canonical) > MAX_LENGTH and content_length(root) > MAX_LENGTH:
        raise _too_long()
    if len(text) > MAX_LENGTH and not written_out:
        raise _too_long()
    if holds_for_nothing(root):
        raise _only_excludes(root, text)
    return query


def _too_long() -> Refusal:
    return Refusal(f"a query has at most {MAX_LENGTH} characters", MAX_LENGTH)


def _only_excludes(root: Node, text: str) -> Refusal:
    first = next(lexeme for lexeme in lex(text) if lexeme.sign in {Sign.NOT, Sign.MINUS})
    if all(negated for _, negated in atoms(root)):
        cause = "this only excludes: say what to look for, or mute the term itself"
        return Refusal(cause, first.start, render(normalise(Not(root))))
    cause = "this would match almost every paper: say also what to look for"
    suggestion = None
    if isinstance(root, Or):
        wanted = tuple(item for item in root.items if not holds_for_nothing(item))
        others = tuple(item for item in root.items if holds_for_nothing(item))
        suggestion = render(normalise(And((Or(wanted), *others)))) if wanted else None
    return Refusal(cause, first.start, suggestion)


def accepted(suggestion: str | None, *, unlike: str) -> str | None:
    """Give a suggestion back if it is another query, which is accepted and can match.

    What was cut out or put in leaves no row of spaces.
    """
    if suggestion is None:
        return None
    suggestion = " ".join(suggestion.split())
    if suggestion == " ".join(unlike.split()):
        return None
    try:
        query = _parse(suggestion)
    except Refusal:
        return None
    return None if contradiction(query.root) else suggestion


def _visible(text: str) -> str:
    return UNPRINTABLE.sub("�", " ".join(re.split(r"[\s]", text)))


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
