"""Read the pieces of a query as a tree, by recursive descent of bounded depth."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import takewhile

from digest.matching.lexer import Lexeme, Refusal, Sign, lex
from digest.matching.names import wanted_names
from digest.matching.nodes import (
    MIN_PREFIX,
    TEXT_FIELDS,
    And,
    Author,
    Feed,
    Field,
    Node,
    Not,
    Or,
    Phrase,
    Tag,
    Upvotes,
)
from digest.matching.text import fold_label, is_unspaced, tokenise

MAX_CLAUSES = 200
MAX_DEPTH = 20

_UPVOTES = re.compile(r"(>=|<=|>|<|=|≥|≤)([0-9]{1,9})")
_SIGNS = {"≥": ">=", "≤": "<="}
_COMPARING = frozenset("<>=≥≤")
_MEANT = re.compile(r"([<>=≥≤]{0,2})([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,2}|)(\+?)")
_MEANT_SIGNS = {"": ">=", "=<": "<=", "=>": ">=", "==": "="}
_JOKER = re.compile(r"(?<=\w)\?(?=\w)")
_LETTERS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What a term inside `field:( … )` or `=( … )` takes from around it."""

    field: Field = Field.TEXT
    exact: bool = False


def parse_tree(query: str) -> Node:
    """Read a query as it is written, neither normalised nor judged.

    Raises:
        Refusal: At the first place that cannot be understood.
    """
    return _Parser(query).parse()


