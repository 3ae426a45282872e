"""Say where an accepted query probably means something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from digest.matching.lexer import DASHES, OPERATORS, Lexeme, Sign, lex
from digest.matching.nodes import Field, contradiction
from digest.matching.query import Query, accepted

_MAX_LOOKED_AT = 3
"""Hints are for people, who mend one thing at a time."""
_MAX_CHARS = 1_000
"""Each suggestion is tried out: together they are no longer than one query may be."""
_LOWER_OPERATORS = frozenset({"and", "or", "not"})
_DISTANCES = re.compile(r"(NEAR|ADJ)(/?[0-9]+)?|(W|PRE)/[0-9]+")
"""What other languages write between words that stand close to each other."""
_OPERATORS = {"XOR": "OR", "ANDNOT": "NOT"}
"""Operators of other languages that ours has not, and what comes nearest."""
_JOINED = re.compile(rf"(AND|OR|NOT)[{DASHES}](.+)")
"""An operator without a space before the dash; "OR-tools" is a word all the same."""
_PLUS = re.compile(r"\+\w")
_BAR = re.compile(r"(?<=[^\s|])\|+(?=[^\s|])")
_LONG_DASH = re.compile("[\u2014\u2015](?=\\w)")
_WIDE_COLON = re.compile(r"([A-Za-z]{2,})\uff1a(?=\w)")
_BRACKETS = re.compile(r"(?<=[\w\"”])\[([A-Za-z][A-Za-z /:-]{0,40})\]")
_COMPARED = re.compile(r"([<>]=?|[≥≤])\s*([0-9]{1,9})(?!\S)")
_UPVOTES = frozenset({"upvotes", "votes", "likes", "points"})
_NEAREST = {"AND": "AND -", "OR": "OR ", "NOT": "NOT "}
_CATEGORY = re.compile(
    r"(astro-ph|cond-mat|cs|econ|eess|math|nlin|physics|q-bio|q-fin|stat)\.[a-z]{2,3}(-[a-z]+)?",
    re.IGNORECASE,
)
"""Categories of arXiv (https://arxiv.org/category_taxonomy)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """An accepted query probably means something else: why, where, and what to write.

    `suggestion` is a query that would be accepted; None where none says what may be meant.
    """

    cause: str
    position: int
    suggestion: str | None

    @property
    def told(self) -> str:
        """The hint in one line."""
        meant = f"; did you mean `{self.suggestion}`?" if self.suggestion else ""
        return f"{self.cause}{meant}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """What may be meant: other words at `text[start:end]`, the likeliest first.

    `told_anyway` when the cause is worth saying without a suggestion.
    """

    cause: str
    start: int
    instead: tuple[tuple[int, str], ...]
    told_anyway: bool = False


def hints(query: Query) -> tuple[Hint, ...]:
    """Say where an accepted query probably means something else; the first few places."""
    return tuple(_hints(query))


def first_hint(query: Query) -> Hint | None:
    """Give the first of the hints, at the cost of that one."""
    return next(_hints(query), None)


def _hints(query: Query) -> Iterator[Hint]:
    both = contradiction(query.root)
    if both:
        cause = f"`{both.text}` is asked for and excluded: nothing matches"
        yield Hint(cause=cause, position=both.at, suggestion=None)
    looked_at = max(1, min(_MAX_LOOKED_AT, _MAX_CHARS // max(1, len(query.text))))
    for doubt in islice(_doubts(query.text), looked_at):
        suggestions = (
            accepted(f"{query.text[: doubt.start]}{instead}{query.text[end:]}", unlike=query.text)
            for end, instead in doubt.instead
        )
        suggestion = next(filter(None, suggestions), None)
        if suggestion or doubt.told_anyway:
            yield Hint(cause=doubt.cause, position=doubt.start, suggestion=suggestion)


def _doubts(text: str) -> Iterator[_Doubt]:
    lexemes = lex(text)
    for place, lexeme in enumerate(lexemes):
        after = lexemes[place + 1 :]
        match lexeme.sign:
            case Sign.NOT:
                doubt = _loose_exclusion(text, after)
            case Sign.FIELD:
                doubt = _excluding_field(text, lexeme, after) or _loose_field(text, lexeme, after)
            case Sign.WORD:
                doubt = _word(text, lexeme, lexemes[place - 1] if place else None, after)
            case _:
                doubt = None
        if doubt:
            yield doubt


def _doubt(cause: str, start: int, end: int, instead: str) -> _Doubt:
    return _Doubt(cause=cause, start=start, instead=((end, instead),))


def _word(text: str, word: Lexeme, before: Lexeme | None, after: Sequence[Lexeme]) -> _Doubt | None:
    brackets = _BRACKETS.search(text, max(0, word.start - 1))
    if brackets and word.start <= brackets.start() < word.end:
        cause = f"`{brackets[0]}` is searched for as words; a field comes before its term"
        return _doubt(cause, brackets.start(), brackets.end(), "")
    bound = before is not None and before.sign in {Sign.FIELD, Sign.EXACT}
    if word.text.casefold() in _LOWER_OPERATORS:
        return None if bound else _lower_operator(word, after)
    if bound:
        return None
    if _CATEGORY.fullmatch(word.text):
        cause = f"`{word.text}` is searched for in the text; the category is a tag"
        return _doubt(cause, word.start, word.end, f"tag:{word.text}")
    doubt = _punctuated(text, word, before, after)
    if doubt or before is None:
        return doubt
    foreign = _foreign(word.text, before, after)
    return _doubt(foreign[0], word.start, word.end, foreign[1]) if foreign else None


def _punctuated(
    text: str, word: Lexeme, before: Lexeme | None, after: Sequence[Lexeme]
) -> _Doubt | None:
    """Tell punctuation that stands where an operator or a field would."""
    doubt = _within(word) or _spaced_upvotes(text, word, after)
    if doubt:
        return doubt
    follows = bool(after) and after[0].sign in {Sign.WORD, Sign.QUOTED, Sign.FIELD}
    if before is not None and before.sign in {Sign.WORD, Sign.QUOTED}:
        if _LONG_DASH.match(word.text):
            cause = f"`{word.text[0]}` only parts words here; a plain `-` excludes"
            return _doubt(cause, word.start, word.end, f"-{word.text[1:]}")
        if word.text == "&" and follows:
            cause = "`&` only parts words here; both of two is written AND"
            return _doubt(cause, word.start, word.end, "AND")
    elif word.text == ",":
        return None
    return _comma(word) if follows else None


def _within(word: Lexeme) -> _Doubt | None:
    if _BAR.search(word.text):
        cause = "`|` only parts words here; either of two is written OR"
        return _doubt(cause, word.start, word.end, _BAR.sub(" OR ", word.text))
    colon = _WIDE_COLON.match(word.text)
    if colon:
        cause = "`：` only parts words here; a field has a plain `:`"
        return _doubt(cause, word.start, word.end, f"{colon[1]}:{word.text[colon.end() :]}")
    return None


def _spaced_upvotes(text: str, word: Lexeme, after: Sequence[Lexeme]) -> _Doubt | None:
    if word.text.casefold() not in _UPVOTES or not after:
        return None
    compared = _COMPARED.match(text, after[0].start)
    if compared is None:
        return None
    cause = f"`{word.text}` is searched for as a word; a colon comes after the field"
    return _doubt(cause, word.start, compared.end(), f"upvotes:{compared[1]}{compared[2]}")


def _comma(word: Lexeme) -> _Doubt | None:
    if word.text[-1] != ",":
        return None
    cause = "`,` only parts words here: words side by side are one phrase"
    return _doubt(cause, word.end - 1, word.end, " OR")


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


def _lower_operator(lexeme: Lexeme, after: Sequence[Lexeme]) -> _Doubt:
    operator = OPERATORS[lexeme.text.upper()]
    cause = f"`{lexeme.text}` is searched for as a word; the operator is written {operator}"
    alone = (lexeme.end, operator.value)
    if after and after[0].sign is Sign.WORD and after[0].text.casefold() == "not":
        both = (after[0].end, f"{operator} NOT")
        return _Doubt(cause=cause, start=lexeme.start, instead=(both, alone))
    return _Doubt(cause=cause, start=lexeme.start, instead=(alone,))


def _loose_exclusion(text: str, after: Sequence[Lexeme]) -> _Doubt | None:
    """NOT binds one word: `NOT neural network` excludes "neural" and asks for "network"."""
    run = _words(after)
    if len(run) < 2:
        return None
    start, end = run[0].start, run[-1].end
    cause = f"NOT excludes only `{run[0].text}`, and `{run[1].text}` is asked for"
    quoted = ((end, f'"{text[start:end]}"'),)
    return _Doubt(cause=cause, start=start, instead=quoted, told_anyway=True)


def _excluding_field(text: str, field: Lexeme, after: Sequence[Lexeme]) -> _Doubt | None:
    """`title:NOT x` looks for "not" in the title, and for "x" anywhere."""
    if len(after) < 2 or after[0].text != "NOT" or after[0].sign is not Sign.WORD:
        return None
    cause = f"`{field.text}:` takes `NOT` as its word; NOT comes before the field"
    swapped = ((after[1].start, f"NOT {text[field.start : field.end]}"),)
    return _Doubt(cause=cause, start=field.start, instead=swapped, told_anyway=True)


def _loose_field(text: str, field: Lexeme, after: Sequence[Lexeme]) -> _Doubt | None:
    """A field binds one word: `author:Y. LeCun` asks for an author Y and the word "LeCun"."""
    run = _words(after)
    if len(run) < 2 or field.text in {Field.FEED, Field.UPVOTES}:
        return None
    if field.text == Field.TAG and _CATEGORY.fullmatch(run[0].text):
        return None
    start, end = run[0].start, run[-1].end
    cause = f"`{field.text}:` takes only `{run[0].text}`; the rest is looked for in the text"
    return _doubt(cause, start, end, f'"{text[start:end]}"')


def _words(lexemes: Sequence[Lexeme]) -> list[Lexeme]:
    run = list(takewhile(lambda lexeme: lexeme.sign is Sign.WORD, lexemes))
    stops = (at for at, one in enumerate(run) if one.text.casefold() in _LOWER_OPERATORS)
    return run[: next(stops, len(run))]
