"""The search over the full-text index against the same search done paper by paper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from digest.matching.annotate import Annotator
from digest.matching.evaluate import evaluate
from digest.matching.query import parse_query
from digest.model import Paper, PaperId
from digest.store import Store
from digest.store.library import MAX_COUNT, Count, Order, Shelf, month_of
from digest.store.papers import load_papers
from digest.store.tables import FeedRow, PaperRow, PaperTagRow, TagRow, WindowRow
from digest.web import searching
from digest.web.finding import Found
from digest.web.searching import TextFinder
from tests.support.databases import new_database
from tests.support.site_world import TOPICS, open_site, read_words

NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
WORDS = ("robot", "Robots", "protein model", "=RAG", "survey of agents", "quantum", "naïve Bayes")
QUERIES = (
    *("robot", "robot AND protein", "robot NOT survey", '"protein model" OR agents'),
    *("quant*", "title:robot", "title:quant*", "=RAG", "author:Lovelace", "tag:cs.CL"),
    *("tag:cs", "feed:two", "upvotes:>=20", "upvotes:<3", "upvotes:=4", "robot upvotes:>6"),
    *("robot OR upvotes:>=37", "robot NOT upvotes:>=2", "robot NOT author:Hopper", "bayes"),
)
SHELVES = (
    *(Shelf(), Shelf(tag="cs.CL"), Shelf(tag="cs"), Shelf(feed="two"), Shelf(min_upvotes=20)),
    *(Shelf(min_upvotes=13), Shelf(since=date(2025, 1, 1), until=date(2025, 12, 31))),
    Shelf(tag="cs.CL", since=date(2026, 1, 1), until=date(2026, 1, 31), min_upvotes=2),
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Give 100 papers over three years, in an order of ids that is not that of days."""
    with new_database(request.param, tmp_path_factory.mktemp("search")) as url:
        store = open_site(url).store
        _fill(store)
        yield store
        store.close()


def _fill(store: Store) -> None:
    with store.write() as tx:
        feeds = [
            FeedRow(name=name, url=name, kind="feed", created_at=NOW, next_poll_at=NOW)
            for name in ("one", "two")
        ]
        tags = [TagRow(key=name.lower(), name=name) for name in ("cs.CL", "cs", "Planning")]
        tx.add_all([*feeds, *tags])
        tx.flush()
        ids = []
        for number in range(100):
            day = date(2026, 2, 3) - timedelta(days=number * 7919 % 1_000)
            text = " ".join(WORDS[at % 7] for at in range(number, number + 1 + number % 3))
            paper = PaperRow(
                alias=f"arxiv:2602.{number:05d}",
                title=f"{text.replace('=', '')} {number}",
                abstract=WORDS[number * 5 % 7].replace("=", "") if number % 4 else "",
                authors=[("Ada Lovelace", "Grace Hopper", "Al Lovelace")[number % 3]],
                first_seen_at=datetime.combine(day, NOW.time(), UTC),
                published_on=day if number % 5 else None,
                dated_on=day,
                upvotes=None if number % 3 == 0 else number * 31 % 47,
            )
            tx.add(paper)
            tx.flush()
            assert paper.id is not None
            ids.append(PaperId(paper.id))
            feed, tag = feeds[number % 2].id, tags[number % 3].id
            assert feed is not None
            assert tag is not None
            tx.add(WindowRow(paper_id=paper.id, feed_id=feed, listed_at=NOW))
            tx.add(PaperTagRow(paper_id=paper.id, tag_id=tag))
    read_words(store, ids)


def pages(store: Store, text: str, shelf: Shelf, order: Order) -> tuple[list[PaperId], Found]:
    """Turn all pages of a search."""
    finder, query = TextFinder(Annotator()), parse_query(text)
    seen: list[PaperId] = []
    with store.read() as tx:
        first = found = finder(tx, query, shelf, order=order, after=None, limit=9)
        seen += [one.paper.id for one in found.matches]
        while found.after is not None:
            found = finder(tx, query, shelf, order=order, after=found.after, limit=9)
            seen += [one.paper.id for one in found.matches]
    return seen, first


def matching(store: Store, text: str) -> list[Paper]:
    query = parse_query(text)
    with store.read() as tx:
        papers = load_papers(tx, [PaperId(one) for one in range(1, 101)]).values()
    return [paper for paper in papers if evaluate(query, paper).reasons]


def on_shelf(papers: list[Paper], shelf: Shelf) -> list[Paper]:
    return [
        paper
        for paper in papers
        if (not shelf.tag or shelf.tag in paper.tags)
        and (not shelf.feed or shelf.feed in paper.feeds)
        and (paper.upvotes or 0) >= shelf.min_upvotes
        and (shelf.since or date.min) <= day_of(paper) <= (shelf.until or date.max)
    ]


def day_of(paper: Paper) -> date:
    return paper.published_on or paper.first_seen_at.date()


@pytest.mark.parametrize("few", [1_000, 0], ids=["gathered", "walked"])
@pytest.mark.parametrize("text", QUERIES)
def test_every_page_of_a_search_holds_what_reading_each_paper_finds(
    store: Store, monkeypatch: pytest.MonkeyPatch, text: str, few: int
) -> None:
    monkeypatch.setattr(searching, "FEW", few)
    monkeypatch.setattr(searching, "SIFTED", few)

    found = matching(store, text)

    for shelf in SHELVES:
        wanted = on_shelf(found, shelf)
        newest, first = pages(store, text, shelf, Order.NEWEST)
        most, _ = pages(store, text, shelf, Order.UPVOTES)

        assert newest == [
            one.id for one in sorted(wanted, key=lambda p: (day_of(p), p.id), reverse=True)
        ], shelf
        assert most == [
            one.id
            for one in sorted(wanted, key=lambda p: (p.upvotes or 0, p.id), reverse=True)
            if one.upvotes is not None
        ], shelf
        assert first.count.value >= len(wanted)
        assert first.count.at_most or first.count.value == len(wanted)


def test_a_count_beyond_ten_thousand_is_said_to_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "count_found", lambda *_: Count(value=MAX_COUNT, more=True))

    _, first = pages(store, "robot", Shelf(), Order.NEWEST)

    assert first.count == Count(value=10_000, more=True)


def test_papers_that_wait_to_be_read_are_told(store: Store) -> None:
    finder = TextFinder(Annotator(TOPICS))
    with store.read() as tx:
        read = finder(tx, parse_query("robot"), Shelf(), order=Order.NEWEST, after=None, limit=3)
    with store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE paper SET annotated_with = NULL WHERE id = 9")
    with store.read() as tx:
        waits = finder(tx, parse_query("robot"), Shelf(), order=Order.NEWEST, after=None, limit=3)

    assert (read.is_partial, waits.is_partial) == (False, True)


def test_a_search_may_be_bounded_to_a_year_or_a_month(store: Store) -> None:
    year, month = month_of("2025"), month_of("2025-06")
    assert year is not None
    assert month is not None

    in_year, _ = pages(store, "robot", year, Order.NEWEST)
    in_month, _ = pages(store, "robot", month, Order.NEWEST)

    assert in_year == [
        one.id
        for one in sorted(
            on_shelf(matching(store, "robot"), year), key=lambda p: (day_of(p), p.id), reverse=True
        )
    ]
    assert set(in_month) < set(in_year)
