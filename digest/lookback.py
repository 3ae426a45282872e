"""Look back: what a query would have caught, before anybody saves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digest.errors import QueryError
from digest.matching.annotate import Annotator
from digest.matching.backtest import sift
from digest.matching.candidates import bounded_candidates
from digest.matching.evaluate import reasons_of
from digest.matching.fulltext import STEPS, upvotes_label
from digest.matching.query import Query, canonical, parse_query
from digest.matching.rank import rank
from digest.model import Match, Paper, PaperId
from digest.store.fulltext import seen_ids, stale_between
from digest.store.papers import load_papers
from digest.store.spans import FoundWords, find_words, found_ids, seen_span

NARROWERS = ("survey", "review", "benchmark", "dataset")
"""Words that people often find they do not want; the ones that change most are offered."""

_STEPS = tuple((step, upvotes_label(step)) for step in reversed(STEPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What a query would catch with one word excluded.

    `instead` is what to write, where adding `-word` to what was written would exclude the
    word from its last part only (`a OR b -word`); None where adding it does it.
    """

    excluded: str
    query: str
    total: int
    instead: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBack:
    """What a query would have caught.

    `total` counts all papers, `matches` are the best of them with their reasons.
    `narrowings` are what excluding a common word would change, the greatest change first.
    """

    total: int
    matches: tuple[Match, ...]
    narrowings: tuple[Narrowing, ...] = ()


def look_back(
    tx: Session,
    query: Query,
    annotator: Annotator,
    *,
    since: datetime,
    until: datetime,
    show: int | None = None,
    narrow: bool = True,
) -> LookBack:
    """Find the papers of some days that a query matches.

    The full-text index tells which papers surely match; the evaluator confirms each one
    that is shown, and sifts those of which the index is not sure.

    Args:
        tx: A transaction.
        query: What is asked.
        annotator: As papers are read now.
        since: Papers first seen, or listed, from here on.
        until: Up to here.
        show: How many to give with reasons, None for all.
        narrow: Whether to say what excluding a common word would change.
    """
    finder = _Finder(tx, annotator, since, until)
    found = finder.find(query, show)
    narrowings = []
    if narrow and found.total:
        for word in NARROWERS:
            narrower = _without(query, word)
            total = finder.find(narrower, 0).total if narrower else found.total
            if narrower and 0 < total < found.total:
                narrowings.append(
                    Narrowing(
                        excluded=word,
                        query=canonical(narrower),
                        total=total,
                        instead=_instead(query, word, narrower),
                    )
                )
    return LookBack(
        total=found.total,
        matches=found.matches,
        narrowings=tuple(sorted(narrowings, key=lambda one: one.total)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    total: int
    matches: tuple[Match, ...]


class _Finder:
    """Finds what queries match among the papers of some days."""

    def __init__(self, tx: Session, annotator: Annotator, since: datetime, until: datetime) -> None:
        self._tx = tx
        self._synonyms = annotator.synonyms
        self._since, self._until = since, until
        self._indexed = not stale_between(tx, annotator.fingerprint, since, until)
        self._span = seen_span(tx, since, until)

    def find(self, query: Query, show: int | None) -> _Found:
        """Count what matches, and give reasons for the best."""
        bounded = bounded_candidates(query)
        asked = bounded.asked
        upvotes = [(one.comparison, one.count) for one in bounded.bounds]
        if not self._indexed or asked.expression is None:
            return self._sift(query, seen_ids(self._tx, self._since, self._until), show)
        sure = FoundWords(total=0, best=())
        if asked.sure is not None:
            sure = find_words(
                self._tx,
                asked.sure,
                self._span,
                upvotes=upvotes,
                settled=bounded.settled,
                gap=bounded.gap,
                limit=show,
                steps=_STEPS,
            )
        sifted = _Found(total=0, matches=())
        if not asked.exact and asked.unsure is not None:
            unsure = found_ids(self._tx, asked.unsure, self._span, upvotes=upvotes)
            sifted = self._sift(query, unsure, show)
        return self._together(query, sure, sifted, show)

    def _together(self, query: Query, sure: FoundWords, sifted: _Found, show: int | None) -> _Found:
        """Take the index at its word for the number of the sure, and confirm what is shown."""
        matches = [self._match(query, paper) for paper in self._load(sure.best)]
        confirmed = [match for match in matches if match.reasons]
        best = {match.paper.id: match for match in (*confirmed, *sifted.matches)}
        ranked = rank(match.paper for match in best.values())
        return _Found(
            total=sure.total - len(matches) + len(confirmed) + sifted.total,
            matches=tuple(best[paper.id] for paper in ranked[:show]),
        )

    def _sift(self, query: Query, ids: Sequence[PaperId], show: int | None) -> _Found:
        found = sift(query, self._load(ids), synonyms=self._synonyms, show=show)
        return _Found(total=found.total, matches=found.matches)

    def _load(self, ids: Sequence[PaperId]) -> list[Paper]:
        return list(load_papers(self._tx, ids).values()) if ids else []

    def _match(self, query: Query, paper: Paper) -> Match:
        return Match(paper=paper, reasons=reasons_of(query, paper, self._synonyms))


def _without(query: Query, word: str) -> Query | None:
    """Exclude one more word; None where the query names it already, or grows too long."""
    if word in query.canonical:
        return None
    try:
        return parse_query(f"({query.canonical}) NOT {word}")
    except QueryError:
        return None


def _instead(query: Query, word: str, narrower: Query) -> str | None:
    """Give what to write for `narrower`; None where adding `-word` does it."""
    written = " ".join(query.text.split())
    if _asks(f"{written} -{word}", narrower):
        return None
    grouped = f"({written}) -{word}"
    return grouped if _asks(grouped, narrower) else canonical(narrower)


def _asks(text: str, wanted: Query) -> bool:
    try:
        return parse_query(text) == wanted
    except QueryError:
        return False
