from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlmodel import select

from digest.model import Alias, Announce, Entry, Link, Paper, PaperId
from digest.papers.ingest import IngestCounts
from digest.store.engine import Store
from digest.store.papers import (
    count_papers,
    get_paper,
    get_papers,
    open_papers,
    paper_aliases,
    paper_revisions,
    paper_windows,
    recent_papers,
)
from digest.store.tables import ListingRow
from tests.support.paper_world import T0, arxiv_entry, hf_entry, poll, poll_in, started

DAY = timedelta(days=1)
ONE = Alias("arxiv:2602.00001")


def find(store: Store, alias: str) -> Paper:
    with store.read() as tx:
        paper = get_paper(tx, Alias(alias))
    assert paper is not None
    return paper


def eligible(store: Store, at_day: int) -> list[str]:
    with store.read() as tx:
        found = open_papers(tx, T0 + at_day * DAY, eligibility_days=14)
    return [paper.alias for paper, _ in found]


def test_a_baseline_is_stored_and_recent_but_opens_no_window(store: Store) -> None:
    counts = poll(store, "arxiv", arxiv_entry(1), arxiv_entry(2), at=T0)

    assert counts == IngestCounts(entries=2, new_papers=2, first_listed=2, revised_papers=0)
    assert eligible(store, 0) == []
    with store.read() as tx:
        assert len(recent_papers(tx, T0 - DAY, T0)) == 2
        assert count_papers(tx) == 2


def test_an_empty_first_document_is_the_baseline_too(store: Store) -> None:
    poll(store, "arxiv", at=T0)

    poll(store, "arxiv", arxiv_entry(1), at=T0 + DAY)

    assert eligible(store, 1) == [ONE]


def test_a_paper_is_read_back_as_it_was_cleaned(store: Store) -> None:
    entry = replace(
        arxiv_entry(1, title="On $\\alpha$ &amp; more", abstract="It is p&lt;0.05."),
        tags=("cs.LG", "stat.ML"),
        links=(Link(label="PDF", url="https://arxiv.org/pdf/2602.00001"),),
        published_at=T0,
        comments=3,
        stars=10,
    )
    started(store, "arxiv")

    poll(store, "arxiv", entry, at=T0 + DAY)

    assert find(store, ONE) == Paper(
        id=PaperId(1),
        alias=ONE,
        title="On α & more",
        abstract="It is p<0.05.",
        authors=("Ada Byron", "Bo Chen"),
        venue="arXiv cs.LG",
        url="https://arxiv.org/abs/2602.00001",
        tags=("cs.LG", "stat.ML"),
        feeds=("arxiv",),
        links=(Link(label="PDF", url="https://arxiv.org/pdf/2602.00001"),),
        published_on=date(2026, 2, 1),
        version=1,
        first_seen_at=T0 + DAY,
        comments=3,
        stars=10,
    )


def test_a_baseline_paper_gets_its_chance_on_another_feed(store: Store) -> None:
    poll(store, "arxiv", arxiv_entry(1), at=T0)
    started(store, "hf")

    poll(store, "arxiv", arxiv_entry(1), at=T0 + DAY)
    before = eligible(store, 2)
    poll(store, "hf", hf_entry(1, upvotes=3), at=T0 + 2 * DAY)

    assert before == []
    assert eligible(store, 2) == [ONE]
    assert find(store, ONE).feeds == ("arxiv", "hf")


def test_a_window_closes_after_the_eligibility_days(store: Store) -> None:
    started(store, "arxiv")
    poll(store, "arxiv", arxiv_entry(1), at=T0)

    assert eligible(store, 13) == [ONE]
    assert eligible(store, 14) == []


def test_a_late_bloomer_opens_a_second_window_but_not_too_late(store: Store) -> None:
    started(store, "arxiv", "hf", "later")
    poll(store, "arxiv", arxiv_entry(1), at=T0)

    poll(store, "hf", hf_entry(1, upvotes=40), at=T0 + 60 * DAY)
    in_time = eligible(store, 60)
    poll(store, "later", hf_entry(1), at=T0 + 63 * DAY)

    assert in_time == [ONE]
    with store.read() as tx:
        windows = [(name, w.opened_at) for name, w in paper_windows(tx, find(store, ONE).id)]
    assert windows == [("arxiv", T0), ("hf", T0 + 60 * DAY), ("later", None)]
    with store.read() as tx:
        assert open_papers(tx, T0 + 63 * DAY, eligibility_days=14)[0][1] == T0 + 60 * DAY


def test_an_unseen_replacement_is_stored_and_not_eligible(store: Store) -> None:
    started(store, "arxiv")

    counts = poll(store, "arxiv", arxiv_entry(1, version=3, announce=Announce.REPLACE), at=T0)

    assert counts.new_papers == 1
    assert counts.revised_papers == 0
    assert eligible(store, 0) == []


def test_a_new_version_is_a_revision_not_a_paper(store: Store) -> None:
    started(store, "arxiv")
    poll(store, "arxiv", arxiv_entry(1), at=T0)

    counts = poll(
        store,
        "arxiv",
        arxiv_entry(1, version=2, abstract="A better text.", announce=Announce.REPLACE),
        at=T0 + DAY,
    )

    assert counts == IngestCounts(entries=1, new_papers=0, revised_papers=1)
    assert find(store, ONE).abstract == "A better text."
    with store.read() as tx:
        (seen_at, revision) = paper_revisions(tx, find(store, ONE).id)[0]
    assert (seen_at, revision.version, revision.changed) == (T0 + DAY, 2, ("abstract",))


