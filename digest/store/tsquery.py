"""Words and expressions of the full-text index as PostgreSQL spells them.

Expressions come in the language of SQLite's FTS5, of which `matching.candidates` uses
this part:

    or   := and {OR and}    and := not {AND not}    not := atom {NOT atom}
    atom := [column : | {column…} :] ( "(" or ")" | word ["*"] | "word…" ["*"] )

One tsvector holds all columns. Those that phrases are looked for in have a weight each,
and positions; words of the others carry a mark, and no position.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from digest.model import PaperWords

_WEIGHTS = {"title": "A", "abstract": "B", "forms": "C"}
_MARKS = {"cased": "c/", "names": "n/", "labels": "l/"}
_LAST_POSITION = 16_383
"""PostgreSQL keeps no higher one
(https://www.postgresql.org/docs/current/textsearch-limitations.html)."""
_LONGEST = 2_000
"""PostgreSQL refuses a lexeme of over 2,046 bytes; ours are ASCII, and carry a mark. What
is longer is cut alike in papers and in queries."""
_TOKEN = re.compile(r'\s*("[^"]*"|[\w]+|[(){}:*])', re.ASCII)


def tsvector(words: PaperWords) -> str:
    """Spell a paper's words as the text of a tsvector."""
    lexemes: dict[str, list[str]] = {}
    title = words.title.split(" ")
    # A gap, so that no phrase begins in the title and ends in the abstract.
    for start, text, weight in ((1, title, "A"), (len(title) + 2, words.abstract.split(" "), "B")):
        for position, word in enumerate(text, start):
            if word.strip("_"):
                lexemes.setdefault(word[:_LONGEST], []).append(
                    f"{min(position, _LAST_POSITION)}{weight}"
                )
    for word in words.forms.split():
        lexemes.setdefault(word[:_LONGEST], []).append(f"{_LAST_POSITION}C")
    marked = [
        f"'{mark}{word[:_LONGEST]}'"
        for name, mark in _MARKS.items()
        for word in getattr(words, name).split()
    ]
    placed = [f"'{word}':{','.join(places)}" for word, places in lexemes.items()]
    return " ".join([*placed, *marked])


def tsquery(expression: str) -> str:
    """Translate an expression into the text of a tsquery.

    Raises:
        ValueError: If it is none.
    """
    reader = _Reader(expression)
    found = reader.either(())
    if reader.next is not None:
        raise reader.wrong()
    return found


class _Reader:
    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = _tokens(expression)
        self.next: str | None = next(self._tokens, None)

    def wrong(self) -> ValueError:
        return ValueError(f"not a full-text expression at {self.next!r}: {self._expression}")

    def either(self, columns: Sequence[str]) -> str:
        parts = [self._all(columns)]
        while self._took("OR"):
            parts.append(self._all(columns))
        return _joined(" | ", parts)

    def _all(self, columns: Sequence[str]) -> str:
        parts = [self._without(columns)]
        while self._took("AND"):
            parts.append(self._without(columns))
        return _joined(" & ", parts)

    def _without(self, columns: Sequence[str]) -> str:
        parts = [self._atom(columns)]
        while self._took("NOT"):
            parts.append(f"!{self._atom(columns)}")
        return _joined(" & ", parts)

    def _atom(self, columns: Sequence[str]) -> str:
        if self._took("("):
            inner = self.either(columns)
            self._expect(")")
            return inner
        if self._took("{"):
            named = []
            while not self._took("}"):
                named.append(self._word())
            self._expect(":")
            return self._atom(named)
        if self.next is not None and self.next.startswith('"'):
            return self._phrase(self._take().strip('"').split(), columns)
        word = self._word()
        return self._atom([word]) if self._took(":") else self._phrase([word], columns)

    def _phrase(self, words: Sequence[str], columns: Sequence[str]) -> str:
        star = "*" if self._took("*") else ""
        words = [word[:_LONGEST] for word in words]
        places = "".join(_WEIGHTS[name] for name in columns if name in _WEIGHTS)
        ways = [f"'{_MARKS[name]}{words[-1]}':{star}" for name in columns if name in _MARKS]
        if not words or not (ways or places) or (ways and len(words) > 1):
            raise self.wrong()
        if places:
            endings = [places] * (len(words) - 1) + [star + places]
            spelt = [f"'{word}':{end}" for word, end in zip(words, endings, strict=True)]
            ways.append(_joined(" <-> ", spelt))
        return _joined(" | ", [way.removesuffix(":") for way in ways])

    def _word(self) -> str:
        if self.next is None or not (self.next[0].isalnum() or self.next[0] == "_"):
            raise self.wrong()
        return self._take()

    def _take(self) -> str:
        if self.next is None:
            raise self.wrong()
        token, self.next = self.next, next(self._tokens, None)
        return token

    def _took(self, token: str) -> bool:
        if self.next != token:
            return False
        self._take()
        return True

    def _expect(self, token: str) -> None:
        if not self._took(token):
            raise self.wrong()


def _tokens(expression: str) -> Iterator[str]:
    position = 0
    while position < len(expression.rstrip()):
        found = _TOKEN.match(expression, position)
        if found is None:
            raise ValueError(f"not a full-text expression at character {position}: {expression}")
        yield found[1]
        position = found.end()


def _joined(operator: str, parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({operator.join(parts)})"
