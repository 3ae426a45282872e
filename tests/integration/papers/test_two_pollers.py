"""Two processes that poll at the same time: the same papers are stored once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlmodel import select

from digest.model import Alias, Entry
from digest.store.engine import Store
from digest.store.papers import count_papers, get_paper, open_papers, paper_windows
from digest.store.tables import AliasRow, ListingRow
from tests.support.paper_world import T0, arxiv_entry, poll, started

ROUNDS = 15
LATER = T0 + timedelta(hours=1)


def at_once(*works: Callable[[], object]) -> None:
    """Begin all at the same moment, each in a thread; raise what any of them raises."""
    begin = Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        begin.wait()
        work()

    with ThreadPoolExecutor(len(works)) as threads:
        for done in [threads.submit(run, work) for work in works]:
            done.result()


def papers_of(round_: int) -> list[Entry]:
    return [arxiv_entry(10 * round_ + number) for number in range(10)]


def test_new_papers_on_two_feeds_at_once_are_stored_once_and_listed_twice(store: Store) -> None:
    started(store, "a", "b")

    for round_ in range(ROUNDS):
        new = papers_of(round_)
        at_once(
            lambda new=new: poll(store, "a", *new, at=LATER),  # type: ignore[misc]
            lambda new=new: poll(store, "b", *reversed(new), at=LATER),  # type: ignore[misc]
        )

    with store.read() as tx:
        assert count_papers(tx) == 10 * ROUNDS
        assert len(open_papers(tx, LATER, eligibility_days=14)) == 10 * ROUNDS
        assert len(tx.exec(select(ListingRow)).all()) == 2 * 10 * ROUNDS
        paper = get_paper(tx, Alias("arxiv:2602.00007"))
        assert paper is not None
        assert {name for name, _ in paper_windows(tx, paper.id)} == {"a", "b"}


def test_one_feed_polled_by_two_at_once_brings_its_papers_once(store: Store) -> None:
    started(store, "a")

    for round_ in range(ROUNDS):
        new = papers_of(round_)
        at_once(*[lambda new=new: poll(store, "a", *new, at=LATER)] * 2)

    with store.read() as tx:
        assert count_papers(tx) == 10 * ROUNDS
        assert len(tx.exec(select(ListingRow)).all()) == 10 * ROUNDS


def test_two_at_once_that_each_connect_the_same_two_papers_merge_them_once(store: Store) -> None:
    started(store, "a", "b", "c", "d")

    for number in range(ROUNDS):
        doi = f"10.1000/x{number}"
        poll(store, "a", arxiv_entry(number), at=LATER)
        poll(store, "b", Entry(title=f"Of a journal {number}", identifiers=(doi,)), at=LATER)
        both = arxiv_entry(number, identifiers=(doi,))
        at_once(
            lambda both=both: poll(store, "c", both, at=LATER),  # type: ignore[misc]
            lambda both=both: poll(store, "d", both, at=LATER),  # type: ignore[misc]
        )

    with store.read() as tx:
        assert count_papers(tx) == ROUNDS
        assert len(tx.exec(select(ListingRow)).all()) == 4 * ROUNDS
        assert tx.exec(select(AliasRow).where(AliasRow.paper_id == None)).all() == []  # noqa: E711
