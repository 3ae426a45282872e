"""Expressions of the full-text index, as PostgreSQL is asked them."""

from __future__ import annotations

import pytest

from digest.model import PaperWords
from digest.store.tsquery import tsquery, tsvector


@pytest.mark.parametrize(
    ("expression", "spelt"),
    [
        ('title : "sparse net"', "('sparse':A <-> 'net':A)"),
        ('{title abstract} : "agent"', "'agent':AB"),
        ("labels : t6373", "'l/t6373'"),
        ("names : (a_ada OR p_ada_byron)", "('n/a_ada' | 'n/p_ada_byron')"),
        ("names : (ada AND (king OR byron))", "('n/ada' & ('n/king' | 'n/byron'))"),
        ("{title abstract forms} : (quant * OR _71 *)", "('quant':*ABC | '_71':*ABC)"),
        ('title : "deep quant" *', "('deep':A <-> 'quant':*A)"),
        ("cased : 524147", "'c/524147'"),
        ("cased : 5241 *", "'c/5241':*"),
        ("title : a AND title : b NOT title : c", "('a':A & ('b':A & !'c':A))"),
        ("(title : a OR title : b) NOT (forms : c *)", "(('a':A | 'b':A) & !'c':*C)"),
        ("{title cased} : rag", "('c/rag' | 'rag':A)"),
    ],
)
def test_an_expression_is_asked_as(expression: str, spelt: str) -> None:
    assert tsquery(expression) == spelt


@pytest.mark.parametrize(
    "expression",
    [
        *("", "title", "title : ", "title : (a", "nowhere : a", 'names : "two words"', "a AND b"),
        *("title : a b", "title : a)", "title : 'a'", "title : é"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="not a full-text expression"):
        tsquery(expression)


def test_words_have_places_and_labels_have_marks() -> None:
    words = PaperWords(
        title="sparse net _ rag",
        abstract="sparse agent",
        forms="agents",
        cased="524147",
        names="a_ada",
        labels="t6373 y2026",
    )

    assert tsvector(words) == (
        "'sparse':1A,6B 'net':2A 'rag':4A 'agent':7B 'agents':16383C"
        " 'c/524147' 'n/a_ada' 'l/t6373' 'l/y2026'"
    )


def test_a_text_of_nothing_has_no_words() -> None:
    assert (
        tsvector(PaperWords(title="", abstract="", forms="", cased="", names="", labels="")) == ""
    )


def test_a_word_longer_than_a_lexeme_may_be_is_cut_alike_in_papers_and_queries() -> None:
    word = "a" * 4_000
    words = PaperWords(title=word, abstract="", forms=word, cased=word, names="", labels=word)

    spelt, asked = tsvector(words), tsquery(f"title : {word}")

    assert max(len(one) for one in spelt.split()) < 2_046
    assert asked == f"'{'a' * 2_000}':A"
    assert spelt.startswith(f"'{'a' * 2_000}':1A,16383C ")