def test_two_days_of_a_trend(store: Store) -> None:
    started(store, "arxiv", "hf")
    poll(store, "arxiv", arxiv_entry(1), arxiv_entry(2), at=T0)
    poll(store, "hf", hf_entry(1, upvotes=5), at=T0)

    second = poll(
        store,
        "hf",
        hf_entry(1, upvotes=21),
        hf_entry(3, upvotes=2),
        at=T0 + DAY,
    )
    replaced = poll(
        store, "arxiv", arxiv_entry(2, version=2, announce=Announce.REPLACE), at=T0 + DAY
    )

    assert second == IngestCounts(entries=2, new_papers=1, first_listed=1, revised_papers=0)
    assert replaced == IngestCounts(entries=1, new_papers=0, revised_papers=1)
    trending = find(store, ONE)
    assert (trending.upvotes, trending.upvotes_change) == (21, 16)
    with store.read() as tx:
        assert count_papers(tx) == 3
        listings = tx.exec(select(ListingRow).where(ListingRow.paper_id == trending.id)).all()
    assert {(row.feed_id, row.day, row.upvotes) for row in listings} == {
        (1, date(2026, 2, 1), None),
        (2, date(2026, 2, 1), 5),
        (2, date(2026, 2, 2), 21),
    }


def test_polling_again_on_a_day_keeps_the_newest_score_of_that_day(store: Store) -> None:
    started(store, "hf")
    poll(store, "hf", hf_entry(1, upvotes=5), at=T0)

    poll(store, "hf", hf_entry(1, upvotes=8), at=T0 + timedelta(hours=3))

    assert (find(store, ONE).upvotes, find(store, ONE).upvotes_change) == (8, None)


def test_the_tags_of_the_feed_and_of_its_entries_are_one_set(store: Store) -> None:
    started(store, "arxiv")
    poll(store, "arxiv", arxiv_entry(1, tags=("cs.LG",)), at=T0)

    poll(store, "arxiv", arxiv_entry(1, tags=("CS.LG", "Robots")), at=T0 + DAY)

    assert find(store, ONE).tags == ("cs.LG", "Robots")


def test_papers_are_found_by_every_alias(store: Store) -> None:
    started(store, "arxiv")
    poll(store, "arxiv", arxiv_entry(1, identifiers=("doi:10.1000/x",)), at=T0)

    assert find(store, "doi:10.1000/x").alias == ONE
    with store.read() as tx:
        assert get_paper(tx, Alias("arxiv:2602.99999")) is None
        aliases = paper_aliases(tx, find(store, ONE).id)
    assert {alias.partition(":")[0] for alias in aliases} == {"arxiv", "doi", "title"}


def test_a_disputed_alias_names_no_paper(store: Store) -> None:
    started(store, "arxiv")
    poll(
        store,
        "arxiv",
        arxiv_entry(1, identifiers=("doi:10.1000/x",)),
        arxiv_entry(2, identifiers=("doi:10.1000/x",)),
        at=T0,
    )

    with store.read() as tx:
        assert get_paper(tx, Alias("doi:10.1000/x")) is None
        assert count_papers(tx) == 2


def test_recent_papers_are_those_seen_or_listed_between_two_instants(store: Store) -> None:
    started(store, "hf")
    poll(store, "hf", hf_entry(1, upvotes=1), at=T0)
    poll(store, "hf", hf_entry(2, upvotes=1), at=T0 + 10 * DAY)
    poll(store, "hf", hf_entry(1, upvotes=9), at=T0 + 12 * DAY)
    poll(store, "hf", hf_entry(3), at=T0 + 20 * DAY)

    with store.read() as tx:
        recent = recent_papers(tx, T0 + 9 * DAY, T0 + 13 * DAY)

    assert [paper.alias for paper in recent] == ["arxiv:2602.00002", "arxiv:2602.00001"]


def test_a_document_that_fails_half_way_leaves_nothing(store: Store) -> None:
    started(store, "arxiv")

    def break_off() -> None:
        with store.write() as tx:
            poll_in(tx, "arxiv", arxiv_entry(1), at=T0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()

    with store.read() as tx:
        assert count_papers(tx) == 0


def test_entries_without_title_are_counted_and_left_out(store: Store) -> None:
    counts = poll(store, "blog", Entry(title=""), Entry(title="A post", source_id="1"), at=T0)

    assert counts == IngestCounts(entries=2, new_papers=1, first_listed=1, revised_papers=0)


def test_a_thousand_entries_are_stored_with_few_queries(store: Store) -> None:
    entries = [arxiv_entry(number) for number in range(1, 1001)]
    poll(store, "arxiv", *entries, at=T0)

    again = poll(store, "arxiv", *entries, arxiv_entry(1001), at=T0 + DAY)

    assert again == IngestCounts(entries=1001, new_papers=1, first_listed=1, revised_papers=0)
    with store.read() as tx:
        assert len(get_papers(tx, [PaperId(n) for n in range(1, 1100)])) == 1001
