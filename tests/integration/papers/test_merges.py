from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from digest.model import Alias, DeliveryState, Entry, PaperId, SubscriberId
from digest.store.engine import Store
from digest.store.papers import (
    count_papers,
    get_paper,
    get_papers,
    open_papers,
    paper_aliases,
    paper_windows,
)
from digest.store.tables import DeliveryPaperRow, DeliveryRow, ListingRow
from tests.support.ledger_world import MONDAY, add_subscribers, plan, prepare
from tests.support.paper_world import arxiv_entry, poll, started

DAY = timedelta(days=1)
PREPRINT = PaperId(1)
JOURNAL = PaperId(2)

JOURNAL_ENTRY = Entry(
    title="The same under another name",
    source_id="10.1000/x",
    url="https://journal.example.org/x",
    tags=("Robots", "cs.LG"),
    upvotes=3,
)
CONNECTING = arxiv_entry(1, identifiers=("doi:10.1000/x",))


def two_papers(store: Store) -> None:
    """A preprint and its journal version, not known to be one."""
    started(store, "arxiv", "journal", "both", at=MONDAY - 5 * DAY)
    poll(store, "arxiv", arxiv_entry(1), at=MONDAY - 4 * DAY)
    poll(store, "journal", JOURNAL_ENTRY, at=MONDAY - 3 * DAY)


def connect(store: Store) -> None:
    poll(store, "both", CONNECTING, at=MONDAY + DAY)


def set_state(store: Store, delivery_id: int, state: DeliveryState) -> None:
    with store.write() as tx:
        row = tx.get(DeliveryRow, delivery_id)
        assert row is not None
        row.state = state.value


def memory(store: Store) -> list[tuple[int, int, int]]:
    with store.read() as tx:
        rows = tx.exec(select(DeliveryPaperRow)).all()
    return sorted((row.subscriber_id, row.paper_id, row.delivery_id) for row in rows)


def test_everything_follows_to_the_paper_that_is_left(store: Store) -> None:
    two_papers(store)

    connect(store)

    with store.read() as tx:
        assert count_papers(tx) == 1
        paper = get_paper(tx, Alias("doi:10.1000/x"))
        assert paper is not None
        assert (paper.id, paper.alias) == (PREPRINT, "arxiv:2602.00001")
        assert paper.tags == ("cs.LG", "Robots")
        assert paper.feeds == ("arxiv", "journal", "both")
        assert paper.upvotes == 3
        assert [link.url for link in paper.links] == ["https://journal.example.org/x"]
        assert {"arxiv:2602.00001", "doi:10.1000/x"} <= set(paper_aliases(tx, PREPRINT))
        assert len(tx.exec(select(ListingRow).where(ListingRow.paper_id == PREPRINT)).all()) == 3
        assert [name for name, _ in paper_windows(tx, PREPRINT)] == ["arxiv", "journal", "both"]
        assert len(open_papers(tx, MONDAY + DAY, eligibility_days=14)) == 1


def test_an_id_that_was_merged_away_still_gives_its_paper(store: Store) -> None:
    two_papers(store)
    connect(store)

    with store.read() as tx:
        papers = get_papers(tx, [PREPRINT, JOURNAL, PaperId(99)])

    assert {asked: paper.id for asked, paper in papers.items()} == {
        PREPRINT: PREPRINT,
        JOURNAL: PREPRINT,
    }


def test_an_id_merged_twice_gives_the_paper_that_is_left(store: Store) -> None:
    started(store, "a", "b", at=MONDAY - 5 * DAY)
    poll(store, "a", Entry(title="First", source_id="pmid:1"), at=MONDAY - 4 * DAY)
    poll(store, "a", Entry(title="Second", source_id="10.1000/x"), at=MONDAY - 3 * DAY)
    poll(store, "a", arxiv_entry(1), at=MONDAY - 2 * DAY)
    poll(store, "b", CONNECTING, at=MONDAY - DAY)
    poll(
        store,
        "b",
        Entry(title="x", identifiers=("10.1000/x", "pubmed:1"), source_id="1"),
        at=MONDAY,
    )

    with store.read() as tx:
        papers = get_papers(tx, [PaperId(1), PaperId(2), PaperId(3)])

    assert {asked: paper.id for asked, paper in papers.items()} == {1: 1, 2: 1, 3: 1}


def test_the_id_of_a_merged_paper_is_never_given_again(store: Store) -> None:
    two_papers(store)
    connect(store)

    poll(store, "arxiv", arxiv_entry(2), at=MONDAY + 2 * DAY)

    with store.read() as tx:
        fresh = get_paper(tx, Alias("arxiv:2602.00002"))
    assert fresh is not None
    assert fresh.id == 3


def test_what_was_sent_follows_to_the_paper_that_is_left(store: Store) -> None:
    two_papers(store)
    ada, bo = add_subscribers(store, 2)
    (first,) = prepare(store, plan(ada, [JOURNAL]))
    (second,) = prepare(store, plan(bo, [PREPRINT]))

    connect(store)

    assert memory(store) == [(ada, PREPRINT, first), (bo, PREPRINT, second)]


@pytest.mark.parametrize("sent", ["preprint", "journal", "both", "neither"])
def test_whoever_was_sent_both_keeps_the_row_of_what_was_handed_off(
    store: Store, sent: str
) -> None:
    two_papers(store)
    (ada,) = add_subscribers(store, 1)
    (first,) = prepare(store, plan(ada, [PREPRINT]))
    (second,) = prepare(store, plan(ada, [JOURNAL], period="2026-02-03"))
    if sent in {"preprint", "both"}:
        set_state(store, first, DeliveryState.SENT)
    if sent in {"journal", "both"}:
        set_state(store, second, DeliveryState.UNKNOWN)

    connect(store)

    kept = second if sent == "journal" else first
    assert memory(store) == [(SubscriberId(ada), PREPRINT, kept)]
