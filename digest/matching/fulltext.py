"""Queries and papers in the words of a full-text index, for looking back.

The index of a database cannot read text as we do, so it is given words that were read
already, spelt in letters, digits and `_`. A query becomes an expression that finds all
papers it matches; often exactly those, and else some more, for the evaluator to sift.
The expressions are those of SQLite's FTS5 (https://www.sqlite.org/fts5.html).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from digest.matching.names import name_readings
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
from digest.matching.reading import NO_SYNONYMS, Run, Synonyms, runs_of
from digest.matching.text import fold_label, join_words, words_of
from digest.model import Paper, PaperWords

_PARTING = " _ "
"""Stands between runs of words, so that no phrase reaches over; no query can ask for it."""


def hierarchy(label: str) -> Iterable[str]:
    """Give a tag and all that cover it: `cs.CL` is also `cs`."""
    while label:
        yield label
        label = label.rpartition(".")[0]


def paper_words(paper: Paper, synonyms: Synonyms = NO_SYNONYMS) -> PaperWords:
    """Spell a paper for the index."""
    title, abstract = runs_of(paper, synonyms)
    words = {word for run in (*title, *abstract) for word in run}
    names = {part for name in paper.authors for reading in name_readings(name) for part in reading}
    tags = {f"t{_hex(part)}" for tag in paper.tags for part in hierarchy(fold_label(tag))}
    feeds = {f"f{_hex(fold_label(feed))}" for feed in paper.feeds}
    filed = filing_labels(paper.published_on or paper.first_seen_at.date(), paper.upvotes)
    return PaperWords(
        title=_spell_runs(title),
        abstract=_spell_runs(abstract),
        forms=" ".join(sorted({_spell(word.folded) for word in words if word.folded != word.key})),
        cased=" ".join(sorted({_hex(word.exact) for word in words if word.exact != word.folded})),
        names=" ".join(sorted(map(_spell, names))),
        labels=" ".join(sorted(tags | feeds | filed)),
    )


STEPS = (*range(11), 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1_000, 2_000, 5_000)
"""Counts of upvotes that have a label of their own: papers with so many or more carry it."""


def filing_labels(day: date, upvotes: int | None) -> set[str]:
    """Label a paper with its month, its year and the steps of upvotes it reached.

    A list in order then costs what its page costs: it is read month by month, or step by
    step, whatever the words are.
    """
    reached = {upvotes_label(step) for step in STEPS if upvotes is not None and upvotes >= step}
    return {month_label(day.year, day.month), year_label(day.year), *reached}


def year_label(year: int) -> str:
    """Label what is filed under a year."""
    return f"y{year:04}"


def month_label(year: int, month: int) -> str:
    """Label what is filed under a month."""
    return f"m{year:04}{month:02}"


def upvotes_label(step: int) -> str:
    """Label what has so many upvotes or more; `step` is one of `STEPS`."""
    return f"u{step}"


def tag_label(tag: str) -> str:
    """Label what carries a tag or one below it; empty where a tag folds to nothing."""
    label = fold_label(tag)
    return f"t{_hex(label)}" if label else ""


def feed_label(feed: str) -> str:
    """Label what a feed listed; empty where its name folds to nothing."""
    label = fold_label(feed)
    return f"f{_hex(label)}" if label else ""


def labelled(expression: str, *choices: Iterable[str], without: str = "") -> str:
    """Narrow an expression to papers that carry a label of every choice.

    `without` is a label they may not carry.
    """
    wanted = [
        f"labels : ({' OR '.join(one)})" for one in (tuple(filter(None, c)) for c in choices) if one
    ]
    narrowed = " AND ".join([f"({expression})", *wanted])
    return f"({narrowed}) NOT labels : {without}" if without else narrowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """How to find a query's papers: None when nothing narrows them.

    `exact` says that the expression finds no paper which does not match.
    """

    expression: str | None
    exact: bool


def candidates(query: Query) -> Candidates:
    """Turn a query into an expression."""
    found = _of(query.root)
    return Candidates(expression=found.expression, exact=found.exact)


_EVERYTHING = Candidates(expression=None, exact=False)


def _of(node: Node) -> Candidates:
    match node:
        case And(items):
            return _all([item for item in items if not isinstance(item, Not)], items)
        case Or(items):
            parts = [_of(item) for item in items]
            expressions = [part.expression for part in parts if part.expression is not None]
            if len(expressions) < len(parts):
                return _EVERYTHING
            return Candidates(
                expression=f"({' OR '.join(expressions)})", exact=all(part.exact for part in parts)
            )
        case Not():
            return _EVERYTHING  # only beside something wanted can it be expressed
        case _:
            return _atom(node)


def _all(wanted: list[Node], items: tuple[Node, ...]) -> Candidates:
    parts = [_of(item) for item in wanted]
    excluded = [_of(item.item) for item in items if isinstance(item, Not)]
    expressions = [part.expression for part in parts if part.expression is not None]
    if not expressions:
        return _EVERYTHING
    # What is excluded may only be left out by an expression that finds nothing more.
    without = [part.expression for part in excluded if part.exact and part.expression]
    expression = " AND ".join(expressions)
    if without:
        expression = f"({expression}) NOT ({' OR '.join(without)})"
    return Candidates(
        expression=f"({expression})",
        exact=all(part.exact for part in parts) and len(without) == len(excluded),
    )


def _atom(atom: Atom) -> Candidates:
    match atom:
        case Phrase():
            return _phrase(atom)
        case Author(name=name):
            return Candidates(expression=f"names : {_spell(name[-1])}", exact=False)
        case Tag(label=label):
            return Candidates(expression=f"labels : t{_hex(label)}", exact=True)
        case Feed(label=label):
            return Candidates(expression=f"labels : f{_hex(label)}", exact=True)
        case Upvotes(comparison=comparison, count=count):
            return _upvotes(comparison, count)
        case _:
            assert_never(atom)


def step_below(count: int) -> int:
    """Return the greatest step that is not above a count of 0 or more."""
    return int(STEPS[bisect_right(STEPS, count) - 1])


def _upvotes(comparison: str, count: int) -> Candidates:
    """Find by steps: what lies between two of them is for the evaluator to sift."""
    least = {">=": count, ">": count + 1, "=": count}.get(comparison, 0)
    beyond = {"<": count, "<=": count + 1, "=": count + 1}.get(comparison)
    expression = f"labels : {upvotes_label(step_below(least))}"
    exact = least in STEPS
    if beyond is not None:
        exact = exact and beyond in STEPS
    if beyond is not None and beyond in STEPS:
        expression = f"({expression} NOT labels : {upvotes_label(beyond)})"
    return Candidates(expression=expression, exact=exact)


def _phrase(phrase: Phrase) -> Candidates:
    column = "{title abstract}" if phrase.field is Field.TEXT else phrase.field.value
    expressions = []
    if phrase.words:
        words = phrase.words
        if phrase.exact:
            read = words_of(join_words(words))
            words = tuple(word.key for word in read)
            cased = [_hex(word.exact) for word in read if word.exact != word.folded]
            expressions += [f"cased : {word}" for word in cased]
        expressions.append(f'{column} : "{" ".join(map(_spell, words))}"')
    if phrase.prefix and not phrase.exact:
        spelt = _spell(phrase.prefix)
        beginnings = [spelt, f"_{_hex(phrase.prefix)}"] if phrase.prefix.isascii() else [spelt]
        anywhere = " OR ".join(f"{beginning} *" for beginning in beginnings)
        expressions.append(f"{{title abstract forms}} : ({anywhere})")
    if not expressions:
        return _EVERYTHING
    exact = not phrase.exact and (
        not phrase.prefix or (not phrase.words and phrase.field is Field.TEXT)
    )
    return Candidates(expression=f"({' AND '.join(expressions)})", exact=exact)


def _spell_runs(runs: Iterable[Run]) -> str:
    return _PARTING.join(" ".join(_spell(word.key) for word in run) for run in runs)


def _spell(word: str) -> str:
    """Spell a word in letters, digits and `_`; a beginning of a word begins its spelling."""
    return word if word.isascii() and word.isalnum() else f"_{_hex(word)}"


def _hex(word: str) -> str:
    return word.encode("utf-8", "surrogatepass").hex()
