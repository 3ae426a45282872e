from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from digest.digests.compose import (
    MAX_REST,
    PaperMasks,
    compose,
    queries_of,
    select,
)
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
)
from tests.support.digests import make_interest, make_paper, make_subscriber

SCHEDULED = datetime(2026, 2, 3, 7, tzinfo=UTC)
CLOSES = datetime(2026, 2, 4, 7, tzinfo=UTC)
CONSENT = datetime(2026, 1, 1, tzinfo=UTC)
OPENED = datetime(2026, 2, 1, tzinfo=UTC)


def hits_of(papers: Sequence[Paper], table: dict[int, int]) -> Hits:
    """Hits as a table of query id to bit set."""
    return Hits(papers=papers, found=table, programs={QueryId(one): one for one in table})


def papers_with(*upvotes: int | None) -> list[Paper]:
    return [make_paper(100 + rank, upvotes=count) for rank, count in enumerate(upvotes)]


def plan(
    papers: Sequence[Paper],
    table: dict[int, int],
    subscriber: Subscriber,
    *,
    opened_at: Sequence[datetime] | None = None,
    sent: Sequence[int] = (),
) -> DeliveryPlan:
    (selection,) = select(
        hits_of(papers, table),
        PaperMasks(papers, opened_at or [OPENED] * len(papers)),
        [subscriber],
        {subscriber.id: [PaperId(number) for number in sent]},
    )
    return compose(
        papers,
        selection,
        subscriber.id,
        period=Period("2026-02-03"),
        scheduled_at=SCHEDULED,
        closes_at=CLOSES,
    )


def test_best_papers_are_chosen_and_the_rest_counted() -> None:
    papers = papers_with(9, 8, 7, 6, 5)
    subscriber = make_subscriber(interests=(make_interest("a", 1),), max_papers=2)

    decided = plan(papers, {1: 0b11111}, subscriber)

    assert [planned.paper_id for planned in decided.papers] == [100, 101]
    assert decided.rest == (102, 103, 104)
    assert decided.left_over == 3
    assert decided.carried == 2
    assert decided.skip_reason == ""
    assert decided.closes_at == CLOSES


def test_each_paper_keeps_the_queries_that_wanted_it() -> None:
    papers = papers_with(9, 8)
    subscriber = make_subscriber(
        interests=(make_interest("a", 1), make_interest("b", 2), make_interest("again", 1))
    )

    decided = plan(papers, {1: 0b11, 2: 0b10}, subscriber)

    assert decided.papers == (
        PlannedPaper(paper_id=PaperId(100), query_ids=(QueryId(1),)),
        PlannedPaper(paper_id=PaperId(101), query_ids=(QueryId(1), QueryId(2))),
    )


def test_muted_sent_and_unpopular_papers_are_left_out() -> None:
    papers = papers_with(9, 8, 7, 6, None)
    subscriber = make_subscriber(
        interests=(make_interest("a", 1), make_interest("b", 2, InterestKind.MUTED)),
        min_upvotes=7,
    )

    decided = plan(papers, {1: 0b11111, 2: 0b00001}, subscriber, sent=[101, 999])

    assert [planned.paper_id for planned in decided.papers] == [102]
    assert decided.left_over == 0


def test_unknown_upvotes_count_as_zero() -> None:
    papers = papers_with(None)
    interests = (make_interest("a", 1),)

    unasked = plan(papers, {1: 1}, make_subscriber(interests=interests, min_upvotes=0))
    asked = plan(papers, {1: 1}, make_subscriber(interests=interests, min_upvotes=1))

    assert len(unasked.papers) == 1
    assert asked.skip_reason == NOTHING_NEW


def test_only_windows_that_opened_after_the_consent_count() -> None:
    papers = papers_with(9, 8, 7)
    subscriber = make_subscriber(interests=(make_interest("a", 1),), consented_at=OPENED)
    opened = [
        datetime(2026, 1, 31, tzinfo=UTC),
        OPENED,
        datetime(2026, 2, 1, 0, 0, 1, tzinfo=UTC),
    ]

    decided = plan(papers, {1: 0b111}, subscriber, opened_at=opened)

    assert [planned.paper_id for planned in decided.papers] == [102]


def test_nobody_without_consent_is_sent_anything() -> None:
    papers = papers_with(9)
    subscriber = make_subscriber(interests=(make_interest("a", 1),), consented_at=None)

    decided = plan(papers, {1: 1}, subscriber)

    assert decided.papers == ()
    assert decided.skip_reason == "nothing new"


def test_welcome_masks_let_every_paper_in() -> None:
    papers = papers_with(9, 8)

    assert PaperMasks(papers).opened_after(CONSENT) == 0b11


def test_rest_is_bounded_and_left_over_counts_all() -> None:
    papers = papers_with(*range(400, 0, -1))
    subscriber = make_subscriber(interests=(make_interest("a", 1),), max_papers=20)

    decided = plan(papers, {1: (1 << 400) - 1}, subscriber)

    assert len(decided.rest) == MAX_REST
    assert decided.left_over == 380
    assert decided.carried == 20


def test_queries_are_parted_into_wanted_and_muted_without_doubles() -> None:
    subscriber = make_subscriber(
        interests=(
            make_interest("cs.LG", 1, InterestKind.TAG),
            make_interest("a", 2),
            make_interest("survey", 3, InterestKind.MUTED),
            make_interest("A", 2),
        )
    )

    assert queries_of(subscriber) == ((1, 2), (3,))


@given(st.lists(st.one_of(st.none(), st.integers(0, 50)), max_size=30), st.integers(0, 51))
def test_upvote_mask_agrees_with_counting(upvotes: list[int | None], at_least: int) -> None:
    masks = PaperMasks(papers_with(*upvotes))

    found = masks.upvoted(at_least)

    assert [rank for rank in range(len(upvotes)) if found >> rank & 1] == [
        rank for rank, count in enumerate(upvotes) if (count or 0) >= at_least
    ]
