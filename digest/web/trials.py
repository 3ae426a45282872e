"""Trying an interest before it is saved: what it would have matched lately."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlmodel import Session

from digest.digests.reasons import plain_why, why_line
from digest.errors import QueryError
from digest.matching.backtest import backtest
from digest.matching.query import Query, caret, hints, parse_query, tag_query
from digest.matching.rank import rank
from digest.model import InterestKind, Match, Paper
from digest.store.library import newest_paper_id
from digest.store.papers import recent_papers
from digest.web.cards import Paths, papers_of

LOOKS_BACK = timedelta(days=30)
_SHOWN = 5


class Backtester(Protocol):
    """Finds what a query would have matched since an instant, best first."""

    def __call__(self, tx: Session, query: Query, *, now: datetime) -> Sequence[Match]:
        """Return the matches of the last 30 days, with their reasons."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPaper:
    """A paper that would have matched."""

    title: str
    url: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialView:
    """What became of a trial, in words; `drawing` puts a caret under an error."""

    text: str
    ok: bool
    said: str
    papers: tuple[TrialPaper, ...] = ()
    drawing: str = ""
    position: int = 0
    suggestion: str = ""


class RecentPapers:
    """Keeps the papers of the last 30 days in memory, until new ones come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[int, datetime] | None = None
        self._papers: list[Paper] = []

    def __call__(self, tx: Session, query: Query, *, now: datetime) -> Sequence[Match]:
        """Match one query against them."""
        key = (newest_paper_id(tx), now.replace(minute=0, second=0, microsecond=0))
        with self._lock:
            if key != self._key:
                self._papers = rank(recent_papers(tx, now - LOOKS_BACK, now))
                self._key = key
            papers = self._papers
        return backtest(query, papers)


def try_interest(
    tx: Session,
    backtester: Backtester,
    paths: Paths,
    *,
    kind: InterestKind,
    text: str,
    now: datetime,
) -> TrialView:
    """Say what an interest would have matched, or what is wrong with it."""
    try:
        query = tag_query(text) if kind is InterestKind.TAG else parse_query(text)
    except QueryError as exc:
        return TrialView(
            text=text,
            ok=False,
            said=f"{exc.cause[:1].upper()}{exc.cause[1:]}.",
            drawing=caret(exc),
            position=exc.position,
            suggestion=exc.suggestion or "",
        )
    matches = backtester(tx, query, now=now)
    hint = next(iter(hints(query)), None) if kind is not InterestKind.TAG else None
    return TrialView(
        text=text,
        ok=True,
        said=_said(kind, len(matches)) + (f" But {hint.cause}." if hint else ""),
        papers=tuple(
            TrialPaper(
                title=match.paper.title,
                url=paths.paper(match.paper.alias),
                why=plain_why(why_line(match.reasons)),
            )
            for match in matches[:_SHOWN]
        ),
        suggestion=hint.suggestion if hint else "",
    )


def _said(kind: InterestKind, count: int) -> str:
    verb = "hidden" if kind is InterestKind.MUTED else "matched"
    if not count:
        return f"Would have {verb} nothing in the last 30 days."
    shown = f"; here are {_SHOWN}" if count > _SHOWN else ""
    return f"Would have {verb} {papers_of(count)} in the last 30 days{shown}."
