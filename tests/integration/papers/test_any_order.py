"""Merging through the store, in any order: what is connected is one paper, with all it had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from digest.model import Alias, Entry, PaperId
from digest.store.engine import Store
from digest.store.papers import get_paper, paper_aliases, paper_windows
from digest.store.tables import AliasRow, ListingRow, MergedPaperRow, PaperRow, ScoreRow
from tests.support.ledger_world import open_store
from tests.support.paper_world import T0, poll

DOIS = st.sets(st.sampled_from(["10.1000/a", "10.1000/b", "10.1000/c", "10.1000/d"]), max_size=3)
PMIDS = st.sampled_from(["", "pmid:1", "pmid:2"])
NAMED = st.builds(lambda dois, pmid: frozenset({*dois, *filter(None, [pmid])}), DOIS, PMIDS)

Component = tuple[frozenset[str], frozenset[str]]
"""The identifiers of one paper, and the feeds that list it."""


def connected(named: Sequence[frozenset[str]]) -> set[Component]:
    """Join what shares an identifier: the plain way, without a store."""
    components: list[Component] = []
    for number, ids in enumerate(named):
        touched = [one for one in components if one[0] & ids]
        components = [one for one in components if one not in touched]
        components.append(
            (
                ids.union(*(one[0] for one in touched)),
                frozenset({f"f{number}"}).union(*(one[1] for one in touched)),
            )
        )
    return set(components)


def stored(store: Store) -> set[Component]:
    with store.read() as tx:
        papers = tx.exec(select(PaperRow.id)).all()
        found = set()
        for paper_id in papers:
            assert paper_id is not None
            aliases = tx.exec(select(AliasRow.alias).where(AliasRow.paper_id == paper_id)).all()
            ids = frozenset(alias.removeprefix("doi:") for alias in aliases)
            names = frozenset(name for name, _ in paper_windows(tx, PaperId(paper_id)))
            found.add((ids, names))
    return found


def ingested(store: Store, named: Sequence[frozenset[str]], order: Sequence[int]) -> None:
    """Poll one feed an entry, in this order, each with a score."""
    for step, number in enumerate(order):
        ids = tuple(sorted(named[number]))
        entry = Entry(title=f"Paper {number}", identifiers=ids, upvotes=number)
        poll(store, f"f{number}", entry, at=T0 + timedelta(hours=step))


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMED.filter(bool), max_size=7), st.randoms(use_true_random=False))
def test_what_identifiers_connect_is_one_paper_with_all_its_listings(
    named: list[frozenset[str]], random: Random
) -> None:
    order = list(range(len(named)))
    random.shuffle(order)

    with TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        ingested(store, named, order)
        found = stored(store)
        with store.read() as tx:
            listings = tx.exec(select(ListingRow)).all()
            scores = tx.exec(select(ScoreRow)).all()
            left = set(tx.exec(select(PaperRow.id)).all())
            became = {row.paper_id for row in tx.exec(select(MergedPaperRow)).all()}
            names = [paper.alias for paper in tx.exec(select(PaperRow)).all()]
            canonical = [get_paper(tx, Alias(name)) for name in names]
            first = [paper_aliases(tx, paper.id)[0] for paper in canonical if paper]
        store.close()

    assert found == connected(named)
    assert len(listings) == len(scores) == len(named)
    assert {row.paper_id for row in listings} == left
    assert became <= left
    assert first == names
