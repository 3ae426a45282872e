"""The best papers of many subscribers are those of each one alone."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.matching import fanout
from digest.matching.fanout import Best, Lists, Requests, best_papers
from digest.matching.hits import Hits
from digest.model import Alias, Paper, PaperId, QueryId

WIDTH = 150
PAPERS = tuple(
    Paper(
        id=PaperId(number),
        alias=Alias(f"arxiv:2602.{number:05}"),
        title="",
        abstract="",
        first_seen_at=datetime(2026, 2, 2, tzinfo=UTC),
    )
    for number in range(WIDTH)
)
QUERIES = range(5)
bit_sets = st.integers(0, (1 << WIDTH) - 1)
people = st.lists(
    st.tuples(
        st.lists(st.sampled_from(QUERIES), max_size=4),
        st.lists(st.sampled_from(QUERIES), max_size=2),
        st.lists(st.integers(0, WIDTH - 1), max_size=9),
        st.integers(0, 1),
        st.integers(0, 90),
    ),
    max_size=7,
)


def hits_of(table: list[int]) -> Hits:
    found = dict(enumerate(table))
    return Hits(papers=PAPERS, found=found, programs={QueryId(one): one for one in found})


def one_by_one(best: Best) -> list[list[int]]:
    return [
        best.places[number, :count].tolist() for number, count in enumerate(best.counts.tolist())
    ]


@settings(deadline=None)
@given(
    table=st.lists(bit_sets, min_size=5, max_size=5),
    masks=st.tuples(bit_sets, bit_sets),
    asked=people,
    chunk=st.sampled_from([2, 1 << 15]),
)
def test_everybody_gets_the_best_of_exactly_what_they_may_have(
    table: list[int],
    masks: tuple[int, int],
    asked: list[tuple[list[int], list[int], list[int], int, int]],
    chunk: int,
) -> None:
    requests = Requests(
        wanted=Lists.of(wanted for wanted, *_ in asked),
        muted=Lists.of(muted for _, muted, *_ in asked),
        sent=Lists.of(sent for _, _, sent, *_ in asked),
        masks=masks,
        mask_of=np.array([mask for *_, mask, _ in asked], dtype=np.int64),
        keep=np.array([keep for *_, keep in asked], dtype=np.int64),
    )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fanout, "_CHUNK", chunk)
        best = best_papers(hits_of(table), requests)

    allowed = [
        [
            place
            for place in range(WIDTH)
            if any(table[query] >> place & 1 for query in wanted)
            and not any(table[query] >> place & 1 for query in muted)
            and place not in sent
            and masks[mask] >> place & 1
        ]
        for wanted, muted, sent, mask, _ in asked
    ]
    assert one_by_one(best) == [
        places[:keep] for places, (*_, keep) in zip(allowed, asked, strict=True)
    ]
    assert best.totals.tolist() == [len(places) for places in allowed]


def test_a_query_that_was_not_matched_is_an_error_rather_than_no_match() -> None:
    requests = Requests(
        wanted=Lists.of([[99]]),
        muted=Lists.of([[]]),
        sent=Lists.of([[]]),
        masks=(-1,),
        mask_of=np.zeros(1, dtype=np.int64),
        keep=np.ones(1, dtype=np.int64),
    )

    with pytest.raises(KeyError):
        best_papers(hits_of([0]), requests)


def test_the_queries_that_want_a_paper_are_told_in_their_order() -> None:
    hits = hits_of([0b01, 0b11, 1 << 100])

    wanting = hits.wanting([0, 1, 100], [QueryId(2), QueryId(1), QueryId(0)])

    assert wanting == ((1, 0), (1,), (2,))
