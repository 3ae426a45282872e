"""An operator's synonyms hold wherever something is matched, not only where it is looked up."""

from __future__ import annotations

import pytest

from tests.support.command_line import CommandLine

EVENING = ("--at", "2026-02-04T20:00:00+00:00")
MORNING = ("--at", "2026-02-05T13:30:00+00:00")
PAPER = (
    "arxiv:2305.10601"  # Tree of Thoughts: Deliberate Problem Solving with Large Language Models
)


@pytest.fixture
def with_synonyms(after_demo: CommandLine) -> CommandLine:
    """A word that stands on no paper means one that does, and somebody wants it."""
    (after_demo.folder / "config/synonyms.toml").write_text(
        'synonyms = [["treeology", "tree of thoughts"]]\n', encoding="utf-8"
    )
    after_demo.configure('[matching]\nsynonyms_file = "config/synonyms.toml"\n')
    said = after_demo(
        "subscribers", "add", "emmy@example.org", "--keyword", "treeology", "--confirmed",
        "--at", "2026-02-02T00:00:00+00:00",
    )  # fmt: skip
    assert said.code == 0, said.err
    return after_demo


def test_the_back_test_finds_the_other_form(with_synonyms: CommandLine) -> None:
    said = with_synonyms("match", "treeology", "--json", *EVENING)

    assert [one["id"] for one in said.document["papers"]] == [PAPER]


def test_the_library_finds_the_other_form(with_synonyms: CommandLine) -> None:
    said = with_synonyms("papers", "search", "treeology", "--json", *EVENING)

    assert [one["id"] for one in said.document["papers"]] == [PAPER]


def test_the_trace_finds_the_other_form(with_synonyms: CommandLine) -> None:
    said = with_synonyms("why", "emmy@example.org", PAPER, "--json", *EVENING)

    matched = next(step for step in said.document["steps"] if step["check"] == "matched")
    assert matched["ok"]


def test_the_preview_and_the_mail_have_the_paper_with_its_reason(
    with_synonyms: CommandLine,
) -> None:
    preview = with_synonyms("preview", "emmy@example.org", "--json", *MORNING)
    delivered = with_synonyms("deliver", "--json", *MORNING)
    sent = with_synonyms("deliveries", "list", "--json")

    (paper,) = preview.document["papers"]
    assert paper["id"] == PAPER
    assert paper["reasons"]
    assert delivered.document["sent"] >= 1
    own = [one for one in sent.document["deliveries"] if one["email"] == "emmy@example.org"]
    assert own[0]["papers"] == [PAPER]
    mails = [path.read_text() for path in (with_synonyms.folder / "var/outbox").glob("*.eml")]
    assert any("treeology" in mail for mail in mails)
