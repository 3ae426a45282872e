"""The papers of some days that an expression of the full-text index finds.

Ids rise as papers come, so that those of some days are nearly a stretch of ids: the index
counts them without a look at any paper. What breaks the stretch is named one by one.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Integer, Select, column, func, or_, select, table
from sqlalchemy import literal_column as literally
from sqlmodel import Session

from digest.model import PaperId
from digest.store.dialect import is_postgresql
from digest.store.fulltext import WORDS_TABLE, listed_between, matching_ids, seen_between
from digest.store.tables import ListingRow, PaperRow

_PAPER = PaperRow.metadata.tables["paper"]
_LISTING = ListingRow.metadata.tables["listing"]

Comparisons: TypeAlias = Sequence[tuple[str, int]]
_COMPARISONS = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "=": operator.eq,
}  # fmt: skip
_MOST_NAMED = 1_000
"""Papers named one by one at most; beyond, each paper found is looked at."""
_FEW = 500
"""So many papers are put in order at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSpan:
    """Papers first seen between two instants, or listed between their days.

    They are those from `from_id` to `to_id` without the `strays`, and the `others`. Where
    too many would have to be named, `even` is false, and only `from_id` bounds them.
    """

    since: datetime
    until: datetime
    from_id: int
    to_id: int
    strays: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    even: bool = True


