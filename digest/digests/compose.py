"""Choose what one subscriber is sent, with integer bit sets.

Papers stand best first, and bit n is the paper of rank n: wanted, muted, eligible and
sent are one Python integer each, and the lowest set bits are the best papers. The
masks that are the same for many subscribers are made once a run.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from digest.model import (
    NOTHING_NEW,
    DeliveryPlan,
    InterestKind,
    Paper,
    PaperId,
    Period,
    PlannedPaper,
    QueryId,
    Subscriber,
)

MAX_REST = 200


class PaperHits(Protocol):
    """What composing needs of `matching.index.Hits`."""

    @property
    def papers(self) -> Sequence[Paper]:
        """The papers, best first."""
        ...

    def bits(self, query_id: QueryId) -> int:
        """Return the papers that a query matches."""
        ...

    def union(self, query_ids: Iterable[QueryId]) -> int:
        """Return the papers that any of the queries matches."""
        ...


class PaperMasks:
    """Bit sets over a run's papers that do not depend on what anybody wants.

    Args:
        papers: Best first, as given to the index.
        opened_at: For each paper when its newest still open window opened, or None to
            let every paper count as open (a welcome digest looks back).
    """

    def __init__(
        self, papers: Sequence[Paper], opened_at: Sequence[datetime] | None = None
    ) -> None:
        self._position = {paper.id: rank for rank, paper in enumerate(papers)}
        self._everything = (1 << len(papers)) - 1
        self._opened: list[datetime] | None = None
        if opened_at is not None:
            order = sorted(range(len(papers)), key=lambda rank: opened_at[rank])
            self._opened = [opened_at[rank] for rank in order]
            self._masks = _suffix_masks(order)
        by_upvotes = sorted(range(len(papers)), key=lambda rank: papers[rank].upvotes or 0)
        self._upvotes = [papers[rank].upvotes or 0 for rank in by_upvotes]
        self._upvote_masks = _suffix_masks(by_upvotes)

    def opened_after(self, instant: datetime) -> int:
        """Return the papers with a window that opened after `instant`."""
        if self._opened is None:
            return self._everything
        return self._masks[bisect_right(self._opened, instant)]

    def upvoted(self, at_least: int) -> int:
        """Return the papers with that many upvotes; an unknown count is 0."""
        return self._upvote_masks[bisect_right(self._upvotes, at_least - 1)]

    def of(self, paper_ids: Iterable[PaperId]) -> int:
        """Return these papers as a bit set; ids that are not of this run do not count."""
        bits = 0
        for paper_id in paper_ids:
            rank = self._position.get(paper_id)
            if rank is not None:
                bits |= 1 << rank
        return bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Ranks of the papers chosen and of the best of the rest.

    `left_over` counts all that found no room, `carried` the first of `rest` that may
    come next time.
    """

    chosen: tuple[int, ...]
    rest: tuple[int, ...]
    carried: int
    left_over: int


def select(
    hits: PaperHits,
    *,
    wanted: Iterable[QueryId],
    muted: Iterable[QueryId],
    eligible: int,
    sent: int,
    popular: int,
    max_papers: int,
) -> Selection:
    """Pick the best `max_papers` of what is wanted, eligible and not yet sent.

    Args:
        hits: What the queries match.
        wanted: Queries of the interests.
        muted: Queries whose papers are left out.
        eligible: Bit set of the papers eligible for this subscriber.
        sent: Bit set of what this subscriber was sent.
        popular: Bit set of the papers with enough upvotes.
        max_papers: At least 1.
    """
    candidates = hits.union(wanted) & ~hits.union(muted) & eligible & ~sent & popular
    best = _lowest_bits(candidates, max_papers + MAX_REST)
    chosen, rest = best[:max_papers], best[max_papers:]
    return Selection(
        chosen=chosen,
        rest=rest,
        carried=min(max_papers, len(rest)),
        left_over=candidates.bit_count() - len(chosen),
    )


def compose(
    hits: PaperHits,
    masks: PaperMasks,
    subscriber: Subscriber,
    *,
    sent: Iterable[PaperId],
    period: Period,
    scheduled_at: datetime,
    closes_at: datetime,
    notices: tuple[str, ...] = (),
) -> DeliveryPlan:
    """Decide one owed period of one subscriber.

    Args:
        hits: What the queries match among the run's papers.
        masks: Of the same papers, in the same order.
        subscriber: With their interests; someone without consent is owed nothing.
        sent: Papers already in a digest of theirs.
        period: The owed period.
        scheduled_at: When it began.
        closes_at: When it ends.
        notices: Plain sentences that explain a thin day.
    """
    wanted, muted = queries_of(subscriber)
    consented_at = subscriber.consented_at
    selection = select(
        hits,
        wanted=wanted,
        muted=muted,
        eligible=masks.opened_after(consented_at) if consented_at is not None else 0,
        sent=masks.of(sent),
        popular=masks.upvoted(subscriber.min_upvotes) if subscriber.min_upvotes > 0 else -1,
        max_papers=subscriber.max_papers,
    )
    return DeliveryPlan(
        subscriber_id=subscriber.id,
        period=period,
        scheduled_at=scheduled_at,
        closes_at=closes_at,
        papers=tuple(_planned(hits, rank, wanted) for rank in selection.chosen),
        rest=tuple(hits.papers[rank].id for rank in selection.rest),
        carried=selection.carried,
        left_over=selection.left_over,
        notices=notices,
        skip_reason="" if selection.chosen else NOTHING_NEW,
    )


def queries_of(subscriber: Subscriber) -> tuple[tuple[QueryId, ...], tuple[QueryId, ...]]:
    """Return the ids of the queries a subscriber wants, and of those they muted."""
    wanted = dict.fromkeys(
        interest.query_id
        for interest in subscriber.interests
        if interest.kind is not InterestKind.MUTED
    )
    muted = dict.fromkeys(
        interest.query_id
        for interest in subscriber.interests
        if interest.kind is InterestKind.MUTED
    )
    return tuple(wanted), tuple(muted)


def _planned(hits: PaperHits, rank: int, wanted: tuple[QueryId, ...]) -> PlannedPaper:
    return PlannedPaper(
        paper_id=hits.papers[rank].id,
        query_ids=tuple(query_id for query_id in wanted if hits.bits(query_id) >> rank & 1),
    )


def _lowest_bits(bits: int, count: int) -> tuple[int, ...]:
    found: list[int] = []
    while bits and len(found) < count:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return tuple(found)


def _suffix_masks(order: Sequence[int]) -> list[int]:
    """Return, for each n, the bit set of `order[n:]`."""
    masks = [0] * (len(order) + 1)
    for index in range(len(order) - 1, -1, -1):
        masks[index] = masks[index + 1] | 1 << order[index]
    return masks