class _Parser:
    def __init__(self, query: str) -> None:
        self._query = query
        self._lexemes = lex(query)
        self._next = 0
        self._depth = 0
        self._clauses = 0

    def parse(self) -> Node:
        if not self._lexemes:
            raise Refusal("there is nothing to look for", 0)
        node = self._or(_Scope())
        lexeme = self._peek()
        if lexeme:
            raise self._closes_nothing(lexeme)
        return node

    def _closes_nothing(self, lexeme: Lexeme) -> Refusal:
        row = takewhile(lambda one: one.sign is Sign.CLOSE, self._lexemes[self._next :])
        end = max((one.end for one in row), default=lexeme.end)
        without = self._query[: lexeme.start] + self._query[end:]
        return Refusal("this parenthesis closes nothing", lexeme.start, without)

    def _peek(self) -> Lexeme | None:
        return self._lexemes[self._next] if self._next < len(self._lexemes) else None

    def _take(self, *signs: Sign) -> Lexeme | None:
        lexeme = self._peek()
        if lexeme is None or lexeme.sign not in signs:
            return None
        self._next += 1
        return lexeme

    def _or(self, scope: _Scope) -> Node:
        items = [self._and(scope)]
        while self._take(Sign.OR):
            items.append(self._and(scope))
        return Or(tuple(items)) if len(items) > 1 else items[0]

    def _and(self, scope: _Scope) -> Node:
        items = [self._not(scope)]
        while True:
            joined = self._take(Sign.AND)
            lexeme = self._peek()
            ended = lexeme is None or lexeme.sign in {Sign.OR, Sign.CLOSE}
            if ended and not joined:
                return And(tuple(items)) if len(items) > 1 else items[0]
            items.append(self._not(scope))

    def _not(self, scope: _Scope) -> Node:
        negated = False
        binds_one = False
        while self._take(Sign.NOT, Sign.MINUS):
            negated = not negated
            binds_one = True
        node = self._atom(scope, binds_one=binds_one)
        return Not(node) if negated else node

    def _atom(self, scope: _Scope, *, binds_one: bool) -> Node:
        lexeme = self._peek()
        if lexeme is None or lexeme.sign in {Sign.AND, Sign.OR, Sign.CLOSE}:
            raise self._missing(lexeme)
        self._next += 1
        match lexeme.sign:
            case Sign.OPEN:
                return self._group(lexeme, scope)
            case Sign.QUOTED:
                start = lexeme.start + 1
                return self._term(scope, lexeme.text, start, quoted=True)
            case Sign.FIELD:
                if scope.field:
                    raise Refusal("a field cannot stand inside another", lexeme.start)
                return self._bound(lexeme, replace(scope, field=Field(lexeme.text)))
            case Sign.EXACT:
                if scope.field not in TEXT_FIELDS:
                    raise self._not_exact(lexeme.start)
                return self._bound(lexeme, replace(scope, exact=True))
            case _:
                end = lexeme.end if binds_one else self._end_of_run(lexeme)
                return self._term(scope, self._query[lexeme.start : end], lexeme.start)

    def _group(self, opening: Lexeme, scope: _Scope) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Refusal(f"more than {MAX_DEPTH} parentheses deep", opening.start)
        node = self._or(scope)
        if not self._take(Sign.CLOSE):
            raise Refusal("this parenthesis is never closed", opening.start, f"{self._query})")
        self._depth -= 1
        return node

    def _not_exact(self, place: int) -> Refusal:
        without = self._query[:place] + self._query[place + 1 :]
        return Refusal("`=` goes with words of title and abstract", place, without)

    def _bound(self, sign: Lexeme, scope: _Scope) -> Node:
        """Read what `=` or `field:` binds: it follows at once."""
        lexeme = self._peek()
        if lexeme is None or lexeme.start != sign.end or lexeme.sign is Sign.CLOSE:
            closed = self._query[: sign.end] + self._query[sign.end :].lstrip()
            name = self._query[sign.start : sign.end]
            raise Refusal(f"`{name}` needs its word right after it", sign.end - 1, closed)
        return self._atom(scope, binds_one=True)

    def _end_of_run(self, lexeme: Lexeme) -> int:
        """Take the bare words that follow into one phrase; a prefix ends it."""
        while not lexeme.text.endswith("*"):
            word = self._take(Sign.WORD)
            if word is None:
                break
            lexeme = word
        return lexeme.end

    def _missing(self, found: Lexeme | None) -> Refusal:
        before = self._lexemes[self._next - 1] if self._next else None
        if before is None and found is not None and found.sign is Sign.CLOSE:
            return self._closes_nothing(found)
        if before is not None and before.sign is not Sign.OPEN:
            name, place = before.text, before
            cause = f"`{name}` needs something to look for after it"
        elif before is not None and (found is None or found.sign is Sign.CLOSE):
            place = before
            cause = "there is nothing in this parenthesis"
        else:
            place = found or self._lexemes[0]
            cause = f"`{place.text}` needs something to look for before it"
        if (
            found is None and before is place and place.sign is not Sign.OPEN
        ):  # nothing follows, so that no operator is needed
            return Refusal(cause, place.start, self._query[: self._end_of_terms()])
        empty = place.sign is Sign.OPEN and found is not None
        return Refusal(cause, place.start, self._without(place, found if empty else place))

    def _end_of_terms(self) -> int:
        """Tell where the last piece ends that is no operator."""
        operators = {Sign.AND, Sign.OR, Sign.NOT, Sign.MINUS}
        return next(
            (one.end for one in reversed(self._lexemes) if one.sign not in operators),
            0,
        )

    def _without(self, first: Lexeme, last: Lexeme | None) -> str:
        """Cut pieces out of the query, and the space that they leave within a parenthesis."""
        before = self._query[: first.start].rstrip()
        after = self._query[(last or first).end :].lstrip()
        tight = before.endswith("(") or after.startswith(")")
        return f"{before}{'' if tight else ' '}{after}".strip()

    def _term(self, scope: _Scope, raw: str, start: int, *, quoted: bool = False) -> Node:
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            raise Refusal(f"more than {MAX_CLAUSES} terms", start)
        written = " ".join(raw.split())
        if scope.field in TEXT_FIELDS:
            return self._phrase(scope, raw, start)
        if raw[:1] == "=" and not quoted and scope.field is not Field.UPVOTES:
            raise self._not_exact(start)
        if "*" in raw and (not quoted or scope.field is Field.AUTHOR):
            place = start + raw.index("*")
            cause = f"`*` does not go with `{scope.field}:`"
            before = self._query[:place].removesuffix(".")  # `tag:cs` covers `cs.CL`
            raise Refusal(cause, place, before + self._query[place + 1 :])
        match scope.field:
            case Field.AUTHOR:
                self._refuse_joker(raw, start)
                names = wanted_names(raw)
                if not names:
                    raise Refusal("there is no name here", start)
                self._clauses += len(names) - 1
                authors = tuple(Author(text=written, at=start, name=name) for name in names)
                return Or(authors) if len(authors) > 1 else authors[0]
            case Field.UPVOTES:
                return self._upvotes(written, start)
            case _:
                label = fold_label(raw)
                if not label:
                    raise Refusal(f"there is no name of a {scope.field} here", start)
                kind = Tag if scope.field is Field.TAG else Feed
                return kind(text=written, at=start, label=label)

    def _refuse_joker(self, raw: str, start: int) -> None:
        """Refuse `transform?r`; a question mark may end a word."""
        joker = _JOKER.search(raw)
        if joker:
            place = start + joker.start()
            cause = "`?` stands for no letter; `*` at the end finds words that begin so"
            raise Refusal(cause, place, self._beginning(place))

    def _beginning(self, place: int) -> str | None:
        """Put `*` for the sign at a place within a word, and for what follows in the word."""
        rest = _LETTERS.match(self._query, place + 1)
        return f"{self._query[:place]}*{self._query[rest.end() :]}" if rest else None

    def _upvotes(self, written: str, start: int) -> Upvotes:
        match = _UPVOTES.fullmatch(written)
        if not match:
            meant = _meant_comparison(written)
            rest = self._query[start + len(written) :]
            if written[-1:] in _COMPARING:  # the number stands apart
                rest = rest.lstrip()
            suggestion = f"{self._query[:start]}{meant}{rest}" if meant else None
            raise Refusal("upvotes are compared with a number", start, suggestion)
        comparison = _SIGNS.get(match.group(1), match.group(1))
        return Upvotes(text=written, at=start, comparison=comparison, count=int(match.group(2)))

    def _phrase(self, scope: _Scope, raw: str, start: int) -> Phrase:
        self._refuse_joker(raw, start)
        body, star, after = raw.partition("*")
        if star and after.strip():
            place = start + len(body)
            cause = "`*` can only stand at the end of a phrase"
            without = self._query[:place] + self._query[place + 1 :]
            raise Refusal(cause, place, self._beginning(place) or without)
        tokens = tokenise(body)
        if not tokens:
            raise Refusal("there is no letter or digit to look for here", start)
        words = tuple(token.word.exact if scope.exact else token.word.key for token in tokens)
        prefix = ""
        if star:
            place = start + len(body)
            without = self._query[:place] + self._query[place + 1 :]
            last = tokens[-1]
            if last.end != len(body):
                raise Refusal("`*` must follow the beginning of a word", place, without)
            if is_unspaced(last.word.folded):
                raise Refusal("`*` is not needed after this character", place, without)
            prefix = last.word.exact if scope.exact else last.word.folded
            if len(prefix) < MIN_PREFIX:
                cause = f"`*` needs at least {MIN_PREFIX} letters before it"
                raise Refusal(cause, place, without)
            words = words[:-1]
        return Phrase(
            text=" ".join(raw.split()),
            at=start,
            words=words,
            prefix=prefix,
            field=scope.field,
            exact=scope.exact,
        )


def _meant_comparison(written: str) -> str | None:
    """Give what a comparison that is written otherwise can only mean; a number is a least one."""
    meant = _MEANT.fullmatch(written)
    if not meant:
        return None
    sign, number, more = meant.groups()
    if (more and sign) or not (sign or number):
        return None
    comparison = _MEANT_SIGNS.get(sign, sign)
    return f"{comparison}{number.replace(',', '')}" if number else comparison
