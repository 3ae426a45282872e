"""Looking back finds exactly the papers that the evaluator matches."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import text

from digest.errors import QueryError
from digest.lookback import look_back
from digest.matching.annotate import Annotator
from digest.matching.evaluate import evaluate
from digest.matching.query import Query, parse_query
from digest.matching.reading import Synonyms
from digest.model import (
    Alias,
    FeedId,
    FeedKind,
    FeedSpec,
    IngestPlan,
    Listing,
    Merge,
    Paper,
    PaperId,
    Topic,
)
from digest.papers.ingest import annotate_stale
from digest.store import Store
from digest.store.feeds import add_feed
from digest.store.fulltext import count_seen, count_tagged
from digest.store.ingest import apply_plan
from digest.store.papers import recent_papers
from digest.store.spans import seen_span

NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
SPEC = FeedSpec(name="arxiv", url="https://example.org/feed", kind=FeedKind.FEED)
UPVOTES = (None, 0, 12, 14, 299, 301, 11, 230)
WORDS = (
    "RAG", "rag", "sparse", "autoencoders", "quantised", "quantum", "LMs", "GPT-4o", "matrices",
    "naïve", "强化学习", "C++", "β", "survey", "Über", "(NNs)", "neural nets", "agents",
)  # fmt: skip
AUTHORS = (
    "Emmy Noether", "E. Artin", "Noether, Emmy", "Noether E", "Emmy Amalie Noether", "Noether EA",
    "Amalie Emmy", "E. A. Noether", "Jan van der Noether", "李 Noether", "Noether",
    "EA Noether",
)  # fmt: skip
ANNOTATOR = Annotator(
    [Topic(name="Sparse things", query="sparse OR quantum"), Topic(name="Nets", query="tag:cs")],
    Synonyms([("agents", "autonomous systems")]),
)


def paper(number: int, title: str, abstract: str = "", **facts: object) -> Paper:
    return Paper(
        id=PaperId(-number),
        alias=Alias(f"arxiv:2602.{number:05}"),
        title=title,
        abstract=abstract,
        first_seen_at=NOW - timedelta(hours=number % 100),
        **facts,  # type: ignore[arg-type]
    )


def keep(store: Store, *papers: Paper) -> None:
    tags = tuple((one.id, tag) for one in papers for tag in one.tags)
    with store.write() as tx:
        apply_plan(tx, IngestPlan(inserts=papers, tags=tags), now=NOW)


def understood(text: str) -> Query | None:
    try:
        return parse_query(text)
    except QueryError:
        return None


def drawn_queries(draw: random.Random, count: int) -> list[Query]:
    def term() -> str:
        words = (
            " ".join(draw.choices(WORDS, k=draw.randint(1, 2))).replace("(", "").replace(")", "")
        )
        return draw.choice(
            (f'"{words}"', f'title:"{words}"', f'="{words}"', "quant*", f'"{words} quant*"',
             "abstract:matri*", "author:Noether", "tag:cs", "tag:sparse-things", "upvotes:>=2",
             "=RA*", "matric*", "naï*", "über*", "title:autoencoder*", f'="{words}*"', "=GPT*",
             "=qua*",
             'author:"E. Noether"', 'author:"Emmy Noether"', "author:Emmy", "author:Amalie",
             'author:"Emmy Amalie Noether"', 'author:"Noether Emmy"', 'author:"E. A. Noether"',
             'author:"Noether EA"', 'author:"EA Noether"', 'author:"Noether AE"',
             'author:"A. Noether"', "upvotes:<3", "upvotes:=2", "upvotes:<=2", "upvotes:>7",
             "upvotes:>=13", "upvotes:<14", "upvotes:>=6000", "upvotes:>=137", "upvotes:>149",
             "upvotes:<=150", "upvotes:<137", "upvotes:=149")
        )  # fmt: skip

    found: list[Query] = []
    while len(found) < count:
        form = draw.choice(("{} AND {}", "{} OR {}", "{} NOT {}", "{1} AND ({0} OR NOT {2})", "{}"))
        query = understood(form.format(term(), term(), term()))
        if query:
            found.append(query)
    return found


def test_the_index_finds_what_the_evaluator_matches(store: Store) -> None:
    draw = random.Random(20260202)
    papers = [
        paper(
            number,
            " ".join(draw.choices(WORDS, k=4)),
            " ".join(draw.choices(WORDS, k=7)),
            authors=(draw.choice(AUTHORS), draw.choice(AUTHORS)),
            tags=(draw.choice(("cs.CL", "math")),),
            upvotes=draw.choice((None, 0, 1, 2, 3, 12, 13, 14, 137, 149, 150, 151, 7_000)),
        )
        for number in range(1, 151)
    ]
    keep(store, *papers)
    annotate_stale(store, ANNOTATOR, batch=40)
    queries = drawn_queries(draw, 400)

    with store.read() as tx:
        stored = recent_papers(tx, SINCE, NOW)
        found = [
            look_back(tx, query, ANNOTATOR, since=SINCE, until=NOW, show=5, narrow=number % 8 == 0)
            for number, query in enumerate(queries)
        ]

    totals = [
        sum(evaluate(query, one, ANNOTATOR.synonyms).matched for one in stored) for query in queries
    ]
    assert [one.total for one in found] == totals
    assert all(match.reasons for one in found for match in one.matches)
    with store.read() as tx:
        assert count_seen(tx, SINCE, NOW) == 150
    assert all(narrower.total < one.total for one in found for narrower in one.narrowings)


def test_papers_that_nobody_read_yet_are_found_too(store: Store) -> None:
    keep(store, paper(1, "Sparse nets"), paper(2, "Dense nets"))

    with store.read() as tx:
        found = look_back(tx, parse_query("sparse"), ANNOTATOR, since=SINCE, until=NOW)

    assert [match.paper.title for match in found.matches] == ["Sparse nets"]


def test_excluding_a_common_word_is_offered(store: Store) -> None:
    keep(store, paper(1, "Nets: a survey"), paper(2, "Nets"), paper(3, "Nets, again"))
    annotate_stale(store, ANNOTATOR)

    with store.read() as tx:
        found = look_back(tx, parse_query("nets"), ANNOTATOR, since=SINCE, until=NOW, show=1)

    assert (found.total, len(found.matches)) == (3, 1)
    assert [(one.excluded, one.query, one.total) for one in found.narrowings] == [
        ("survey", "net NOT survey", 2)
    ]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("nets", None),
        ("nets NOT dense", None),
        ("(nets OR codes)", None),
        ("nets OR codes", "(nets OR codes) -survey"),
        ("nets OR codes -dense", "(nets OR codes -dense) -survey"),
    ],
)
def test_the_query_to_write_excludes_the_word_from_all_of_it(
    store: Store, text: str, instead: str | None
) -> None:
    keep(store, paper(1, "Nets: a survey"), paper(2, "Codes: a survey"), paper(3, "Nets, codes"))
    annotate_stale(store, ANNOTATOR)

    with store.read() as tx:
        query = parse_query(text)
        (offered,) = look_back(tx, query, ANNOTATOR, since=SINCE, until=NOW).narrowings
        followed = parse_query(offered.instead or f"{text} -survey")
        found = look_back(tx, followed, ANNOTATOR, since=SINCE, until=NOW)

    assert (offered.instead, offered.total) == (instead, 1)
    assert found.total == offered.total


def test_topics_become_tags_and_follow_their_file(store: Store) -> None:
    keep(store, paper(1, "Sparse nets", tags=("cs.CL",)), paper(2, "Quantum"))
    annotate_stale(store, ANNOTATOR)
    with store.read() as tx:
        before = count_tagged(tx, ["Sparse things", "Nets", "cs.CL"])

    read_again = annotate_stale(store, Annotator([Topic(name="cs.CL", query="sparse")]))

    with store.read() as tx:
        after = count_tagged(tx, ["Sparse things", "Nets", "cs.CL"])
    assert before == {"Sparse things": 2, "Nets": 1, "cs.CL": 1}
    assert read_again == 2
    assert after == {"cs.CL": 1}


def test_a_tag_of_a_feed_outlives_the_topic_of_its_name(store: Store) -> None:
    keep(store, paper(1, "Sparse nets"))
    annotate_stale(store, ANNOTATOR)
    with store.write() as tx:
        apply_plan(tx, IngestPlan(tags=((PaperId(1), "sparse things"),)), now=NOW)

    with store.write() as tx:
        tx.execute(text("UPDATE paper SET annotated_with = NULL"))
    annotate_stale(store, Annotator())

    with store.read() as tx:
        assert count_tagged(tx, ["Sparse things"]) == {"Sparse things": 1}


def test_a_paper_merged_away_leaves_the_index(store: Store) -> None:
    keep(store, paper(1, "Sparse nets"), paper(2, "Sparse nets"))
    annotate_stale(store, ANNOTATOR)

    with store.write() as tx:
        merge = Merge(old_id=PaperId(2), paper_id=PaperId(1))
        apply_plan(tx, IngestPlan(merges=(merge,)), now=NOW)

    with store.read() as tx:
        left = tx.execute(text("SELECT count(*) FROM paper_words")).scalar_one()
        found = look_back(tx, parse_query("sparse"), ANNOTATOR, since=SINCE, until=NOW)
    assert left == 1
    assert found.total == 1


def test_nothing_changes_when_nothing_is_stale(store: Store) -> None:
    keep(store, paper(1, "Sparse nets"))
    annotate_stale(store, ANNOTATOR)

    assert annotate_stale(store, ANNOTATOR) == 0


def aged(number: int, days: int) -> Paper:
    seen = NOW - timedelta(days=days)
    return replace(paper(number, "Sparse nets"), first_seen_at=seen)


def days_apart(store: Store) -> None:
    """Keep six papers: 2 and 5 were seen in the 30 days, 1 and 3 listed, 6 is yet to come."""
    keep(store, aged(1, 40), aged(2, 2), aged(3, 50), aged(4, 60), aged(5, 1), aged(6, -1))
    with store.write() as tx:
        feed = FeedId(add_feed(tx, SPEC, now=NOW).id)
        day = (NOW - timedelta(days=3)).date()
        listings = [Listing(paper_id=PaperId(id_), feed_id=feed, day=day) for id_ in (1, 3)]
        apply_plan(tx, IngestPlan(listings=tuple(listings)), now=NOW)
    annotate_stale(store, ANNOTATOR)


def test_papers_of_other_days_among_those_of_the_days_are_named_one_by_one(store: Store) -> None:
    days_apart(store)

    with store.read() as tx:
        span = seen_span(tx, SINCE, NOW)
        found = look_back(tx, parse_query("sparse"), ANNOTATOR, since=SINCE, until=NOW)

    assert (span.from_id, span.to_id) == (2, 5)
    assert (span.strays, sorted(span.others)) == ((3, 4), [1, 3])
    assert found.total == 4
    assert [match.paper.id for match in found.matches] == [5, 2, 1, 3]


def test_where_too_many_would_be_named_each_paper_is_looked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.store.spans._MOST_NAMED", 1)
    days_apart(store)

    with store.read() as tx:
        span = seen_span(tx, SINCE, NOW)
        found = look_back(tx, parse_query("sparse"), ANNOTATOR, since=SINCE, until=NOW)

    assert not span.even
    assert [match.paper.id for match in found.matches] == [5, 2, 1, 3]


def test_the_best_are_put_in_order_from_the_highest_step_that_has_enough(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.store.spans._FEW", 2)
    papers = [paper(n, "Sparse nets", upvotes=count) for n, count in enumerate(UPVOTES, 1)]
    keep(store, *papers)
    annotate_stale(store, ANNOTATOR)

    with store.read() as tx:
        best = look_back(tx, parse_query("sparse"), ANNOTATOR, since=SINCE, until=NOW, show=3)
        bounded = parse_query("sparse AND upvotes:<250 AND upvotes:>=12")
        below = look_back(tx, bounded, ANNOTATOR, since=SINCE, until=NOW, show=2)

    assert [match.paper.upvotes for match in best.matches] == [301, 299, 230]
    assert (best.total, below.total) == (8, 3)
    assert [match.paper.upvotes for match in below.matches] == [230, 14]


@pytest.mark.parametrize(
    ("bound", "total", "best"),
    [
        ("upvotes:>=230", 3, [301, 299, 230]),
        ("upvotes:>299", 1, [301]),
        ("upvotes:<=230", 5, [230, 14, 12]),
        ("upvotes:<14", 3, [12, 11, 0]),
        ("upvotes:=12", 1, [12]),
        ("upvotes:=250", 0, []),
    ],
)
def test_counts_between_two_steps_are_compared(
    store: Store, monkeypatch: pytest.MonkeyPatch, bound: str, total: int, best: list[int]
) -> None:
    monkeypatch.setattr("digest.store.spans._FEW", 0)
    keep(store, *(paper(n, "Sparse nets", upvotes=count) for n, count in enumerate(UPVOTES, 1)))
    annotate_stale(store, ANNOTATOR)

    with store.read() as tx:
        query = parse_query(f"sparse AND {bound}")
        found = look_back(tx, query, ANNOTATOR, since=SINCE, until=NOW, show=3)

    assert (found.total, [match.paper.upvotes for match in found.matches]) == (total, best)
