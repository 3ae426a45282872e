"""Queries as expressions of a full-text index that was given `matching.fulltext`'s words.

An expression of the index finds all papers that a query matches, and sometimes more: the
index knows words and labels, but not, say, whether two words of exact case stand side by
side. A second one finds only papers that surely match. What lies between the two is for
the evaluator to sift; for most queries that is nothing.
The expressions are those of SQLite's FTS5 (https://www.sqlite.org/fts5.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from digest.matching.fulltext import (
    STEPS,
    alone_label,
    pair_labels,
    spell,
    spell_hex,
    step_below,
    upvotes_label,
)
from digest.matching.names import Name
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
)
from digest.matching.query import Query
from digest.matching.text import fold_case, join_words, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """How to find a query's papers.

    `expression` finds every paper that matches, None when nothing narrows them. `sure`
    finds only papers that match, None when it would find none.
    """

    expression: str | None
    sure: str | None

    @property
    def exact(self) -> bool:
        """Tell whether the expression finds no paper which does not match."""
        return self.expression is not None and self.sure == self.expression

    @property
    def unsure(self) -> str | None:
        """Find the papers that have to be sifted; None for all that there are."""
        if self.expression is None or self.sure is None:
            return self.expression
        return f"({self.expression}) NOT ({self.sure})"


def candidates(query: Query) -> Candidates:
    """Turn a query into expressions."""
    return _of(query.root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """Candidates, and comparisons of upvotes that all papers of the query must satisfy.

    Labels know upvotes by steps: whoever runs the expressions compares the counts as well,
    and nothing between two steps has to be read. `settled` finds those of `asked.sure`
    that their labels tell to satisfy `bounds`: of these, no count has to be compared. The
    counts of the others that do satisfy `gap` too, the ends of a step.
    """

    asked: Candidates
    bounds: tuple[Upvotes, ...] = ()
    settled: str | None = None
    gap: tuple[tuple[str, int], ...] = ()


def bounded_candidates(query: Query) -> Bounded:
    """Turn a query into expressions, and comparisons beside them."""
    items = query.root.items if isinstance(query.root, And) else (query.root,)
    bounds = tuple(item for item in items if isinstance(item, Upvotes))
    others = tuple(item for item in items if not isinstance(item, Upvotes))
    if not bounds or (others and all(isinstance(item, Not) for item in others)):
        return Bounded(asked=candidates(query))
    steps = [_upvotes(one.comparison, one.count) for one in bounds]
    loose = [step.expression or "" for step in steps]
    close = [step.sure for step in steps if step.sure is not None]
    if not others:
        asked = _exactly(_joined(" AND ", loose))
        settled = _joined(" AND ", close)
    else:
        rest = _all(others)
        found = [] if rest.expression is None else [rest.expression]
        asked = Candidates(
            expression=_joined(" AND ", [*found, *loose]),
            sure=None if rest.sure is None else _joined(" AND ", [rest.sure, *loose]),
        )
        settled = _joined(" AND ", [rest.sure or "", *close])
    certain = asked.sure is not None and len(close) == len(bounds)
    return Bounded(
        asked=asked,
        bounds=bounds,
        settled=settled if certain else None,
        gap=_gap(*bounds) if len(bounds) == 1 else (),
    )


def _gap(bound: Upvotes) -> tuple[tuple[str, int], ...]:
    """Say what counts that satisfy a bound are not told by the labels to do so."""
    match bound.comparison:
        case ">=" | ">":
            least = bound.count + (bound.comparison == ">")
            above = _step_from(least)
            return () if above is None else (("<", above),)
        case "<" | "<=":
            return ((">=", step_below(bound.count + (bound.comparison == "<="))),)
        case _:
            return ()


_UNKNOWN = Candidates(expression=None, sure=None)


def _exactly(expression: str) -> Candidates:
    return Candidates(expression=expression, sure=expression)


def _of(node: Node) -> Candidates:
    match node:
        case And(items):
            return _all(items)
        case Or(items):
            return _any([_of(item) for item in items])
        case Not():
            return _UNKNOWN  # only beside something wanted can it be expressed
        case _:
            return _atom(node)


def _any(parts: Sequence[Candidates]) -> Candidates:
    found = [part.expression for part in parts if part.expression is not None]
    sure = [part.sure for part in parts if part.sure is not None]
    return Candidates(
        expression=_joined(" OR ", found) if len(found) == len(parts) else None,
        sure=_joined(" OR ", sure) if sure else None,
    )


def _all(items: Sequence[Node]) -> Candidates:
    wanted = [_of(item) for item in items if not isinstance(item, Not)]
    excluded = [_of(item.item) for item in items if isinstance(item, Not)]
    found = [part.expression for part in wanted if part.expression is not None]
    sure = [part.sure for part in wanted if part.sure is not None]
    # What is excluded is left out where it surely stands, and wherever it may stand.
    surely = [part.sure for part in excluded if part.sure is not None]
    maybe = [part.expression for part in excluded if part.expression is not None]
    certain = len(sure) == len(wanted) and len(maybe) == len(excluded)
    return Candidates(
        expression=_without(_joined(" AND ", found), surely) if found else None,
        sure=_without(_joined(" AND ", sure), maybe) if sure and certain else None,
    )


def _joined(operator: str, expressions: Sequence[str]) -> str:
    return f"({operator.join(expressions)})"


def _without(expression: str, excluded: Sequence[str]) -> str:
    return f"({expression} NOT {_joined(' OR ', excluded)})" if excluded else expression


def _atom(atom: Atom) -> Candidates:
    match atom:
        case Phrase(exact=True):
            return _exact_phrase(atom)
        case Phrase():
            return _phrase(atom)
        case Author(name=name):
            return _author(name)
        case Tag(label=label):
            return _exactly(f"labels : t{spell_hex(label)}")
        case Feed(label=label):
            return _exactly(f"labels : f{spell_hex(label)}")
        case Upvotes(comparison=comparison, count=count):
            return _upvotes(comparison, count)
        case _:
            assert_never(atom)


def _author(name: Name) -> Candidates:
    if len(name) == 1:
        return _exactly(f"names : {alone_label(name[0])}")
    if len(name) == 2:
        return _exactly(f"names : {_joined(' OR ', pair_labels(*name))}")
    # Either all words are the author's, or the family name and the first initial.
    words = _joined(" AND ", [spell(word) for word in dict.fromkeys(name)])
    initial = f"i_{spell(name[0][0])}_{spell(name[-1])}"
    return Candidates(expression=f"names : ({words} OR {initial})", sure=None)


def _upvotes(comparison: str, count: int) -> Candidates:
    """Find by steps: what lies between two of them is for the evaluator to sift."""
    least = {">=": count, ">": count + 1, "=": count}.get(comparison, 0)
    beyond = {"<": count, "<=": count + 1, "=": count + 1}.get(comparison)
    above = _step_from(least)
    sure = None if above is None else f"labels : {upvotes_label(above)}"
    expression = f"labels : {upvotes_label(step_below(least))}"
    if beyond is not None:
        past = _step_from(beyond)
        if past is not None:
            expression = f"({expression} NOT labels : {upvotes_label(past)})"
        before = f"labels : {upvotes_label(step_below(beyond))}"
        sure = None if sure is None else f"({sure} NOT {before})"
    return Candidates(expression=expression, sure=sure)


def _step_from(count: int) -> int | None:
    """Return the least step of so many upvotes or more; None above them all."""
    return next((step for step in STEPS if step >= count), None)


def _phrase(phrase: Phrase) -> Candidates:
    column = _column(phrase)
    words = " ".join(map(spell, phrase.words))
    if not phrase.prefix:
        return _exactly(f'{column} : "{words}"')
    # What begins so is found by its singular, and by its plural in `forms`: there the
    # index knows that it stands on the paper, but not where.
    anywhere = _joined(" OR ", [f"{one} *" for one in _beginnings(phrase.prefix)])
    if not phrase.words and phrase.field is Field.TEXT:
        return _exactly(f"{{title abstract forms}} : {anywhere}")
    before = f"{words} " if words else ""
    here = _joined(" OR ", [f'{column} : "{before}{one}" *' for one in _beginnings(phrase.prefix)])
    elsewhere = f"forms : {anywhere}"
    if words:
        elsewhere = f'({column} : "{words}" AND {elsewhere})'
    return Candidates(expression=f"({here} OR {elsewhere})", sure=here)


def _exact_phrase(phrase: Phrase) -> Candidates:
    read = words_of(join_words(phrase.words)) if phrase.words else []
    cased = [f"cased : {spell_hex(word.exact)}" for word in read if word.exact != word.folded]
    if phrase.prefix:
        # `cased` has all that are not in lower case.
        folded = fold_case(phrase.prefix)
        if folded != phrase.prefix:
            cased.append(f"cased : {spell_hex(phrase.prefix)} *")
        else:
            beginnings = [f"{one} *" for one in _beginnings(folded)]
            cased.append(f"{{title abstract forms}} : {_joined(' OR ', beginnings)}")
    single = len(read) + bool(phrase.prefix) == 1
    if single and phrase.field is Field.TEXT and cased and cased[0].startswith("cased"):
        return _exactly(cased[0])
    keys = " ".join(spell(word.key) for word in read)
    found = [*([f'{_column(phrase)} : "{keys}"'] if keys else []), *cased]
    return Candidates(expression=_joined(" AND ", found), sure=None)


def _column(phrase: Phrase) -> str:
    return "{title abstract}" if phrase.field is Field.TEXT else phrase.field.value


def _beginnings(prefix: str) -> tuple[str, ...]:
    """Spell a prefix as plain words begin, and as those that are spelt in code do."""
    spelt = spell(prefix)
    return (spelt, f"_{spell_hex(prefix)}") if prefix.isascii() else (spelt,)
