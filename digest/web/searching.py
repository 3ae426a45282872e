"""Finding papers by words over the whole library, through the full-text index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlmodel import Session

from digest.matching.annotate import Annotator
from digest.matching.candidates import candidates
from digest.matching.evaluate import reasons_of
from digest.matching.fulltext import (
    STEPS,
    feed_label,
    labelled,
    month_label,
    step_below,
    tag_label,
    upvotes_label,
    year_label,
)
from digest.matching.query import Query
from digest.model import Match, Paper, PaperId
from digest.store.fulltext import any_stale
from digest.store.library import Count, IdPage, Order, Place, Shelf
from digest.store.papers import load_papers
from digest.store.searching import Span, count_found, dated_between, found_all, found_page
from digest.web.finding import Found, find_papers, place_of

FEW = 1_000
"""So many papers are gathered and sorted; more are walked in the order of the list."""

SIFTED = 300
"""So many candidates are read to count exactly where the index finds too much."""

_BATCH = 100
_READ_AT_MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    query: Query
    expression: str
    unsure: str
    exact: bool
    shelf: Shelf
    """The filters that labels do not hold exactly."""


class TextFinder:
    """Finds papers through the full-text index, and confirms each one that is shown.

    Args:
        annotator: As papers are read now.
    """

    def __init__(self, annotator: Annotator) -> None:
        self._annotator = annotator

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
        expression = candidates(query) if query is not None else None
        if query is None or expression is None or expression.expression is None:
            return find_papers(tx, query, shelf, order=order, after=after, limit=limit)
        asked = _Asked(
            query=query,
            expression=_narrowed(expression.expression, shelf),
            unsure=_narrowed(expression.unsure or expression.expression, shelf),
            exact=expression.exact,
            shelf=_residue(shelf),
        )
        count = count_found(tx, asked.expression, asked.shelf)
        if not asked.exact and not count.more and count.value <= SIFTED:
            found = self._sifted(tx, asked, order=order, after=after, limit=limit)
        else:
            wrong = 0 if asked.exact else self._wrong(tx, asked)
            page, matches = self._walk(
                tx,
                asked,
                order=order,
                after=after,
                limit=limit,
                few=not count.more and count.value <= FEW,
            )
            found = Found(
                matches=matches,
                count=_told(count, len(matches), wrong, is_all=after is None and page is None),
                after=page,
            )
        stale = any_stale(tx, self._annotator.fingerprint)
        return replace(found, is_partial=stale)

    def _sifted(
        self, tx: Session, asked: _Asked, *, order: Order, after: Place | None, limit: int
    ) -> Found:
        """Read every candidate: the count is exact though the index finds more."""
        papers = load_papers(tx, found_all(tx, asked.expression, asked.shelf)).values()
        matches = list(filter(None, (self._match(asked.query, paper) for paper in papers)))
        total = len(matches)
        if order is Order.UPVOTES:
            matches = [one for one in matches if one.paper.upvotes is not None]
        matches.sort(key=lambda one: _key(one.paper, order), reverse=True)
        if after is not None:
            bound = _bound(after, order)
            matches = [one for one in matches if _key(one.paper, order) < bound]
        shown = tuple(matches[:limit])
        return Found(
            matches=shown,
            count=Count(value=total),
            after=place_of(shown[-1].paper, order) if len(matches) > limit else None,
        )

    def _wrong(self, tx: Session, asked: _Asked) -> int | None:
        """Count what the index finds in vain; None where too many would have to be read."""
        found = count_found(tx, asked.unsure, asked.shelf)
        if found.more or found.value > SIFTED:
            return None
        papers = load_papers(tx, found_all(tx, asked.unsure, asked.shelf)).values()
        return sum(self._match(asked.query, paper) is None for paper in papers)

    def _walk(
        self,
        tx: Session,
        asked: _Asked,
        *,
        order: Order,
        after: Place | None,
        limit: int,
        few: bool,
    ) -> tuple[Place | None, tuple[Match, ...]]:
        """Read on until the page is full; what the index finds in vain is passed over."""
        matches: list[Match] = []
        read, place = 0, after
        while True:
            wanted = limit - len(matches) if asked.exact else _BATCH
            page = self._page(tx, asked, order=order, after=place, limit=wanted, few=few)
            papers = load_papers(tx, page.ids)
            for one in page.ids:
                match = self._match(asked.query, papers[one]) if one in papers else None
                if match is not None:
                    matches.append(match)
                if len(matches) == limit and one != page.ids[-1]:
                    return place_of(papers[one], order), tuple(matches)
            read += len(page.ids)
            place = page.after
            if place is None or len(matches) == limit or read >= _READ_AT_MOST:
                return place, tuple(matches)

    def _page(
        self,
        tx: Session,
        asked: _Asked,
        *,
        order: Order,
        after: Place | None,
        limit: int,
        few: bool,
    ) -> IdPage:
        stretches: Iterable[tuple[Span | None, str]] = (
            [(None, asked.expression)] if few else _stretches(tx, asked.expression, order, after)
        )
        places: list[Place] = []
        for span, expression in stretches:
            places += found_page(
                tx,
                expression,
                asked.shelf,
                order=order,
                after=after,
                limit=limit + 1 - len(places),  # one more, to know whether a page follows
                span=span,
            )
            if len(places) > limit:
                break
        return IdPage(
            ids=tuple(PaperId(one.paper_id) for one in places[:limit]),
            after=places[limit - 1] if len(places) > limit else None,
        )

    def _match(self, query: Query, paper: Paper) -> Match | None:
        reasons = reasons_of(query, paper, self._annotator.synonyms)
        return Match(paper=paper, reasons=reasons) if reasons else None


def _told(count: Count, shown: int, wrong: int | None, *, is_all: bool) -> Count:
    """Say how many there are, once the page is known: all of them may stand on it."""
    if is_all and count.more:
        return Count(value=shown)
    value = max(count.value - (wrong or 0), shown if count.more else 0)
    return replace(count, value=value, at_most=wrong is None)


def _narrowed(expression: str, shelf: Shelf) -> str:
    choices = [[tag_label(shelf.tag)], [feed_label(shelf.feed)]]
    if shelf.since is not None and shelf.until is not None:
        choices.append(_span_labels(shelf.since, shelf.until))
    if shelf.min_upvotes:
        choices.append([upvotes_label(step_below(shelf.min_upvotes))])
    return labelled(expression, *choices)


def _residue(shelf: Shelf) -> Shelf:
    """Leave the filters that the labels do not hold exactly; whole months they do."""
    whole = shelf.since is not None and shelf.until is not None
    return Shelf(
        tag=shelf.tag,
        since=None if whole else shelf.since,
        until=None if whole else shelf.until,
        min_upvotes=0 if shelf.min_upvotes in STEPS else shelf.min_upvotes,
    )


def _span_labels(since: date, until: date) -> list[str]:
    """Label the months of a span, whole years by one label each."""
    labels = []
    year, month = since.year, since.month
    while (year, month) <= (until.year, until.month):
        if month == 1 and (year, 12) <= (until.year, until.month):
            labels.append(year_label(year))
            year += 1
        else:
            labels.append(month_label(year, month))
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return labels


def _stretches(
    tx: Session, expression: str, order: Order, after: Place | None
) -> Iterator[tuple[Span | None, str]]:
    """Cut a list into stretches in its order, each with the expression bounded to it."""
    if order is Order.UPVOTES:
        yield from _steps(expression, after)
        return
    days = dated_between(tx)
    if days is None:
        return
    first, last = days
    if after is not None:
        last = min(last, date.fromisoformat(after.value))
    months = 1
    while last >= first:
        # Twice as far each time: words of long ago are found in a few steps.
        start = max(_months_before(last, months - 1), first.replace(day=1))
        yield Span(first=start, last=last), labelled(expression, _span_labels(start, last))
        last = start - timedelta(days=1) if start > date.min else date.min
        months *= 2
        if start == date.min:
            return


def _steps(expression: str, after: Place | None) -> Iterator[tuple[Span | None, str]]:
    beyond: int | None = None
    for step in reversed(STEPS):
        if after is None or step <= int(after.value):
            without = upvotes_label(beyond) if beyond is not None else ""
            last = beyond - 1 if beyond is not None else 2**31 - 1
            yield (
                Span(first=step, last=last),
                labelled(expression, [upvotes_label(step)], without=without),
            )
        beyond = step


def _months_before(day: date, months: int) -> date:
    """Return the first day of the month so many months before."""
    count = max(day.year * 12 + day.month - 1 - months, 12)
    return date(count // 12, count % 12 + 1, 1)


def _key(paper: Paper, order: Order) -> tuple[int, int]:
    if order is Order.UPVOTES:
        return paper.upvotes or 0, paper.id
    return (paper.published_on or paper.first_seen_at.date()).toordinal(), paper.id


def _bound(after: Place, order: Order) -> tuple[int, int]:
    if order is Order.UPVOTES:
        return int(after.value), after.paper_id
    return date.fromisoformat(after.value).toordinal(), after.paper_id
