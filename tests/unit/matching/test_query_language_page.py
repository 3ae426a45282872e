"""The examples of docs/query-language.md are true."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.errors import QueryError
from digest.matching.evaluate import evaluate
from digest.matching.index import build_index
from digest.matching.query import canonical, parse_query
from digest.model import Alias, Paper, PaperId, QueryId

PAGE = Path(__file__).resolve().parents[3] / "docs/query-language.md"


def _rows(heading: str) -> list[tuple[str, str, str]]:
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+`) \| (.+?) \| ?(.*?) ?\|$", section, flags=re.MULTILINE)
    return [(_code(query), second, _code(third)) for query, second, third in rows]


def _code(cell: str) -> str:
    return cell.replace("\\|", "|").strip("`")


def _paper(cell: str) -> Paper:
    text, *facts = cell.split("; ")
    title, _, abstract = text.partition(" / ")
    values = {kind: [f[len(kind) + 1 :] for f in facts if f.startswith(f"{kind} ")] for kind in (
        "by", "tagged", "on",
    )}  # fmt: skip
    upvotes = [int(fact.split()[0]) for fact in facts if fact.endswith(" upvotes")]
    return Paper(
        id=PaperId(1),
        alias=Alias("arxiv:2602.00001"),
        title=title,
        abstract=abstract,
        authors=tuple(values["by"]),
        tags=tuple(values["tagged"]),
        feeds=tuple(values["on"]),
        upvotes=upvotes[0] if upvotes else None,
        first_seen_at=datetime(2026, 2, 2, tzinfo=UTC),
    )


EXAMPLES = _rows("Examples")
REFUSED = _rows("What is refused")


@pytest.mark.parametrize(("query", "wanted", "unwanted"), EXAMPLES)
def test_an_example_wants_one_paper_and_not_the_other(
    query: str, wanted: str, unwanted: str
) -> None:
    asked = parse_query(query)

    assert evaluate(asked, _paper(wanted)).matched
    assert not evaluate(asked, _paper(unwanted)).matched


@pytest.mark.parametrize(("query", "wanted", "unwanted"), EXAMPLES)
def test_the_index_agrees_on_an_example(query: str, wanted: str, unwanted: str) -> None:
    index = build_index([(QueryId(1), canonical(parse_query(query)))])

    hits = index.match([_paper(wanted), _paper(unwanted)])

    assert hits.bits(QueryId(1)) == 0b01


@pytest.mark.parametrize(("query", "cause", "suggestion"), REFUSED)
def test_a_refusal_names_its_cause_and_what_may_be_meant(
    query: str, cause: str, suggestion: str
) -> None:
    with pytest.raises(QueryError) as refused:
        parse_query(query)

    assert refused.value.cause == cause
    assert (refused.value.suggestion or "") == suggestion


def test_the_page_has_examples_enough() -> None:
    assert len(EXAMPLES) >= 30
    assert len(REFUSED) >= 15


def test_queries_that_ask_the_same_share_one_form() -> None:
    assert canonical(parse_query('-survey "RAGs"')) == "rag NOT survey"
    assert canonical(parse_query("rag AND NOT surveys")) == "rag NOT survey"
