"""Cut a query into its signs and words.

What looks like an operator of another language is refused with the way to write it
here, rather than searched for as a word that no paper holds.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import StrEnum

from digest.matching.nodes import TEXT_FIELDS, Field
from digest.matching.text import QUOTES, UNPRINTABLE


class Sign(StrEnum):
    """What a piece of a query is."""

    OPEN = "("
    CLOSE = ")"
    QUOTED = "quoted"
    WORD = "word"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    MINUS = "-"
    EXACT = "="
    FIELD = "field:"


OPERATORS = {"AND": Sign.AND, "OR": Sign.OR, "NOT": Sign.NOT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexeme:
    """One piece: `text` without quotes or colon, at `query[start:end]`."""

    sign: Sign
    text: str
    start: int
    end: int


class Refusal(Exception):  # noqa: N818  (not an error of ours: parse_query makes it one)
    """A query cannot be understood; `suggestion` is not yet known to be accepted."""

    def __init__(self, cause: str, position: int, suggestion: str | None = None) -> None:
        self.cause = cause
        self.position = position
        self.suggestion = suggestion
        super().__init__(cause)


_FIELDS = {field.value: field for field in Field if field}
_FIELD_ALIASES = {
    "ti": Field.TITLE, "abs": Field.ABSTRACT, "summary": Field.ABSTRACT, "au": Field.AUTHOR,
    "authors": Field.AUTHOR, "cat": Field.TAG, "category": Field.TAG, "keyword": Field.TAG,
    "topic": Field.TAG, "source": Field.FEED, "votes": Field.UPVOTES, "likes": Field.UPVOTES,
    "points": Field.UPVOTES,
}  # fmt: skip
_FIELD = re.compile(r"([A-Za-z_]{2,}):")
_QUOTE = re.compile(f"[{QUOTES}]")
_WORD_END = re.compile(rf"[\s(){QUOTES}]|$")
DASHES = "-\u2010\u2011\u2013\u2212"
_FOREIGN = {"|": "OR", "||": "OR", "&&": "AND"}
_TAIL_FIELDS = {
    "ti": "title:", "title": "title:", "ab": "abstract:", "abstract": "abstract:",
    "au": "author:", "author": "author:", "tiab": "", "tw": "", "title/abstract": "",
}  # fmt: skip
_TAIL_FIELD = re.compile(rf"\[({'|'.join(_TAIL_FIELDS)})\]", re.IGNORECASE)
_COMPARED = re.compile(r"(?:upvotes|votes|likes|points)([<>=≥≤]+[0-9]+)", re.IGNORECASE)
_SPACED_SIGN = re.compile(r"^([<>=≥≤]+)\s+")
_DISTANCE = re.compile(r"~[0-9]+")
_CLAUSE_START = re.compile(r".*(?:\(|\b(?:AND|OR|NOT)\b)\s*", re.DOTALL)


def lex(query: str) -> list[Lexeme]:
    """Cut the query.

    Raises:
        Refusal: At the first place that cannot be read.
    """
    bad = UNPRINTABLE.search(query)
    if bad:
        cause = "this invisible character cannot stand in a query"
        raise Refusal(cause, bad.start(), UNPRINTABLE.sub("", query))
    lexemes: list[Lexeme] = []
    at = 0
    while at < len(query):
        char = query[at]
        if char.isspace():
            at += 1
            continue
        if char in "()":
            lexeme = Lexeme(sign=Sign(char), text=char, start=at, end=at + 1)
        elif char in QUOTES:
            lexeme = _quoted(query, at)
        else:
            lexeme = _word(query, at, lexemes[-1] if lexemes else None)
        lexemes.append(lexeme)
        at = lexeme.end
    return lexemes


def _quoted(query: str, at: int) -> Lexeme:
    closing = _QUOTE.search(query, at + 1)
    if not closing:
        ends = at + 1 == len(query.rstrip())
        suggestion = query[:at].rstrip() if ends else f'{query}"'
        raise Refusal("this quotation mark is never closed", at, suggestion)
    return Lexeme(
        sign=Sign.QUOTED, text=query[at + 1 : closing.start()], start=at, end=closing.end()
    )


def _word(query: str, at: int, before: Lexeme | None) -> Lexeme:
    char = query[at]
    if before and before.end == at and before.sign in {Sign.EXACT, Sign.FIELD}:
        return _bound_word(query, query[at : _end_of_word(query, at)], before)
    alone = at + 1 == len(query) or query[at + 1].isspace() or query[at + 1] == ")"
    if char in DASHES:
        if alone:
            cause = "a dash on its own is no operator: put it right before what to exclude"
            raise Refusal(cause, at, f"{query[:at]}-{query[at + 1 :].lstrip()}")
        return Lexeme(sign=Sign.MINUS, text="-", start=at, end=at + 1)
    if char == "=":
        return Lexeme(sign=Sign.EXACT, text="=", start=at, end=at + 1)
    end = _end_of_word(query, at)
    word = query[at:end]
    if word in _FOREIGN:
        operator = _FOREIGN[word]
        raise Refusal(f"write {operator} instead", at, query[:at] + operator + query[end:])
    if char == "!" and not alone:
        raise Refusal("write NOT instead", at, f"{query[:at]}NOT {query[at + 1 :]}")
    _refuse_foreign_fields(query, at, word, before)
    field = _FIELD.match(query, at)
    if field:
        name = _field(query, field)
        if name:
            return Lexeme(sign=Sign.FIELD, text=name, start=at, end=field.end())
    return Lexeme(sign=OPERATORS.get(word, Sign.WORD), text=word, start=at, end=end)


def _refuse_foreign_fields(query: str, at: int, word: str, before: Lexeme | None) -> None:
    """Refuse `upvotes>20`, and what PubMed and Lucene write behind a term."""
    end = at + len(word)
    compared = _COMPARED.fullmatch(word)
    if compared:
        cause = "a colon comes after `upvotes`"
        raise Refusal(cause, at, f"{query[:at]}upvotes:{compared[1]}{query[end:]}")
    if before and before.sign is Sign.QUOTED and before.end == at and _DISTANCE.fullmatch(word):
        cause = "there is no `~`: a phrase means its words side by side"
        raise Refusal(cause, at, query[:at] + query[end:])
    if before and before.sign is Sign.QUOTED and before.end == at and word == "*":
        cause = "`*` stands within the quotation marks"
        raise Refusal(cause, at, f'{query[: at - 1]}*"{query[end:]}')
    tail = _TAIL_FIELD.search(word)
    if tail:
        place = at + tail.start()
        clause = _CLAUSE_START.match(query, 0, place)
        start = clause.end() if clause else 0
        value = _QUOTE.sub("", query[start:place]).strip()
        named = f'{_TAIL_FIELDS[tail[1].lower()]}"{value}"'
        cause = f"a field comes before its term, not `{tail[0]}` behind it"
        raise Refusal(cause, place, f"{query[:start]}{named}{query[at + tail.end() :]}")


def _bound_word(query: str, word: str, before: Lexeme) -> Lexeme:
    """Read the word right after `=` or `field:`; only `=` after a text field is a sign there."""
    start, end = before.end, before.end + len(word)
    if before.sign is Sign.FIELD and before.text in TEXT_FIELDS and word[0] == "=":
        return Lexeme(sign=Sign.EXACT, text="=", start=start, end=start + 1)
    if word[0] in DASHES and before.text != Field.UPVOTES:
        swapped = f"{query[: before.start]}-{query[before.start : start]}{query[start + 1 :]}"
        raise Refusal(f"the dash comes before `{query[before.start : start]}`", start, swapped)
    if before.sign is Sign.EXACT:
        field = _FIELD.match(word)
        if field and field.group(1).lower() in _FIELDS:
            cause = "the field comes first, then `=`"
            swapped = f"{query[: before.start]}{field.group()}={query[start + field.end() :]}"
            raise Refusal(cause, before.start, swapped)
    return Lexeme(sign=Sign.WORD, text=word, start=start, end=end)


def _field(query: str, match: re.Match[str]) -> Field | None:
    """Tell which field a word that begins like one names; None when it is only a word."""
    name = match.group(1).lower()
    value_at = match.end()
    bare = value_at == len(query) or query[value_at].isspace() or query[value_at] == ")"
    if name in _FIELDS:
        if bare:
            value = _SPACED_SIGN.sub(r"\1", query[value_at:].lstrip())
            closed = query[:value_at] + value
            raise Refusal(f"`{name}:` needs its value right after the colon", value_at - 1, closed)
        return _FIELDS[name]
    if bare:
        return None
    meant = _FIELD_ALIASES.get(name)
    if meant is None:
        close = difflib.get_close_matches(name, _FIELDS, n=1, cutoff=0.6)
        meant = _FIELDS[close[0]] if close else None
    if meant:
        suggestion = f"{query[: match.start()]}{meant}:{query[value_at:]}"
    else:
        end = _end_of_word(query, match.start())
        suggestion = f'{query[: match.start()]}"{query[match.start() : end]}"{query[end:]}'
    known = ", ".join(_FIELDS)
    raise Refusal(f"there is no field `{name}:` (there are {known})", match.start(), suggestion)


def _end_of_word(query: str, at: int) -> int:
    match = _WORD_END.search(query, at)
    return match.start() if match else len(query)
