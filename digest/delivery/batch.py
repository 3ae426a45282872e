"""Reading what a batch of deliveries says, with as few statements as can be.

Papers, and why they are wanted, are the same for many readers: they are read once and
kept until a feed is polled again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from digest.digests.kept import Kept
from digest.matching.reasons import Asked, ReasonFinder
from digest.model import (
    Delivery,
    DeliveryId,
    Digest,
    InterestKind,
    Match,
    Paper,
    PaperId,
    PlannedPaper,
    QueryId,
    Subscriber,
)
from digest.store import ledger
from digest.store.batches import PollMarks, merges_among, poll_marks
from digest.store.interests import queries_by_ids
from digest.store.papers import load_papers
from digest.store.subscribers import subscribers_by_ids

_KEPT_PAPERS = 4_096
_MATCH_SIZE = 300
_KEPT_MATCHES = 32_000_000

GONE = "its subscriber is no longer there"
"""What is said of a delivery whose subscriber's row was deleted since it was claimed."""

Wanted = Mapping[QueryId, Asked]
"""Interests by their query, as their owner wrote them."""


@dataclass(frozen=True, slots=True)
class ReadDelivery:
    """A delivery as it reads now.

    `positions` say which paper of the delivery each match is: those that a merge gave
    to another delivery are left out, and two that became one stand once.
    """

    digest: Digest
    positions: Sequence[int]


class Matches:
    """Makes matches: the same paper and interests give the same object, while it is kept.

    Args:
        finder: Finds why a paper is wanted.
    """

    def __init__(self, finder: ReasonFinder) -> None:
        self._finder = finder
        self._kept: Kept[tuple[object, ...], Match] = Kept(_KEPT_MATCHES)

    def matches(
        self, papers: Mapping[PaperId, Paper], planned: Iterable[PlannedPaper], wanted: Wanted
    ) -> tuple[Match, ...]:
        """Return the matches of papers that queries want, and that read as before."""
        matches: list[Match] = []
        get = self._kept.get
        for each in planned:
            ids = each.query_ids
            key: tuple[object, ...]
            if len(ids) == 1 and ids[0] in wanted:  # as most are
                key = (each.paper_id, ids[0], wanted[ids[0]][1])
            else:
                # Texts alone do not say whose they are where the row of a query is gone.
                key = (each.paper_id, *[(one, wanted[one][1]) for one in ids if one in wanted])
            match = get(key) or self._kept.again(key)
            if match is None:
                asked = [wanted[one] for one in ids if one in wanted]
                paper = papers[each.paper_id]
                match = Match(paper=paper, reasons=self._finder.reasons(paper, asked))
                self._kept.keep(key, match, _MATCH_SIZE)
            matches.append(match)
        return tuple(matches)

    def clear(self) -> None:
        """Forget all, since papers may read otherwise now."""
        self._kept.clear()


class BatchReader:
    """Reads batches of deliveries.

    Args:
        finder: Finds why a paper is wanted.
    """

    def __init__(self, finder: ReasonFinder) -> None:
        self._matches = Matches(finder)
        self._marks: PollMarks | None = None
        self._papers: dict[PaperId, Paper] = {}

    def read(
        self, tx: Session, deliveries: Sequence[Delivery]
    ) -> dict[DeliveryId, ReadDelivery | str]:
        """Read deliveries; of one that says nothing any more, return why.

        Four statements; a few more for papers that are new here, one for interests that
        are gone, and one for each delivery that a merge concerns.
        """
        read: dict[DeliveryId, ReadDelivery | str] = {}
        subscribers = subscribers_by_ids(tx, sorted({one.subscriber_id for one in deliveries}))
        if any(one.subscriber_id not in subscribers for one in deliveries):
            read = {one.id: GONE for one in deliveries if one.subscriber_id not in subscribers}
            deliveries = [one for one in deliveries if one.subscriber_id in subscribers]
        planned = {each.paper_id for one in deliveries for each in one.papers}
        merges = merges_among(tx, planned)
        self._read_papers(tx, {merges.get(one, one) for one in planned})
        touched = merges.keys() | merges.values()
        wanted_by = _with_gone(
            tx, deliveries, [wanted_by_query(subscribers[one.subscriber_id]) for one in deliveries]
        )
        for one, wanted in zip(deliveries, wanted_by, strict=True):
            left = one.papers
            positions: Sequence[int] = range(len(left))
            if touched and not touched.isdisjoint(each.paper_id for each in left):
                left, positions = _left_by_merges(tx, one, merges)
            matches = self._matches.matches(self._papers, left, wanted)
            if matches:
                digest = digest_of(one, subscribers[one.subscriber_id], matches)
                read[one.id] = ReadDelivery(digest, positions)
            else:
                read[one.id] = "none of its papers is left"
        return read

    def _read_papers(self, tx: Session, ids: Collection[PaperId]) -> None:
        marks = poll_marks(tx)
        if marks != self._marks or len(self._papers) > _KEPT_PAPERS:
            self._papers.clear()
            self._matches.clear()
            self._marks = marks
        missing = [one for one in ids if one not in self._papers]
        if missing:
            self._papers.update(load_papers(tx, missing))


def wanted_by_query(subscriber: Subscriber) -> dict[QueryId, Asked]:
    """Return what a subscriber saved, by its query."""
    return {one.query_id: (one.kind, one.text) for one in subscriber.interests}


def digest_of(delivery: Delivery, subscriber: Subscriber, matches: tuple[Match, ...]) -> Digest:
    """Return the digest of a delivery whose papers and reasons were found."""
    return Digest(
        subscriber=subscriber,
        period=delivery.period,
        scheduled_at=delivery.scheduled_at,
        matches=matches,
        left_over=delivery.left_over,
        carried=delivery.carried,
        notices=delivery.notices,
    )


def _with_gone(
    tx: Session, deliveries: Sequence[Delivery], saved: Sequence[dict[QueryId, Asked]]
) -> Sequence[Wanted]:
    """Add to what is saved the queries of each delivery whose interest is gone since."""
    gone = [
        {each for paper in one.papers for each in paper.query_ids} - wanted.keys()
        for one, wanted in zip(deliveries, saved, strict=True)
    ]
    if any(gone):
        canonicals = queries_by_ids(tx, sorted(set().union(*gone)))
        for wanted, ids in zip(saved, gone, strict=True):
            wanted.update(
                (each, (InterestKind.KEYWORD, canonicals[each])) for each in ids & canonicals.keys()
            )
    return saved


def _left_by_merges(
    tx: Session, delivery: Delivery, merges: Mapping[PaperId, PaperId]
) -> tuple[tuple[PlannedPaper, ...], Sequence[int]]:
    """Return the papers that a delivery still holds by the ids they have now, and where."""
    held = {paper_id for _, paper_id in ledger.held_papers(tx, [delivery])}
    left: dict[PaperId, tuple[int, dict[QueryId, None]]] = {}
    for position, each in enumerate(delivery.papers):
        paper_id = merges.get(each.paper_id, each.paper_id)
        if paper_id in held:
            _, ids = left.setdefault(paper_id, (position, {}))
            ids.update(dict.fromkeys(each.query_ids))
    papers = tuple(
        PlannedPaper(paper_id=paper_id, query_ids=tuple(ids)) for paper_id, (_, ids) in left.items()
    )
    return papers, [position for position, _ in left.values()]
