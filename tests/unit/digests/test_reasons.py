from __future__ import annotations

import pytest

from digest.digests.reasons import Segment, plain_why, why_line
from digest.model import Reason


def reason(term: str, field: str, query: str = "q", *without: str) -> Reason:
    return Reason(term=term, field=field, query=query, without=without)


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        (
            [
                reason("sparse autoencoder", "abstract", "q1"),
                reason("interpretability", "tag", "q2"),
            ],
            "«sparse autoencoder» in the abstract · tag «interpretability»",
        ),
        (
            [
                reason("diffusion", "title", "q", "survey"),
                reason("diffusion", "abstract", "q", "survey"),
                reason("protein", "abstract", "q", "survey"),
                reason("protein", "title", "q", "survey"),
            ],
            "«diffusion» and «protein» in title and abstract, without “survey”",
        ),
        ([reason("E. Noether", "author")], "author «E. Noether»"),
        (
            [Reason(term="Yann LeCun", field="author", asked="Y. LeCun")],
            "author «Yann LeCun» (for “Y. LeCun”)",
        ),
        (
            [
                Reason(term="language model agents", field="abstract", asked="LLM agents"),
                reason("planning", "title", "other"),
            ],
            "«language model agents» (for “LLM agents”) in the abstract · «planning» in the title",
        ),
        (
            [reason("diffusion", "title"), reason("protein", "abstract")],
            "«diffusion» in the title, «protein» in the abstract",
        ),
        (
            [reason("agents", "title"), reason("cs.CL", "tag")],
            "«agents» in the title, tag «cs.CL»",
        ),
        (
            [reason("agents", "title"), reason(">=20", "upvotes")],
            "«agents» in the title, upvotes «>=20»",
        ),
        (
            [reason("LLM", "title", "a"), reason("agents", "title", "b")],
            "«LLM», «agents» in the title",
        ),
        (
            [reason("cs.CL", "tag", "a"), reason("cs.LG", "tag", "b")],
            "tags «cs.CL», «cs.LG»",
        ),
        (
            [reason("LLM", "title", "a", "survey", "review"), reason("x", "feed", "b")],
            "«LLM» in the title, without “survey” or “review” · feed «x»",
        ),
        (
            [reason("a", "title", "one"), reason("a", "title", "two")],
            "«a» in the title",
        ),
        (
            [reason("a", "title", "1", "z"), reason("a", "title", "2", "z")],
            "«a» in the title, without “z”",
        ),
        (
            [reason("cs.CL", "tag"), reason("cs.CL", "title")],
            "tag «cs.CL», «cs.CL» in the title",
        ),
        ([], "matched an interest you have since changed"),
        ([reason(" \n", "title")], "matched an interest you have since changed"),
        (
            [reason(f"t{n}", "title", f"q{n}") for n in range(7)],
            "«t0», «t1», «t2», «t3», «t4» and 2 more in the title",
        ),
        (
            [reason(f"t{n}", "title", f"q{n}", f"w{n}") for n in range(6)],
            (
                "«t0» in the title, without “w0” · «t1» in the title, without “w1” · "
                "«t2» in the title, without “w2” · «t3» in the title, without “w3” · and 2 more"
            ),
        ),
    ],
)
def test_reasons_read_as_one_line(reasons: list[Reason], line: str) -> None:
    assert plain_why(why_line(reasons)) == line


def test_only_terms_are_marked() -> None:
    line = why_line([reason("cs.CL", "tag")])

    assert line == (Segment(text="tag "), Segment(text="cs.CL", marked=True))


def test_very_long_terms_are_cut() -> None:
    line = why_line([reason("word " * 60, "title")])

    assert len(line[0].text) <= 80
