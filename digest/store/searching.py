"""Pages and counts of what a full-text expression finds, in the order of the library."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlmodel import Session, col

from digest.model import PaperId
from digest.store.dialect import is_postgresql
from digest.store.fulltext import WORDS_TABLE, matching_ids
from digest.store.library import MAX_COUNT, Count, Order, Place, Shelf
from digest.store.tables import PaperRow, PaperTagRow, TagRow

EFFORT = 300_000
"""A phrase of two words is looked for on half as many papers at most: some 20 ms."""
_SAMPLED = 32
_PHRASE = re.compile(r'"((?:\w+ )+\w+)"( \*)?')
_INDEXED: ColumnElement[int] = table(f"{WORDS_TABLE}_docsize", column("id", Integer)).c.id
"""FTS5 keeps the sizes of its rows in a table of their own, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a list in order: days, or counts of upvotes, both ends included."""

    first: date | int
    last: date | int


def count_found(tx: Session, expression: str, shelf: Shelf, *, effort: int = EFFORT) -> Count:
    """Count what an expression finds on a shelf, exactly up to 10,000 where that is cheap.

    Where words that stand on most papers have to be looked at side by side, SQLite's index
    reads their places on every paper that has them all. Then only the newest papers are
    counted, as many as the effort allows, and the count says that there are more.

    Args:
        tx: A transaction.
        expression: See `matching.candidates`.
        shelf: Further filters.
        effort: Papers to look for a phrase on, times the words of the phrase.
    """
    found = matching_ids(tx, expression)
    one = found.selected_columns[0]
    since = _affordable(tx, expression, effort)
    if since is not None:
        found = found.where(one >= since)
    if shelf.min_upvotes or shelf.since or shelf.until:
        found = found.join(PaperRow, col(PaperRow.id) == one)
    found = _filtered(found, one, shelf).limit(MAX_COUNT + 1)
    count: int = tx.execute(select(func.count()).select_from(found.subquery())).scalar_one()
    if since is None or count > MAX_COUNT:
        return Count(value=min(count, MAX_COUNT), more=count > MAX_COUNT)
    return Count(value=_rounded(count), more=True)


def found_all(tx: Session, expression: str, shelf: Shelf) -> list[PaperId]:
    """Return all that an expression finds on a shelf, in no order: for few papers."""
    found = matching_ids(tx, expression)
    one = found.selected_columns[0]
    found = _filtered(found.join(PaperRow, col(PaperRow.id) == one), one, shelf)
    return [PaperId(row[0]) for row in tx.execute(found)]


def found_page(
    tx: Session,
    expression: str,
    shelf: Shelf,
    *,
    order: Order,
    after: Place | None,
    limit: int,
    span: Span | None = None,
) -> list[Place]:
    """Return what an expression finds, in order: each paper with its place in the list.

    Args:
        tx: A transaction.
        expression: See `matching.fulltext.candidates`.
        shelf: Further filters.
        order: `UPVOTES` leaves out papers of unknown upvotes.
        after: Where the page before ended.
        limit: How many at most.
        span: A stretch of the order that the expression is bounded to: its index is
            walked. None where few papers are found: then they are gathered and sorted.
    """
    key: Any = col(PaperRow.upvotes) if order is Order.UPVOTES else col(PaperRow.dated_on)
    one: Any = col(PaperRow.id)
    found = matching_ids(tx, expression)
    if span is None:
        ids = found.subquery()
        query = select(one, key.label("key")).join(ids, ids.c[0] == one)
    elif span.first == span.last and order is Order.UPVOTES:
        # All of one count: the full-text index itself gives them by falling id.
        rowid = found.selected_columns[0]
        if after is not None and int(after.value) == span.first:
            found = found.where(rowid < after.paper_id)
        found = _filtered(found, rowid, shelf, probe=True)
        rows = tx.execute(found.order_by(rowid.desc()).limit(limit)).scalars()
        return [Place(value=str(span.first), paper_id=row) for row in rows]
    else:
        walked: Any = literal_column("+paper.id")  # not by id: along the index of the order
        query = select(one, key.label("key")).where(
            walked.in_(found), key >= span.first, key <= span.last
        )
    query = _filtered(query, one, shelf)
    if order is Order.UPVOTES:
        query = query.where(key.is_not(None))
    if after is not None:
        value: Any = int(after.value) if order is Order.UPVOTES else date.fromisoformat(after.value)
        query = query.where(
            or_(key < value, and_(key == value, one < after.paper_id)), key <= value
        )
    pairs = tx.execute(query.order_by(key.desc(), one.desc()).limit(limit))
    return [Place(value=str(row[1]), paper_id=row[0]) for row in pairs]


def dated_between(tx: Session) -> tuple[date, date] | None:
    """Return the first and the last day that papers are filed under."""
    first = tx.execute(select(func.min(col(PaperRow.dated_on)))).scalar_one()
    last = tx.execute(select(func.max(col(PaperRow.dated_on)))).scalar_one()
    return None if first is None else (first, last)


def _affordable(tx: Session, expression: str, effort: int) -> int | None:
    """Return from which id on a phrase may be looked for; None where all papers may be.

    How many papers have all of its words is known of the newest thirty-second.
    """
    phrases = [found[1].split() for found in _PHRASE.finditer(expression)]
    if not phrases or is_postgresql(tx):
        return None
    # Asked apart, each leaps to its end of the index.
    first: int | None = tx.execute(select(func.min(_INDEXED))).scalar_one()
    last: int | None = tx.execute(select(func.max(_INDEXED))).scalar_one()
    if first is None or last is None:
        return None
    stretch = last - first + 1
    sample = max(stretch // _SAMPLED, 1)
    found = matching_ids(tx, _PHRASE.sub(_side_by_side_or_not, expression))
    newest = found.where(found.selected_columns[0] > last - sample)
    papers: int = tx.execute(select(func.count()).select_from(newest.subquery())).scalar_one()
    costs: int = papers * max(map(len, phrases)) * stretch // sample
    return None if costs <= effort else last - stretch * effort // costs


def _side_by_side_or_not(phrase: re.Match[str]) -> str:
    return f"({' AND '.join(phrase[1].split())}{phrase[2] or ''})"


def _rounded(count: int) -> int:
    """Leave two digits of a count that is no more than a bound: 4,839 is at least 4,800."""
    step: int = 10 ** max(len(str(count)) - 2, 0)
    return count // step * step


def _filtered(query: Select[Any], one: Any, shelf: Shelf, *, probe: bool = False) -> Select[Any]:
    """Add the filters that the labels of an expression may hold too loosely."""
    if shelf.tag:
        tagged = select(col(TagRow.id)).where(col(TagRow.key) == shelf.tag.casefold())
        query = query.where(
            exists().where(
                col(PaperTagRow.paper_id) == one,
                col(PaperTagRow.tag_id) == tagged.scalar_subquery(),
            )
        )
    wanted = []
    if shelf.min_upvotes:
        wanted.append(col(PaperRow.upvotes) >= shelf.min_upvotes)
    if shelf.since:
        wanted.append(col(PaperRow.dated_on) >= shelf.since)
    if shelf.until:
        wanted.append(col(PaperRow.dated_on) <= shelf.until)
    if wanted and probe:
        return query.where(exists().where(col(PaperRow.id) == one, *wanted))
    return query.where(*wanted)
