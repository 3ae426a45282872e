"""Choose what subscribers are sent, many at a time, with bit sets.

Papers stand best first, and bit n is the paper of rank n. The masks that are the same
for many subscribers are made once a run; `matching.fanout` chooses for a whole shard in
a few array steps, and for one subscriber by the same code.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from digest.matching.fanout import Lists, Requests, best_papers
from digest.matching.hits import Hits
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
    SubscriberId,
)

MAX_REST = 200


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
        self._rank = {paper.id: rank for rank, paper in enumerate(papers)}
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

    def allowed(self, subscriber: Subscriber) -> int:
        """Return the papers that a subscriber may be given: none before their consent."""
        if subscriber.consented_at is None:
            return 0
        return self.opened_after(subscriber.consented_at) & self.upvoted(subscriber.min_upvotes)

    def ranks_of(self, paper_ids: Iterable[PaperId]) -> list[int]:
        """Return where these papers stand; ids that are not of this run do not count."""
        ranks = map(self._rank.get, paper_ids)
        return [rank for rank in ranks if rank is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Ranks of the papers chosen and of the best of the rest.

    `wanted_by` are the queries that want each chosen paper. `left_over` counts all that
    found no room, `carried` the first of `rest` that may come next time.
    """

    chosen: tuple[int, ...]
    wanted_by: tuple[tuple[QueryId, ...], ...]
    rest: tuple[int, ...]
    carried: int
    left_over: int


def select(
    hits: Hits,
    masks: PaperMasks,
    subscribers: Sequence[Subscriber],
    sent: Mapping[SubscriberId, Iterable[PaperId]],
) -> list[Selection]:
    """Pick for each subscriber the best of what is wanted, eligible and not yet sent.

    Args:
        hits: What the queries match among the run's papers.
        masks: Of the same papers, in the same order.
        subscribers: With their interests; someone without consent is owed nothing.
        sent: Papers already in a digest of theirs.

    Raises:
        KeyError: If a query of theirs was not in the index when it was matched.
    """
    queries = [queries_of(subscriber) for subscriber in subscribers]
    distinct: dict[int, int] = {}
    mask_of = [
        distinct.setdefault(masks.allowed(subscriber), len(distinct)) for subscriber in subscribers
    ]
    best = best_papers(
        hits,
        Requests(
            wanted=Lists.of(wanted for wanted, _ in queries),
            muted=Lists.of(muted for _, muted in queries),
            sent=Lists.of(masks.ranks_of(sent.get(one.id, ())) for one in subscribers),
            masks=tuple(distinct),
            mask_of=np.array(mask_of, dtype=np.int64),
            keep=np.array([one.max_papers + MAX_REST for one in subscribers], dtype=np.int64),
        ),
    )
    return [
        _selection(
            hits,
            subscriber.max_papers,
            wanted,
            best.places[number, : best.counts[number]].tolist(),
            total=int(best.totals[number]),
        )
        for number, (subscriber, (wanted, _)) in enumerate(zip(subscribers, queries, strict=True))
    ]


def _selection(
    hits: Hits,
    max_papers: int,
    wanted: tuple[QueryId, ...],
    ranks: list[int],
    *,
    total: int,
) -> Selection:
    chosen, rest = tuple(ranks[:max_papers]), tuple(ranks[max_papers:])
    return Selection(
        chosen=chosen,
        wanted_by=hits.wanting(chosen, wanted),
        rest=rest,
        carried=min(max_papers, len(rest)),
        left_over=total - len(chosen),
    )


def compose(
    papers: Sequence[Paper],
    selection: Selection,
    subscriber_id: SubscriberId,
    *,
    period: Period,
    scheduled_at: datetime,
    closes_at: datetime,
    notices: tuple[str, ...] = (),
) -> DeliveryPlan:
    """Decide one owed period of one subscriber.

    Args:
        papers: The run's papers, best first.
        selection: What was picked for this subscriber among them.
        subscriber_id: Whose it is.
        period: The owed period.
        scheduled_at: When it began.
        closes_at: When it ends.
        notices: Plain sentences that explain a thin day.
    """
    return DeliveryPlan(
        subscriber_id=subscriber_id,
        period=period,
        scheduled_at=scheduled_at,
        closes_at=closes_at,
        papers=tuple(
            PlannedPaper(paper_id=papers[rank].id, query_ids=query_ids)
            for rank, query_ids in zip(selection.chosen, selection.wanted_by, strict=True)
        ),
        rest=tuple(papers[rank].id for rank in selection.rest),
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


def _suffix_masks(order: Sequence[int]) -> list[int]:
    """Return, for each n, the bit set of `order[n:]`."""
    masks = [0] * (len(order) + 1)
    for index in range(len(order) - 1, -1, -1):
        masks[index] = masks[index + 1] | 1 << order[index]
    return masks
