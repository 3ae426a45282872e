"""Many queries against a batch of papers, and the order of papers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from digest.errors import QueryError
from digest.matching.backtest import backtest
from digest.matching.index import QueryIndex, best, build_index
from digest.matching.query import parse_query
from digest.matching.rank import rank
from digest.model import Paper, QueryId

MakePaper = Callable[..., Paper]


def test_bits_stand_for_the_papers_in_their_order(make_paper: MakePaper) -> None:
    papers = [make_paper("Ape"), make_paper("Bee"), make_paper("Ape and Bee")]
    index = build_index([(QueryId(7), "ape"), (QueryId(8), "bee NOT ape"), (QueryId(9), "cow")])

    hits = index.match(papers)

    assert len(index) == 3
    assert hits.papers == tuple(papers)
    assert hits.bits(QueryId(7)) == 0b101
    assert hits.bits(QueryId(8)) == 0b010
    assert hits.bits(QueryId(9)) == 0
    assert hits.union([QueryId(7), QueryId(8)]) == 0b111
    assert hits.union([]) == 0


def test_a_query_is_replaced_under_its_id(make_paper: MakePaper) -> None:
    index = build_index([(QueryId(1), "ape")])

    index.add(QueryId(1), parse_query("bee"))

    hits = index.match([make_paper("Ape"), make_paper("Bee")])
    assert hits.bits(QueryId(1)) == 0b10
    assert len(index) == 1


def test_a_query_may_be_replaced_by_itself(make_paper: MakePaper) -> None:
    index = build_index([(QueryId(1), "ape AND bee")])

    index.add(QueryId(1), parse_query("ape AND bee"))

    assert index.match([make_paper("Ape / Bee")]).bits(QueryId(1)) == 0b1


def test_a_term_shared_by_two_queries_survives_one_of_them(make_paper: MakePaper) -> None:
    index = build_index([(QueryId(1), "ape OR bee"), (QueryId(2), "ape")])

    index.discard(QueryId(1))
    index.discard(QueryId(1))

    hits = index.match([make_paper("Ape"), make_paper("Bee")])
    assert hits.bits(QueryId(2)) == 0b01
    assert QueryId(1) not in index
    assert QueryId(2) in index


QUERIES = (
    "ape", "ape house", "=APE", "ape hous*", "hous*", "=APEs hous*", "title:ape", "abstract:ape",
    "author:Lee", "author:Roe", "author:(Ann Lee)", "tag:cs", "feed:x", "upvotes:>3", "ape OR bee",
    "title:=APE", 'title:"ape hous*"', "ape house", "title:ape",
)  # fmt: skip


def test_an_emptied_index_is_like_a_new_one(make_paper: MakePaper) -> None:
    index = QueryIndex()
    for number, text in enumerate(QUERIES):
        index.add(QueryId(number), parse_query(text))

    for number in range(len(QUERIES)):
        index.discard(QueryId(number))

    assert len(index) == 0
    assert index._phrases.is_empty()
    assert not index._authors
    assert not index._atoms
    index.add(QueryId(3), parse_query("ape"))
    assert index.match([make_paper("Ape")]).bits(QueryId(3)) == 1


def test_a_part_of_a_paper_is_searched_only_for_terms_of_its_field(make_paper: MakePaper) -> None:
    texts = ["abstract:=APE", "abstract:ape", "abstract:hous*", "title:=APE", 'author:"Abe Lee"']
    index = build_index((QueryId(number), text) for number, text in enumerate(texts))

    hits = index.match([make_paper("APE house", authors=("Ann Lee",))])

    assert [hits.bits(QueryId(number)) for number in range(len(texts))] == [0, 0, 0, 1, 0]


def test_words_are_kept_only_so_far(make_paper: MakePaper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.matching.trie._MAX_WORDS_KEPT", 2)
    index = build_index([(QueryId(1), "hous*"), (QueryId(2), "title:hors*")])

    hits = index.match(
        [make_paper("House Horse", "Horse houses an ape"), make_paper("Ape", "House Horse")]
    )

    assert hits.bits(QueryId(1)) == 0b11
    assert hits.bits(QueryId(2)) == 0b01


def test_hits_are_a_snapshot(make_paper: MakePaper) -> None:
    index = build_index([(QueryId(1), "ape")])
    hits = index.match([make_paper("Ape")])

    index.discard(QueryId(1))
    index.add(QueryId(2), parse_query("ape"))

    assert hits.bits(QueryId(1)) == 1
    assert QueryId(1) in hits
    assert QueryId(2) not in hits
    with pytest.raises(KeyError):
        hits.bits(QueryId(2))
    with pytest.raises(KeyError):
        hits.union([QueryId(1), QueryId(2)])


def test_an_id_without_a_readable_query_matches_nothing(make_paper: MakePaper) -> None:
    index = build_index([(QueryId(1), "ape"), (QueryId(2), "ape")])

    index.add_nothing(QueryId(1))

    hits = index.match([make_paper("Ape")])
    assert hits.bits(QueryId(1)) == 0
    assert hits.union([QueryId(1), QueryId(2)]) == 1
    index.discard(QueryId(1))
    assert QueryId(1) not in index


def test_a_stored_text_that_is_no_query_is_refused() -> None:
    with pytest.raises(QueryError):
        build_index([(QueryId(1), "(")])


def test_no_papers_match_nothing() -> None:
    hits = build_index([(QueryId(1), "ape")]).match([])

    assert hits.bits(QueryId(1)) == 0


def test_the_lowest_bits_are_the_best() -> None:
    assert best(0b1011_0100, 3) == [2, 4, 5]
    assert best(0b1011_0100, 99) == [2, 4, 5, 7]
    assert best(0b1, 0) == []
    assert best(0, 5) == []


def test_papers_are_ranked_by_upvotes_then_newest(make_paper: MakePaper) -> None:
    early, late = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)
    loved = make_paper("loved", number=1, upvotes=9)
    newest = make_paper("newest", number=2, published_on=date(2026, 2, 2), first_seen_at=early)
    seen_late = make_paper("a", number=3, published_on=date(2026, 2, 1), first_seen_at=late)
    first = make_paper("b", number=4, published_on=date(2026, 2, 1), first_seen_at=early, upvotes=0)
    second = make_paper("c", number=5, published_on=date(2026, 2, 1), first_seen_at=early)
    undated = make_paper("undated", number=6, first_seen_at=late)

    ranked = rank([undated, second, first, seen_late, newest, loved])

    assert ranked == [loved, newest, seen_late, first, second, undated]


def test_a_backtest_gives_the_best_first_with_reasons(make_paper: MakePaper) -> None:
    papers = [
        make_paper("Ape one", number=1),
        make_paper("Bee", number=2, upvotes=50),
        make_paper("Ape two", number=3, upvotes=5),
    ]

    found = backtest(parse_query("ape"), papers)

    assert [match.paper.title for match in found] == ["Ape two", "Ape one"]
    assert [(reason.term, reason.field) for reason in found[0].reasons] == [("ape", "title")]
