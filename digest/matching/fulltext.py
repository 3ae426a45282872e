"""Papers in the words of a full-text index, for looking back.

The index of a database cannot read text as we do, so it is given words that were read
already, spelt in letters, digits and `_`. `matching.candidates` asks it in these words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date

from digest.matching.names import Name, name_readings
from digest.matching.reading import NO_SYNONYMS, Run, Synonyms, runs_of
from digest.matching.text import fold_label
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
    readings = [reading for name in paper.authors for reading in name_readings(name)]
    names = {word for reading in readings for word in map(spell, reading)}
    names.update(label for reading in readings for label in name_labels(reading))
    tags = {f"t{spell_hex(part)}" for tag in paper.tags for part in hierarchy(fold_label(tag))}
    feeds = {f"f{spell_hex(fold_label(feed))}" for feed in paper.feeds}
    cased = {spell_hex(word.exact) for word in words if word.exact != word.folded}
    filed = filing_labels(paper.published_on or paper.first_seen_at.date(), paper.upvotes)
    return PaperWords(
        title=_spell_runs(title),
        abstract=_spell_runs(abstract),
        forms=" ".join(sorted({spell(word.folded) for word in words if word.folded != word.key})),
        cased=" ".join(sorted(cased)),
        names=" ".join(sorted(names)),
        labels=" ".join(sorted(tags | feeds | filed)),
    )


def name_labels(name: Name) -> set[str]:
    """Label an author with all that finds them by one name or by two (`matching.names`)."""
    last = spell(name[-1])
    labels = {alone_label(name[-1]), *(alone_label(word) for word in name[1:] if len(word) > 1)}
    if len(name) > 1:
        labels |= {
            f"p_{spell(name[0])}_{last}",
            f"i_{spell(name[0][0])}_{last}",
            f"e_{spell(name[-2])}_{last}",
        }
    if len(name) == 2:
        labels.add(f"e_{last}_{spell(name[0])}")
    return labels


def alone_label(word: str) -> str:
    """Label an author whom this word alone finds: a family name, or a second given one."""
    return f"a_{spell(word)}"


def pair_labels(given: str, family: str) -> tuple[str, ...]:
    """Give the labels of the authors whom a given name, or its initial, and a family name find."""
    last = spell(family)
    adjacent = f"e_{spell(given)}_{last}"
    if len(given) == 1:
        return adjacent, f"i_{spell(given)}_{last}"
    return adjacent, f"p_{spell(given)}_{last}", f"p_{spell(given[0])}_{last}"


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
    return f"t{spell_hex(label)}" if label else ""


def feed_label(feed: str) -> str:
    """Label what a feed listed; empty where its name folds to nothing."""
    label = fold_label(feed)
    return f"f{spell_hex(label)}" if label else ""


def labelled(expression: str, *choices: Iterable[str], without: str = "") -> str:
    """Narrow an expression to papers that carry a label of every choice.

    `without` is a label they may not carry.
    """
    wanted = [
        f"labels : ({' OR '.join(one)})" for one in (tuple(filter(None, c)) for c in choices) if one
    ]
    narrowed = " AND ".join([f"({expression})", *wanted])
    return f"({narrowed}) NOT labels : {without}" if without else narrowed


def step_below(count: int) -> int:
    """Return the greatest step that is not above a count of 0 or more."""
    return int(STEPS[bisect_right(STEPS, count) - 1])


def _spell_runs(runs: Iterable[Run]) -> str:
    return _PARTING.join(" ".join(spell(word.key) for word in run) for run in runs)


def spell(word: str) -> str:
    """Spell a word in letters, digits and `_`; a beginning of a word begins its spelling."""
    return word if word.isascii() and word.isalnum() else f"_{spell_hex(word)}"


def spell_hex(word: str) -> str:
    """Spell a word in hexadecimal digits; a beginning of it begins its spelling."""
    return word.encode("utf-8", "surrogatepass").hex()
