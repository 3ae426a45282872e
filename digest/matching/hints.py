"""Say where an accepted query probably means something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from digest.matching.lexer import DASHES, OPERATORS, Lexeme, Sign, lex
from digest.matching.nodes import Field
from digest.matching.query import Query, accepted

_LOWER_OPERATORS = frozenset({"and", "or", "not"})
_DISTANCES = re.compile(r"(NEAR|ADJ)(/?[0-9]+)?|(W|PRE)/[0-9]+")
"""What other languages write between words that stand close to each other."""
_OPERATORS = {"XOR": "OR", "ANDNOT": "NOT"}
"""Operators of other languages that ours has not, and what comes nearest."""
_JOINED = re.compile(rf"(AND|OR|NOT)[{DASHES}](.+)")
"""An operator without a space before the dash; "OR-tools" is a word all the same."""
_PLUS = re.compile(r"\+\w")
_NEAREST = {"AND": "AND -", "OR": "OR ", "NOT": "NOT "}
_CATEGORY = re.compile(
    r"(astro-ph|cond-mat|cs|econ|eess|math|nlin|physics|q-bio|q-fin|stat)\.[a-z]{2,3}(-[a-z]+)?",
    re.IGNORECASE,
)
"""Categories of arXiv (https://arxiv.org/category_taxonomy)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """An accepted query probably means something else: why, where, and what to write."""

    cause: str
    position: int
    suggestion: str


def hints(query: Query) -> tuple[Hint, ...]:
    """Say where an accepted query probably means something else."""
    lexemes = lex(query.text)
    found = []
    for place, lexeme in enumerate(lexemes):
        after = lexemes[place + 1 :]
        match lexeme.sign:
            case Sign.NOT:
                hint = _loose_exclusion(query.text, after)
            case Sign.FIELD:
                hint = _loose_field(query.text, lexeme, after)
            case Sign.WORD:
                hint = _word(query.text, lexeme, lexemes[place - 1] if place else None, after)
            case _:
                hint = None
        if hint:
            found.append(hint)
    return tuple(found)


def _word(text: str, word: Lexeme, before: Lexeme | None, after: Sequence[Lexeme]) -> Hint | None:
    if word.text.casefold() in _LOWER_OPERATORS:
        return _lower_operator(text, word, after)
    if before is not None and before.sign in {Sign.FIELD, Sign.EXACT}:
        return None
    if _CATEGORY.fullmatch(word.text):
        cause = f"`{word.text}` is searched for in the text; the category is a tag"
        return _hint(text, cause, word.start, word.end, f"tag:{word.text}")
    foreign = _foreign(word.text, before, after) if before is not None else None
    if foreign is None:
        return None
    cause, instead = foreign
    return _hint(text, cause, word.start, word.end, instead)


def _foreign(word: str, before: Lexeme, after: Sequence[Lexeme]) -> tuple[str, str] | None:
    """Say why a word behind another piece is no operator, and what to write instead."""
    joined = _JOINED.fullmatch(word)
    if joined:
        cause = f"`{word}` is searched for as words; a space goes after `{joined[1]}`"
        return cause, _NEAREST[joined[1]] + joined[2]
    if before.sign is Sign.WORD and _PLUS.match(word):
        return "`+` is no operator: words side by side are one phrase", f"AND {word[1:]}"
    instead = "AND" if _DISTANCES.fullmatch(word) else _OPERATORS.get(word)
    if instead is None or not after:
        return None
    return f"`{word}` is searched for as a word; there is no such operator", instead


def _lower_operator(text: str, lexeme: Lexeme, after: Sequence[Lexeme]) -> Hint | None:
    operator = OPERATORS[lexeme.text.upper()]
    cause = f"`{lexeme.text}` is searched for as a word; the operator is written {operator}"
    if after and after[0].sign is Sign.WORD and after[0].text.casefold() == "not":
        both = _hint(text, cause, lexeme.start, after[0].end, f"{operator} NOT")
        if both:
            return both
    return _hint(text, cause, lexeme.start, lexeme.end, operator)


def _loose_exclusion(text: str, after: Sequence[Lexeme]) -> Hint | None:
    """NOT binds one word: `NOT neural network` excludes "neural" and asks for "network"."""
    run = _words(after)
    if len(run) < 2:
        return None
    start, end = run[0].start, run[-1].end
    cause = f"NOT excludes only `{run[0].text}`, and `{run[1].text}` is asked for"
    return _hint(text, cause, start, end, f'"{text[start:end]}"')


def _loose_field(text: str, field: Lexeme, after: Sequence[Lexeme]) -> Hint | None:
    """A field binds one word: `author:Y. LeCun` asks for an author Y and the word "LeCun"."""
    run = _words(after)
    if len(run) < 2 or field.text in {Field.FEED, Field.UPVOTES}:
        return None
    if field.text == Field.TAG and _CATEGORY.fullmatch(run[0].text):
        return None
    start, end = run[0].start, run[-1].end
    cause = f"`{field.text}:` takes only `{run[0].text}`; the rest is looked for in the text"
    return _hint(text, cause, start, end, f'"{text[start:end]}"')


def _words(lexemes: Sequence[Lexeme]) -> list[Lexeme]:
    run = list(takewhile(lambda lexeme: lexeme.sign is Sign.WORD, lexemes))
    stops = (at for at, one in enumerate(run) if one.text.casefold() in _LOWER_OPERATORS)
    return run[: next(stops, len(run))]


def _hint(text: str, cause: str, start: int, end: int, instead: str) -> Hint | None:
    """Suggest other words at `text[start:end]`; none where they would be refused."""
    suggestion = accepted(f"{text[:start]}{instead}{text[end:]}", unlike=text)
    return Hint(cause=cause, position=start, suggestion=suggestion) if suggestion else None
