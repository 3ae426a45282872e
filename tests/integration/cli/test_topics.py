"""What an operator does with topics: try them, mistype them, change them."""

from __future__ import annotations

from tests.support.command_line import CommandLine

EVENING = ("--at", "2026-02-04T20:00:00+00:00")


def configured(demo: CommandLine, topics: str) -> CommandLine:
    """Let the demo's service use these topics; no paper has been read against them yet."""
    (demo.folder / "config/own.toml").write_text(topics, encoding="utf-8")
    demo.configure('[matching]\ntopics_file = "config/own.toml"\n')
    return demo


AGENTS = '[[topic]]\nname = "Acting"\ngroup = "Mine"\nquery = "agent*"\n'
THEOREMS = '[[topic]]\nname = "Language agents"\nquery = \'title:"language agents"\'\n'


def test_a_changed_file_is_tried_before_papers_are_read_again(after_demo: CommandLine) -> None:
    demo = configured(after_demo, AGENTS + THEOREMS)

    said = demo("topics", "test", "--json", *EVENING)

    assert said.code == 0
    assert said.document["papers"] == 40
    assert said.document["without_topic"] == 35
    agents, titled = said.document["topics"]
    assert (agents["papers"], titled["papers"]) == (5, 1)
    assert titled["best"] == ["arxiv:2303.11366"]
    assert len(agents["best"]) == 3


def test_trying_writes_nothing(after_demo: CommandLine) -> None:
    demo = configured(after_demo, AGENTS)

    demo("topics", "test", *EVENING)
    said = demo("topics", "list", "--json", *EVENING)

    assert [one["papers"] for one in said.document["topics"]] == [0]
    assert said.causes == [
        (
            "digest: papers are not yet read against these topics; "
            "`digest feeds poll` and the scheduler do that at the next poll"
        )
    ]


def test_one_topic_is_tried_by_its_name_in_any_case(after_demo: CommandLine) -> None:
    demo = configured(after_demo, AGENTS + THEOREMS)

    said = demo("topics", "test", "language AGENTS", *EVENING)

    assert said.out.splitlines()[1].startswith("Language agents       1   2.5%  Reflexion")
    assert said.out.splitlines()[-1] == ("40 papers of the last 30 days, 39 without any of these")


def test_an_unknown_name_is_answered_with_what_may_be_meant(after_demo: CommandLine) -> None:
    demo = configured(after_demo, AGENTS + THEOREMS)

    part = demo("topics", "test", "language", *EVENING)
    typo = demo("topics", "test", "actnig", *EVENING)

    assert part.code == typo.code == 1
    assert part.causes == [
        "digest: there is no topic named language; did you mean Language agents?"
    ]
    assert typo.causes == ["digest: there is no topic named actnig; did you mean Acting?"]


def test_no_topics_are_said_to_be_none(after_demo: CommandLine) -> None:
    said = configured(after_demo, "")("topics", "test", *EVENING)

    assert (said.code, said.out.strip()) == (0, "no topics: the file is empty")


def test_a_bad_query_in_the_file_is_named_with_a_suggestion(after_demo: CommandLine) -> None:
    demo = configured(after_demo, '[[topic]]\nname = "Nets"\nquery = "transform?r"\n')

    said = demo("topics", "test", *EVENING)

    assert said.code == 2
    assert said.causes[0].endswith(
        "topic Nets: `?` stands for no letter; `*` at the end finds words that begin so "
        "at character 10 of `transform?r`; did you mean `transform*`?"
    )
