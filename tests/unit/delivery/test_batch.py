"""Matches are shared by whoever asked for the same, and by nobody else."""

from __future__ import annotations

from digest.delivery.batch import Matches, Wanted
from digest.matching.reasons import ReasonFinder
from digest.model import InterestKind, Match, PlannedPaper, QueryId
from tests.support.digests import make_paper

KEYWORD, TAG = InterestKind.KEYWORD, InterestKind.TAG
PAPER = make_paper(1, "Sparse nets", tags=("nets",))
PLANNED = PlannedPaper(paper_id=PAPER.id, query_ids=(QueryId(1), QueryId(2)))


def match_of(matches: Matches, wanted: Wanted) -> Match:
    (match,) = matches.matches({PAPER.id: PAPER}, [PLANNED], wanted)
    return match


def test_who_asked_for_the_same_is_given_the_same_match() -> None:
    matches = Matches(ReasonFinder())

    one = match_of(matches, {QueryId(1): (KEYWORD, "nets"), QueryId(2): (TAG, "nets")})
    other = match_of(matches, {QueryId(1): (KEYWORD, "nets"), QueryId(2): (TAG, "nets")})

    assert one is other
    assert [reason.field for reason in one.reasons] == ["title", "tag"]


def test_a_query_that_is_gone_does_not_lend_its_place_to_another_of_the_same_words() -> None:
    matches = Matches(ReasonFinder())

    words = match_of(matches, {QueryId(1): (KEYWORD, "nets")})
    tag = match_of(matches, {QueryId(2): (TAG, "nets")})

    assert [reason.field for reason in words.reasons] == ["title"]
    assert [reason.field for reason in tag.reasons] == ["tag"]
