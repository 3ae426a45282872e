"""The index gives for every paper and query what the evaluator gives."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import QueryError
from digest.matching.evaluate import evaluate
from digest.matching.index import QueryIndex
from digest.matching.query import Query, canonical, parse_query
from digest.model import Alias, Paper, PaperId, QueryId

FORMS = ("", "=", "title:", "abstract:=", "title:=")
WORDS = (
    "RAG", "rag", "sparse", "autoencoder", "autoencoders", "quantised", "quantum", "quantities",
    "LMs", "lm", "GPT-4o", "matrices", "matrix", "naïve", "naive", "强化学习", "学习", "C++", "β",
    "Noether's", "survey", "Über", "L1/L2", "$L_2$", "R^2", "R²", "τ²", "tau2", "MoEs", "corpora",
)  # fmt: skip
PREFIXES = ("quant*", "auto*", "matri*", "sur*", "noe*")
FIELDED = (
    "author:LeCun", 'author:"Y. LeCun"', 'author:"Yann LeCun"', 'author:"van der Maaten"',
    "author:Li", 'author:"LeCun YA"', 'author:"YA LeCun"', "tag:cs", "tag:cs.CL",
    'tag:"Machine Learning"', "feed:hf-daily", "feed:arxiv",
    "upvotes:>=20", "upvotes:<5", "upvotes:=20", "upvotes:>3", "upvotes:<=7",
)  # fmt: skip

texts = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
papers = st.builds(
    Paper,
    id=st.integers(min_value=1, max_value=99).map(PaperId),
    alias=st.just(Alias("arxiv:2602.00001")),
    title=texts,
    abstract=texts,
    authors=st.lists(
        st.sampled_from(
            [
                "Yann LeCun",
                "Y. LeCun",
                "LeCun, Yann",
                "LeCun Y",
                "L. van der Maaten",
                "Wei LI",
                "YA LeCun",
                "Yann André LeCun",
            ]
        ),
        max_size=2,
    ).map(tuple),
    tags=st.lists(
        st.sampled_from(["cs.CL", "cs", "csx", "CS.LG", "machine-learning"]), max_size=2
    ).map(tuple),
    feeds=st.lists(st.sampled_from(["hf-daily", "HF Daily", "arxiv"]), max_size=2).map(tuple),
    first_seen_at=st.just(datetime(2026, 2, 2, tzinfo=UTC)),
    upvotes=st.one_of(st.none(), st.integers(min_value=0, max_value=30)),
)
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(
    lambda words: f'"{" ".join(words)}"'
)
prefixed = st.tuples(st.sampled_from(("", *WORDS)), st.sampled_from(PREFIXES)).map(
    lambda pair: f'"{pair[0]} {pair[1]}"'
)
terms = st.one_of(
    phrases,
    prefixed,
    st.sampled_from(FIELDED),
    st.builds("{}{}".format, st.sampled_from(["title:", "abstract:", "title:=", "="]), phrases),
    st.builds("={}".format, prefixed),
)
expressions = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)


def _understood(text: str) -> Query | None:
    try:
        return parse_query(text)
    except QueryError:
        return None


queries = expressions.map(_understood).filter(lambda query: query is not None)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    batch=st.lists(papers, max_size=12),
    asked=st.lists(queries, min_size=1, max_size=12),
    shuffle=st.randoms(use_true_random=False),
)
def test_index_matches_what_the_evaluator_matches(
    batch: list[Paper], asked: list[Query], shuffle: random.Random
) -> None:
    index = QueryIndex()
    for number, query in enumerate(asked):
        index.add(QueryId(number), query)
    dropped = {number for number in range(len(asked)) if shuffle.random() < 0.3}
    for number in dropped:
        index.discard(QueryId(number))

    hits = index.match(batch)

    for number, query in enumerate(asked):
        if number not in dropped:
            expected = [evaluate(query, paper).matched for paper in batch]
            bits = hits.bits(QueryId(number))
            assert [bool(bits >> place & 1) for place in range(len(batch))] == expected
            assert bits >> len(batch) == 0


@settings(max_examples=120, deadline=None)
@given(query=queries)
def test_canonical_form_is_a_fixed_point_and_asks_the_same(query: Query) -> None:
    again = parse_query(canonical(query))

    assert again == query
    assert canonical(again) == canonical(query)


@settings(max_examples=120, deadline=None)
@given(query=queries, paper=papers)
def test_a_verdict_always_says_why(query: Query, paper: Paper) -> None:
    verdict = evaluate(query, paper)

    assert bool(verdict.reasons) == verdict.matched
    assert bool(verdict.missing or verdict.excluded_by) != verdict.matched
    assert verdict.detail


def test_index_agrees_with_the_evaluator_on_thousands_of_pairs() -> None:
    """More of the same, drawn densely, so that longer phrases meet their texts."""
    draw = random.Random(20260202)
    words = ("C++", "RAG", "rag", "LMs", "lm", "quantised", "quantum", "naïve", "matrices")
    texts = [" ".join(draw.choices(words, k=6)) for _ in range(400)]
    batch = [
        Paper(
            id=PaperId(number),
            alias=Alias(f"arxiv:2602.{number:05}"),
            title=texts[number],
            abstract=texts[-number - 1],
            first_seen_at=datetime(2026, 2, 2, tzinfo=UTC),
        )
        for number in range(200)
    ]
    asked = [
        parse_query(f'{draw.choice(FORMS)}"{" ".join(draw.choices(words, k=length))}{star}"')
        for length in (1, 2, 3)
        for star in ("", " quan*", " RAG*")
        for _ in range(12)
    ]
    index = QueryIndex()
    for number, query in enumerate(asked):
        index.add(QueryId(number), query)

    hits = index.match(batch)

    for number, query in enumerate(asked):
        expected = [evaluate(query, paper).matched for paper in batch]
        found = hits.bits(QueryId(number))
        assert [bool(found >> place & 1) for place in range(len(batch))] == expected
