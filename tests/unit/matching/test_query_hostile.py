"""Whatever text comes in as a query is accepted or refused, in plain words and at once."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.lookback import hostile_queries
from digest.errors import QueryError
from digest.matching.hints import hints
from digest.matching.nodes import atoms
from digest.matching.parser import MAX_CLAUSES
from digest.matching.query import (
    MAX_CANONICAL_LENGTH,
    Query,
    canonical,
    caret,
    parse_query,
    tag_query,
)

PIECES = st.sampled_from(
    [
        "(", ")", '"', "“", " ", "  ", "-", "--", "–", "=", "==", "*", "!", "|", "&&", ":", ">=20",
        "AND", "OR", "NOT", "and", "or", "not", "title:", "tag:", "author:", "feed:", "upvotes:",
        "titel:", "https://x", "rag", "RAG", "sparse", "quant*", "C++", "C#", "GPT-4o", "L1/L2",
        "cs.CL", "Y.", "LeCun,", "Jr", "強化", "ｶﾞ", "학습", "e\u0301", "ﬁ", "β", "ŉ", "İ", "ß",
        "\u202e", "\x00", "\u00ad", "😀", "' OR 1=1 --", "<script>", "\n", "analyses", "LMs",
    ]
)  # fmt: skip
pieced = st.lists(PIECES, max_size=14).map("".join) | st.lists(PIECES, max_size=14).map(" ".join)


def _check(text: str) -> None:
    understood = _understand(text)
    if isinstance(understood, QueryError):
        assert 0 <= understood.position <= max(len(text), 1)
        assert len(caret(understood).splitlines()) == 2
        if understood.suggestion is not None:
            parse_query(understood.suggestion)
        return
    again = parse_query(canonical(understood))
    assert again == understood
    assert canonical(again) == canonical(understood)
    for suggestion in filter(None, (hint.suggestion for hint in hints(understood))):
        parse_query(suggestion)


def _understand(text: str) -> Query | QueryError:
    try:
        return parse_query(text)
    except QueryError as error:
        return error


@settings(max_examples=600, deadline=None)
@given(text=pieced)
@example(text="NOT (" * 20 + "a" + ")" * 20)
def test_any_row_of_pieces_is_accepted_or_refused(text: str) -> None:
    _check(text)


@settings(max_examples=400, deadline=None)
@given(text=st.text(alphabet=st.characters(), max_size=40))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    _check(text)
    _check(f'author:"{text}"')
    _check(f"=({text})")


@settings(max_examples=200, deadline=None)
@given(tag=st.text(alphabet=st.characters(), max_size=30))
def test_any_tag_makes_a_query_that_reads_back(tag: str) -> None:
    try:
        query = tag_query(tag)
    except QueryError:
        return

    assert parse_query(canonical(query)) == query


def test_every_character_of_the_basic_plane_reads_back() -> None:
    for code in range(0x10000):
        _check(f"{chr(code)}x")


HOSTILE = {
    "deep nesting": "(" * 500 + "a" + ")" * 499,
    "deep fields": "title:(" * 120 + "a",
    "many clauses": " OR ".join(["a"] * 199 + ["b", "c"]),
    "ten thousand clauses": "a OR " * 10_000 + "a",
    "huge prefix": "a" * 999 + "*",
    "huge word": "a" * 100_000,
    "many exclusions": "-" * 999 + "a",
    "many nots": "NOT " * 249 + "a",
    "open quotes": '"' * 999,
    "stars": "abc*" * 249,
    "right to left": "\u202eevil\u202c OR rag",
    "emoji": "🦙 OR 🤗",
    "sql": "'; DROP TABLE query; --",
    "html": "<img src=x onerror=alert(1)>",
    "expanding": "ﷺ" * 1_000,
    "combining": "a" + "\u0301" * 900,
    "possessives": "a's" * 300,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_accepted_or_refused(text: str) -> None:
    _check(text)


def test_a_thousand_hostile_queries_are_accepted_or_refused_and_ask_little() -> None:
    accepted = [
        understood
        for text in hostile_queries(1_000)
        if isinstance(understood := _understand(text), Query)
    ]
    asked = [len(list(atoms(query.root))) for query in accepted]

    assert len(accepted) > 100
    assert max(asked) <= MAX_CLAUSES
    assert max(len(canonical(query)) for query in accepted) <= MAX_CANONICAL_LENGTH


def test_a_refusal_is_short_however_long_the_text_was() -> None:
    refusals = [
        str(understood)
        for text in hostile_queries(1_000)
        if isinstance(understood := _understand(text), QueryError)
    ]

    assert len(refusals) > 500
    assert max(map(len, refusals)) < 3_000
    assert not any(char in text for text in refusals for char in "\x00\x1b\u202e")


def test_parentheses_swapped_by_negation_stay_within_the_depth() -> None:
    text = "z"
    for level in range(19):
        text = f"b{level} OR c{level} ({text})" if level % 2 else f"b{level} (c{level} OR ({text}))"
        if text.count("(") > 18:
            break

    _check(f"x NOT ({text})")
    _check(f"x OR y ({text})")
