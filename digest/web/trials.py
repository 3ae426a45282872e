"""Trying an interest before it is saved: what it would have matched lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from digest.digests.reasons import plain_why, why_line
from digest.errors import QueryError
from digest.lookback import LookBack, Narrowing, look_back
from digest.matching.annotate import Annotator
from digest.matching.hints import first_hint
from digest.matching.query import Query, caret, parse_query, tag_query
from digest.model import InterestKind
from digest.web.cards import Paths, papers_of

LOOKS_BACK = timedelta(days=30)
_SHOWN = 5


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


def look_at_month(
    tx: Session,
    query: Query,
    annotator: Annotator,
    *,
    now: datetime,
    show: int,
    narrow: bool = False,
) -> LookBack:
    """Count what a query would have matched in the last 30 days; return the best of it."""
    since = now - LOOKS_BACK
    return look_back(tx, query, annotator, since=since, until=now, show=show, narrow=narrow)


def try_interest(
    tx: Session,
    annotator: Annotator,
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
    narrow = kind is InterestKind.KEYWORD
    found = look_at_month(tx, query, annotator, now=now, show=_SHOWN, narrow=narrow)
    hint = first_hint(query) if kind is not InterestKind.TAG else None
    return TrialView(
        text=text,
        ok=True,
        said=_said(kind, found.total)
        + "".join(map(_narrower, found.narrowings[:1]))
        + (f" But {hint.cause}." if hint else ""),
        papers=tuple(
            TrialPaper(
                title=match.paper.title,
                url=paths.paper(match.paper.alias),
                why=plain_why(why_line(match.reasons)),
            )
            for match in found.matches
        ),
        suggestion=(hint.suggestion or "") if hint else "",
    )


def _said(kind: InterestKind, count: int) -> str:
    verb = "hidden" if kind is InterestKind.MUTED else "matched"
    if not count:
        return f"Would have {verb} nothing in the last 30 days."
    shown = f"; here are {_SHOWN}" if count > _SHOWN else ""
    return f"Would have {verb} {papers_of(count)} in the last 30 days{shown}."


def _narrower(one: Narrowing) -> str:
    written = f", written {one.instead}" if one.instead else ""
    return f" Without “{one.excluded}”{written}: {one.total:,}."
