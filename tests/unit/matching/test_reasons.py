"""Reasons are found once, and again when a paper reads otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.matching import reasons as module
from digest.matching.reading import Synonyms
from digest.matching.reasons import ReasonFinder
from digest.model import InterestKind
from tests.unit.matching.conftest import MakePaper

KEYWORD, TAG = InterestKind.KEYWORD, InterestKind.TAG


def test_reasons_come_in_the_order_of_the_interests(make_paper: MakePaper) -> None:
    paper = make_paper("Sparse nets", tags=("cs.CL",))

    found = ReasonFinder().reasons(paper, [(TAG, "cs"), (KEYWORD, "nets"), (KEYWORD, "agents")])

    assert [(one.term, one.field) for one in found] == [("cs.CL", "tag"), ("nets", "title")]


def test_a_tag_is_no_keyword_of_the_same_words(make_paper: MakePaper) -> None:
    paper = make_paper("Machine learning", tags=("machine-learning",))
    finder = ReasonFinder()

    words = finder.reasons(paper, [(KEYWORD, "machine learning")])
    tag = finder.reasons(paper, [(TAG, "machine learning")])

    assert [one.field for one in words] == ["title"]
    assert [one.field for one in tag] == ["tag"]


def test_a_paper_that_changed_is_looked_at_anew(make_paper: MakePaper) -> None:
    finder = ReasonFinder()
    paper = make_paper("Sparse nets", upvotes=3)
    asked = [(KEYWORD, "nets"), (KEYWORD, "upvotes:>=5")]
    before = finder.reasons(paper, asked)

    after = finder.reasons(replace(paper, title="Sparse graphs", upvotes=5), asked)

    assert [one.term for one in before] == ["nets"]
    assert [one.term for one in after] == [">=5"]


def test_an_equal_paper_read_again_gives_what_was_found(make_paper: MakePaper) -> None:
    finder = ReasonFinder()
    asked = [(KEYWORD, "nets")]

    (before,) = finder.reasons(make_paper("Sparse nets"), asked)
    (after,) = finder.reasons(make_paper("Sparse nets"), asked)

    assert after is before


def test_a_query_that_can_no_longer_be_read_gives_no_reason(make_paper: MakePaper) -> None:
    assert ReasonFinder().reasons(make_paper("Nets"), [(KEYWORD, "NOT nets")]) == ()


def test_synonyms_give_reasons(make_paper: MakePaper) -> None:
    finder = ReasonFinder(Synonyms([("nets", "graphs")]))

    found = finder.reasons(make_paper("Sparse graphs"), [(KEYWORD, "nets")])

    assert [one.field for one in found] == ["title"]


def test_what_is_kept_has_a_bound(make_paper: MakePaper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_KEPT", 3)
    finder = ReasonFinder()
    papers = [make_paper("Sparse nets", number=number) for number in range(1, 9)]

    found = [finder.reasons(paper, [(KEYWORD, "nets")]) for paper in papers for _ in range(2)]

    assert all(len(one) == 1 for one in found)
    assert len(finder._papers) <= 3