def seen_span(tx: Session, since: datetime, until: datetime) -> SeenSpan:
    """Bound the papers of some days by their ids.

    In a library of years a common word stands on most papers; those of the last days are
    the last ones, which the full-text index can leap to.
    """
    id_ = _PAPER.c.id
    seen = select(id_).where(_PAPER.c.first_seen_at.between(since, until))
    row = tx.execute(
        select(func.min(id_), func.max(id_), func.count()).where(
            _PAPER.c.first_seen_at.between(since, until)
        )
    ).one()
    first, last, count = (row[0], row[1], row[2]) if row[2] else (1, 0, 0)
    known = _indexed_ids(tx)
    within = known.between(first, last)
    strays: list[int] = []
    if tx.execute(select(func.count()).where(within)).scalar_one() != count:
        strays = _some(tx, select(known).where(within, known.not_in(seen)))
    listed = select(_LISTING.c.paper_id).where(listed_between(since, until))
    outside = or_(_LISTING.c.paper_id < first, _LISTING.c.paper_id > last)
    if len(strays) <= _MOST_NAMED:
        outside = or_(outside, _LISTING.c.paper_id.in_(strays))
    named = select(id_).where(id_.in_(listed.where(outside)), _PAPER.c.first_seen_at <= until)
    others = _some(tx, named)
    return SeenSpan(
        since=since,
        until=until,
        from_id=first,
        to_id=last,
        strays=tuple(strays),
        others=tuple(others),
        even=max(len(strays), len(others)) <= _MOST_NAMED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWords:
    """What an expression finds: how many papers, and the best of them in their order."""

    total: int
    best: tuple[PaperId, ...]


def find_words(
    tx: Session,
    expression: str,
    span: SeenSpan,
    *,
    upvotes: Comparisons = (),
    settled: str | None = None,
    gap: Comparisons = (),
    limit: int | None = None,
    steps: Sequence[tuple[int, str]] = (),
) -> FoundWords:
    """Count the papers of some days that an expression finds, and give the best.

    The best come first, as `matching.rank` has it. `upvotes` are comparisons that their
    counts satisfy (`>=`, 20); an unknown count satisfies none. `settled` finds those of
    them that surely do: they are counted without a look at their counts; the counts of
    the others that do satisfy `gap` too. `steps` are ever fewer upvotes, each with the
    label of who has so many: the best are among those of the first step that has enough
    papers, and the others need not be put in order.
    """
    if settled is None:
        total = _count(tx, expression, span, upvotes)
    else:
        total = _count(tx, settled, span, ())
        total += _count(tx, f"({expression}) NOT ({settled})", span, (*upvotes, *gap))
    if not total or limit == 0:
        return FoundWords(total=total, best=())
    if limit is not None and total > _FEW:
        for step, label in steps:
            if not all(_possible(step, sign, than) for sign, than in upvotes):
                continue
            risen = f"({expression}) AND labels : {label}"
            left = [(sign, than) for sign, than in upvotes if not _reached(step, sign, than)]
            if _count(tx, risen, span, left) >= limit:
                expression, upvotes = risen, left
                break
    ordered = (
        select(_PAPER.c.id)
        .where(or_(*(_PAPER.c.id.in_(one) for one in _found(tx, expression, span, upvotes))))
        .order_by(
            func.coalesce(_PAPER.c.upvotes, 0).desc(),
            _PAPER.c.published_on.desc().nulls_last(),
            _PAPER.c.first_seen_at.desc(),
            _PAPER.c.id,
        )
        .limit(limit)
    )
    return FoundWords(total=total, best=tuple(map(PaperId, tx.execute(ordered).scalars())))


def found_ids(
    tx: Session, expression: str, span: SeenSpan, *, upvotes: Comparisons = ()
) -> list[PaperId]:
    """Return the papers of some days that an expression finds, in no order."""
    found = _found(tx, expression, span, upvotes)
    return [PaperId(one) for part in found for one in tx.execute(part).scalars()]


def _reached(step: int, sign: str, than: int) -> bool:
    """Tell whether so many upvotes, or more, always satisfy a comparison."""
    return sign in {">=", ">"} and _COMPARISONS[sign](step, than)


def _possible(step: int, sign: str, than: int) -> bool:
    """Tell whether so many upvotes, or more, can satisfy a comparison."""
    if sign == "=":
        return step <= than
    return sign in {">=", ">"} or _COMPARISONS[sign](step, than)


def _count(tx: Session, expression: str, span: SeenSpan, upvotes: Comparisons) -> int:
    found = _found(tx, expression, span, upvotes)
    counts = [part.with_only_columns(func.count()) for part in found]
    return sum(int(tx.execute(one).scalar_one()) for one in counts)


def _found(tx: Session, expression: str, span: SeenSpan, upvotes: Comparisons) -> list[Select[Any]]:
    """Choose the ids found: of the stretch, and of those named besides."""
    found = matching_ids(tx, expression)
    one = found.selected_columns[0]
    looked_up: ColumnElement[int] = literally(f"+{one.name}", Integer)  # never by this condition
    if upvotes:
        compared = (_COMPARISONS[sign](_PAPER.c.upvotes, count) for sign, count in upvotes)
        found = found.where(looked_up.in_(select(_PAPER.c.id).where(*compared)))
    if not span.even:
        seen = select(_PAPER.c.id).where(seen_between(span.since, span.until))
        return [found.where(looked_up.in_(seen))]
    stretch = found.where(one >= span.from_id, one <= span.to_id)
    if span.strays:
        stretch = stretch.where(looked_up.not_in(span.strays))
    if not span.others:
        return [stretch]
    named = found.where(
        one >= min(span.others), one <= max(span.others), looked_up.in_(span.others)
    )
    # A stray that was listed is one of the others.
    return [stretch, named]


def _indexed_ids(tx: Session) -> ColumnElement[int]:
    """Give the column of the papers that the index has, where it is narrow."""
    # FTS5 keeps the sizes of its rows in a table of their own
    # (https://www.sqlite.org/fts5.html#fts5_data_structures).
    name, key = (WORDS_TABLE, "paper_id") if is_postgresql(tx) else (f"{WORDS_TABLE}_docsize", "id")
    return table(name, column(key, Integer)).c[key]


def _some(tx: Session, ids: Select[Any]) -> list[int]:
    return list(tx.execute(ids.limit(_MOST_NAMED + 1)).scalars())
