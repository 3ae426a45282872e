"""Short forms that papers define, synonyms, and how both read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from digest.errors import ConfigError
from digest.matching.acronyms import acronyms
from digest.matching.configured import parse_synonyms, parse_topics
from digest.matching.evaluate import evaluate
from digest.matching.index import QueryIndex
from digest.matching.query import parse_query
from digest.matching.reading import Synonyms, read_paper, runs_of
from digest.model import Paper, QueryId, Topic
from digest.resources import resource_dir

MakePaper = Callable[..., Paper]

RLHF = Synonyms([("RLHF", "reinforcement learning from human feedback")])


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Large Language Models (LLMs) act.", (("LLMs", "Large Language Models"),)),
        ("Vision transformers (ViT) see.", (("ViT", "Vision transformers"),)),
        ("we use GNN (graph neural network) here", (("GNN", "graph neural network"),)),
        ("Vision language model (VLMs)", (("VLM", "Vision language model"),)),
        ("random access gates (RAG; see below)", (("RAG", "random access gates"),)),
        ("A method (2023) of ours (see Fig. 2)", ()),
        ("the best (SOTA) of all", ()),
        ("nothing here", ()),
        ("(LLM)", ()),
        ("an LLM LLM (LLM) thing", ()),
        ("see. (X) (XY)", ()),
    ],
)  # fmt: skip
def test_definitions_are_found_as_schwartz_and_hearst_do(
    text: str, pairs: tuple[tuple[str, str], ...]
) -> None:
    assert acronyms(text) == pairs


def test_a_paper_defines_at_most_sixteen_forms() -> None:
    text = " ".join(f"Alpha{chr(97 + n)} beta (A{chr(97 + n)}B)" for n in range(26))

    assert len(acronyms(text)) == 16


def test_synonyms_are_found_in_both_directions_and_not_by_case(make_paper: MakePaper) -> None:
    long = make_paper("Reinforcement learning from human feedback, at scale")
    short = make_paper("RLHF agents")

    assert evaluate(parse_query("RLHF at scale"), long, RLHF).matched
    assert evaluate(
        parse_query("reinforcement learning from human feedback agents"), short, RLHF
    ).matched
    assert not evaluate(parse_query("=RLHF"), long, RLHF).matched
    assert not evaluate(parse_query("RLHF"), long).matched


def test_the_span_of_another_form_is_that_of_what_stands_there(make_paper: MakePaper) -> None:
    paper = make_paper("On LLMs", "Large language models (LLMs) plan.")

    (title, abstract) = evaluate(parse_query("large language model"), paper).reasons

    assert (title.field, title.span) == ("title", (3, 7))
    assert (abstract.field, abstract.span) == ("abstract", (0, 21))


def test_both_ways_of_reading_give_the_same_words(make_paper: MakePaper) -> None:
    paper = make_paper("RLHF for LLMs", "Large language models (LLMs) and LLMs, with RLHF.")

    quick = runs_of(paper, RLHF)
    full = read_paper(paper, RLHF)

    assert [[list(run) for run in column] for column in quick] == [
        [list(run.words) for run in column] for column in full
    ]
    assert all(len(run.words) == len(run.spans) for column in full for run in column)


def test_the_index_knows_synonyms_too(make_paper: MakePaper) -> None:
    index = QueryIndex()
    index.add(QueryId(1), parse_query("RLHF"))
    papers = [make_paper("Reinforcement learning from human feedback")]

    assert index.match(papers, RLHF).bits(QueryId(1)) == 1
    assert index.match(papers).bits(QueryId(1)) == 0


def test_an_author_in_another_form_is_said(make_paper: MakePaper) -> None:
    paper = make_paper("JEPA", authors=("Yann LeCun",))

    (reason,) = evaluate(parse_query('author:"Y. LeCun"'), paper).reasons

    assert (reason.term, reason.asked) == ("Yann LeCun", "Y. LeCun")


def test_the_bundled_topics_are_understood_and_each_stands_once() -> None:
    path = resource_dir("config") / "topics.toml"

    topics = parse_topics(path.read_text(encoding="utf-8"), source="topics.toml")

    assert len(topics) >= 60
    assert all(topic.group and topic.description for topic in topics)


def test_topics_are_read() -> None:
    text = "[[topic]]\nname = 'RAG'\nquery = '=RAG'\ngroup = 'G'"

    assert parse_topics(text, source="t") == (Topic(name="RAG", query="=RAG", group="G"),)
    assert parse_topics("", source="t") == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[topic]]\nname = 'A'\nquery = 'NOT b'", "t: topic A: this only excludes"),
        ("[[topic]]\nname = 'A'", "t: topic A: there is nothing to look for"),
        ("[[topic]]\nquery = 'a'", "t: topic 1: a topic needs a name"),
        ("[[topic]]\nname = 'A'\nquery = 3", "t: topic A: query must be a text"),
        ("[[topic]]\nname = 'A'\nquery = 'a'\nx = 3", "t: topic A: unknown key x"),
        (
            "[[topic]]\nname='A b'\nquery='a'\n[[topic]]\nname='a-B'\nquery='a'",
            "t: topic a-B: the name stands twice",
        ),
        ("topic = 3", "t: write each as a table"),
        ("x = 3", "t: unknown key x"),
        ("[[", "t: is not TOML"),
    ],
)
def test_a_topic_that_cannot_be_used_is_named(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse_topics(text, source="t")


def test_synonyms_are_read_or_refused() -> None:
    assert parse_synonyms('synonyms = [["a", "b c"]]', source="s") == (("a", "b c"),)
    for text in ('synonyms = [["a"]]', 'synonyms = [["a", "-"]]', "synonyms = 3", "other = 1"):
        with pytest.raises(ConfigError, match="s: "):
            parse_synonyms(text, source="s")
