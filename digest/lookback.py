"""Look back: what a query would have caught, before anybody saves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digest.errors import QueryError
from digest.matching.annotate import Annotator
from digest.matching.backtest import sift
from digest.matching.evaluate import evaluate
from digest.matching.fulltext import candidates
from digest.matching.query import Query, canonical, parse_query
from digest.model import Match, Paper, PaperId
from digest.store.fulltext import count_seen, find_words, has_words, seen_ids, stale_between
from digest.store.papers import load_papers

NARROWERS = ("survey", "review", "benchmark", "dataset")
"""Words that people often find they do not want; the ones that change most are offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What a query would catch with one word excluded."""

    excluded: str
    query: str
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBack:
    """What a query would have caught.

    `total` counts all papers, `matches` are the best of them with their reasons.
    `looked_at` is how many papers there were. `narrowings` are what excluding a common
    word would change, the greatest change first.
    """

    total: int
    matches: tuple[Match, ...]
    looked_at: int
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

    The full-text index names candidates; the evaluator confirms each one that is shown,
    and every one where the index finds more than the query asks for.

    Args:
        tx: A transaction.
        query: What is asked.
        annotator: As papers are read now.
        since: Papers first seen, or listed, from here on.
        until: Up to here.
        show: How many to give with reasons, None for all.
        narrow: Whether to say what excluding a common word would change.
    """
    found = _Finder(tx, annotator, since, until).find(query, show)
    narrowings = []
    if narrow and found.total:
        finder = _Finder(tx, annotator, since, until)
        for word in NARROWERS:
            narrower = _without(query, word)
            total = finder.find(narrower, 0).total if narrower else found.total
            if narrower and 0 < total < found.total:
                narrowings.append(Narrowing(excluded=word, query=canonical(narrower), total=total))
    return LookBack(
        total=found.total,
        matches=found.matches,
        looked_at=count_seen(tx, since, until),
        narrowings=tuple(sorted(narrowings, key=lambda one: one.total)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    total: int
    matches: tuple[Match, ...]


class _Finder:
    def __init__(self, tx: Session, annotator: Annotator, since: datetime, until: datetime) -> None:
        self._tx = tx
        self._synonyms = annotator.synonyms
        self._since, self._until = since, until
        self._unread: Sequence[PaperId] = ()
        self._has_words = has_words(tx)
        if self._has_words:
            self._unread = stale_between(tx, annotator.fingerprint, since, until)

    def find(self, query: Query, show: int | None) -> _Found:
        """Find all, and give reasons for the best."""
        asked = candidates(query)
        if not self._has_words or asked.expression is None:
            return self._sift(query, seen_ids(self._tx, self._since, self._until), show)
        ids = find_words(self._tx, asked.expression, self._since, self._until)
        if self._unread or not asked.exact:
            return self._sift(query, list({*ids, *self._unread}), show)
        return self._confirm(query, ids, show)

    def _confirm(self, query: Query, ids: Sequence[PaperId], show: int | None) -> _Found:
        """Take the index at its word for the number, and confirm what is shown."""
        shown = ids if show is None else ids[:show]
        papers = load_papers(self._tx, shown)
        matches = [self._match(query, papers[one]) for one in shown if one in papers]
        wrong = sum(not match.reasons for match in matches)
        return _Found(
            total=len(ids) - wrong, matches=tuple(match for match in matches if match.reasons)
        )

    def _sift(self, query: Query, ids: Sequence[PaperId], show: int | None) -> _Found:
        papers = load_papers(self._tx, ids).values()
        found = sift(query, papers, synonyms=self._synonyms, show=show)
        return _Found(total=found.total, matches=found.matches)

    def _match(self, query: Query, paper: Paper) -> Match:
        return Match(paper=paper, reasons=evaluate(query, paper, self._synonyms).reasons)


def _without(query: Query, word: str) -> Query | None:
    """Exclude one more word; None where the query names it already, or grows too long."""
    if word in query.canonical:
        return None
    try:
        return parse_query(f"({query.canonical}) NOT {word}")
    except QueryError:
        return None
