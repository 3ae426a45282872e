"""Finding papers in the library: filters by the store, words by the query language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlmodel import Session

from digest.errors import UsageError
from digest.matching.evaluate import reasons_of
from digest.matching.index import QueryIndex, best
from digest.matching.query import Query
from digest.model import Match, Paper, PaperId, QueryId
from digest.store.library import (
    MAX_COUNT,
    Count,
    Order,
    Place,
    Shelf,
    count_shelf,
    shelf_page,
)
from digest.store.papers import get_papers

LOOKS_THROUGH = 3_000
"""Without a full-text index, words are looked for in so many papers."""

MAX_NUMBER = 2**31 - 1
"""Ids and upvotes are no greater: a database may refuse to compare them with more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page of what was found, with the reasons where words were asked for.

    `looked_through` says in how many papers, where that was not all of them;
    `is_partial` that papers are still being read into the index.
    """

    matches: tuple[Match, ...]
    count: Count
    after: Place | None = None
    looked_through: int | None = None
    is_partial: bool = False


class Finder(Protocol):
    """Finds papers: by filters alone, or by a query too."""

    def __call__(
        self,
        tx: Session,
        query: Query | None,
        shelf: Shelf,
        *,
        order: Order,
        after: Place | None,
        limit: int,
    ) -> Found:
        """Return one page; `after` is where the page before ended."""
        ...


def find_papers(
    tx: Session,
    query: Query | None,
    shelf: Shelf,
    *,
    order: Order,
    after: Place | None,
    limit: int,
) -> Found:
    """Find papers without a full-text index: words in the newest papers of the shelf."""
    count = count_shelf(tx, shelf)
    narrow = not count.more
    if query is None:
        page = shelf_page(tx, shelf, order=order, after=after, limit=limit, narrow=narrow)
        papers = _in_order(tx, page.ids)
        return Found(
            matches=tuple(Match(paper=paper, reasons=()) for paper in papers),
            count=count,
            after=page.after,
        )
    page = shelf_page(tx, shelf, order=order, limit=LOOKS_THROUGH, narrow=narrow)
    hits = _hits(query, _in_order(tx, page.ids))
    rest = hits if after is None else _beyond(hits, after)
    shown = rest[:limit]
    return Found(
        matches=tuple(Match(paper=paper, reasons=reasons_of(query, paper)) for paper in shown),
        count=Count(value=min(len(hits), MAX_COUNT), more=False),
        after=place_of(shown[-1], order) if len(rest) > limit else None,
        looked_through=len(page.ids) if page.after else None,
    )


def write_place(place: Place) -> str:
    """Write where a page ended, for an address."""
    return f"{place.value}~{place.paper_id}"


def read_place(text: str, order: Order) -> Place:
    """Read what `write_place` wrote.

    Raises:
        UsageError: If it is not one of ours.
    """
    value, _, one = text.partition("~")
    place_ok = _is_number(one)
    if order is Order.UPVOTES:
        value_ok = _is_number(value)
    else:
        parts = value.split("-")
        value_ok = (
            [len(part) for part in parts] == [4, 2, 2]
            and all(part.isascii() and part.isdigit() for part in parts)
            and _is_day(value)
        )
    if not (place_ok and value_ok):
        raise UsageError("after: is not where a page of this list ended")
    return Place(value=value, paper_id=int(one))


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 19 and int(value) <= MAX_NUMBER


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _hits(query: Query, papers: list[Paper]) -> list[Paper]:
    index = QueryIndex()
    only = QueryId(0)
    index.add(only, query)
    bits = index.match(papers).bits(only)
    return [papers[position] for position in best(bits, bits.bit_count())]


def _beyond(hits: list[Paper], after: Place) -> list[Paper]:
    for position, paper in enumerate(hits):
        if paper.id == after.paper_id:
            return hits[position + 1 :]
    return []


def place_of(paper: Paper, order: Order) -> Place:
    """Return where a page ends that ends with this paper."""
    day = paper.published_on or paper.first_seen_at.date()
    value = str(paper.upvotes or 0) if order is Order.UPVOTES else day.isoformat()
    return Place(value=value, paper_id=paper.id)


def _in_order(tx: Session, ids: tuple[PaperId, ...]) -> list[Paper]:
    papers = get_papers(tx, ids)
    return [papers[one] for one in ids if one in papers]
