"""What is understood, how it is written back, and how errors are drawn."""

from __future__ import annotations

import pytest

from digest.errors import QueryError
from digest.matching.hints import hints
from digest.matching.query import canonical, caret, parse_query, tag_query

CANONICAL = {
    "Sparse Autoencoders": "sparse autoencoder",
    '"Sparse Autoencoders"': "sparse autoencoder",
    "b OR a": "a OR b",
    "a OR b OR a": "a OR b",
    "a AND a": "a",
    "(a)": "a",
    "NOT NOT a": "a",
    "--a": "a",
    "-b a AND c": "a AND c NOT b",
    "a NOT (b OR c)": "a NOT b NOT c",
    "a NOT (b AND c)": "a AND (NOT b OR NOT c)",
    "a OR b c AND d": 'a OR "b c" AND d',
    'sparse codes AND rag -"no no" -x': 'rag AND "sparse code" NOT "no no" NOT x',
    "a AND (b OR (c OR d))": "a AND (b OR c OR d)",
    "=RAG": "=RAG",
    '="Big RAG"': '="Big RAG"',
    "=(RAG OR Big)": "=Big OR =RAG",
    "=RAGgae*": "=RAGgae*",
    "title:(=RAG OR b c)": 'title:=RAG OR title:"b c"',
    "Neural Quant*": "neural quant*",
    'x OR "neural quant*"': '"neural quant*" OR x',
    "quant* nets": "net AND quant*",
    'author:"LeCun, Y."': 'author:"y lecun"',
    'author:"JP Smith"': 'author:"j p smith" OR author:"jp smith"',
    'rag -author:"Smith JP"': 'rag NOT author:"j p smith" NOT author:"smith jp"',
    'author:"WEI LI"': 'author:"wei li"',
    "author:(LeCun OR Hinton)": "author:hinton OR author:lecun",
    "TAG:cs.CL": "tag:cs.cl",
    'tag:"Machine Learning"': "tag:machine-learning",
    "tag:(machine learning OR cs)": "tag:cs OR tag:machine-learning",
    'tag:"a(b)"': 'tag:"a(b)"',
    "feed:HF-Daily": "feed:hf-daily",
    "upvotes:≥20": "upvotes:>=20",
    "upvotes:(>3 AND <=9)": "upvotes:<=9 AND upvotes:>3",
    "BERT: Pre-training": "bert pre training",
    "N:M sparsity": "n m sparsity",
    "“smart quotes” –survey": '"smart quote" NOT survey',
    "search & rescue": "search rescue",
    "NOT a b": "b NOT a",
}


@pytest.mark.parametrize(("text", "expected"), CANONICAL.items())
def test_a_query_has_one_canonical_form(text: str, expected: str) -> None:
    query = parse_query(text)

    assert canonical(query) == expected
    assert parse_query(expected) == query


REFUSED = {
    "": ("there is nothing to look for", 0),
    "   ": ("there is nothing to look for", 0),
    "()": ("there is nothing in this parenthesis", 0),
    "(AND a)": ("`AND` needs something to look for before it", 1),
    "a AND": ("`AND` needs something to look for after it", 2),
    "a AND OR b": ("`AND` needs something to look for after it", 2),
    "a NOT": ("`NOT` needs something to look for after it", 2),
    "a (b": ("this parenthesis is never closed", 2),
    ")": ("this parenthesis closes nothing", 0),
    "a )b": ("this parenthesis closes nothing", 2),
    '""': ("there is no letter or digit to look for here", 1),
    "*": ("there is no letter or digit to look for here", 0),
    "foo *": ("`*` must follow the beginning of a word", 4),
    "强*": ("`*` is not needed after this character", 1),
    "a*b": ("`*` can only stand at the end of a phrase", 1),
    "title:(abstract:a)": ("a field cannot stand inside another", 7),
    "tag:=x": ("`=` goes with words of title and abstract", 4),
    "tag:(=x)": ("`=` goes with words of title and abstract", 5),
    "tag:cs*": ("`*` does not go with `tag:`", 6),
    'author:"?"': ("there is no name here", 8),
    'feed:"-"': ("there is no name of a feed here", 6),
    "tr?nsformer": ("`?` stands for no letter; `*` at the end finds words that begin so", 2),
    "= RAG": ("`=` needs its word right after it", 0),
    "(=)": ("`=` needs its word right after it", 1),
    "a =": ("`=` needs its word right after it", 2),
    "title:-a": ("the dash comes before `title:`", 6),
    "=-a": ("the dash comes before `=`", 1),
    "upvotes:many": ("upvotes are compared with a number", 8),
    "https://x.org": (
        "there is no field `https:` (there are title, abstract, author, tag, feed, upvotes)",
        0,
    ),
    "a\u202eb": ("this invisible character cannot stand in a query", 1),
    "a AND (b OR NOT c) OR (d OR NOT e)": (
        "this would match almost every paper: say also what to look for",
        12,
    ),
    "a OR (NOT b NOT c)": ("this would match almost every paper: say also what to look for", 6),
    "(b OR NOT c) (d OR NOT e)": (
        "this would match almost every paper: say also what to look for",
        6,
    ),
    "Ω" * 600 + " α" * 200: ("a query has at most 1000 characters", 1_000),
    "a" * 1_001: ("a query has at most 1000 characters", 1_000),
    "(" * 21 + "a" + ")" * 21: ("more than 20 parentheses deep", 20),
    " ".join(["-a"] * 201): ("more than 200 terms", 601),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=range(len(REFUSED)))
def test_a_query_that_cannot_be_understood_is_refused(text: str, expected: tuple[str, int]) -> None:
    with pytest.raises(QueryError) as refused:
        parse_query(text)

    assert (refused.value.cause, refused.value.position) == expected


SUGGESTIONS = {
    "https://x.org rag": '"https://x.org" rag',
    "title:-a b": "-title:a b",
    "tag:=cs.CL": "tag:cs.CL",
    "au:LeCun": "author:LeCun",
    "abstarct:x": "abstract:x",
    "a OR (NOT b NOT c)": "a NOT b NOT c",
    "-a -b": "a OR b",
    "upvotes:many": None,
    "upvotes:20": "upvotes:>=20",
    "upvotes:20+": "upvotes:>=20",
    "upvotes:=<20": "upvotes:<=20",
    "upvotes:=> 20": "upvotes:>=20",
    "upvotes:==20": "upvotes:=20",
    "upvotes:<1,000": "upvotes:<1000",
    "upvotes:>=2,000,000 rag": "upvotes:>=2000000 rag",
    "upvotes:<20.5": None,
    "upvotes:!=3": None,
    "upvotes:<20+": None,
    "upvotes:<>3": None,
    "upvotes:>=1234567890": None,
    "upvotes:10-20": None,
    'upvotes:"" rag': None,
    "()": None,
    "transform?r models": "transform* models",
    "transform*r": "transform*",
    '"transform?r models"': None,
    "author:LeC?n": None,
    "rag OR  OR bert": "rag OR bert",
    "rag AND NOT": "rag",
    "rag (bert OR NOT": None,
    "rag (": "rag",
    "(rag OR bert)))": "(rag OR bert)",
    '"rag"*': '"rag*"',
    'author:"Hinton*"': 'author:"Hinton"',
    "rag OR -rag": None,
    "rag OR -bert": "rag NOT bert",
    "a AND  (b OR )": "a AND (b)",
    "rag  |  bert": "rag OR bert",
    "rag ( ) bert": "rag bert",
    "a\u202eb": "ab",
}


@pytest.mark.parametrize(("text", "expected"), SUGGESTIONS.items())
def test_a_refusal_suggests_only_what_would_be_accepted(text: str, expected: str | None) -> None:
    with pytest.raises(QueryError) as refused:
        parse_query(text)

    assert refused.value.suggestion == expected


def test_a_canonical_form_may_be_longer_than_what_people_write() -> None:
    query = parse_query("abstract:(" + " OR ".join(f"a{n}" for n in range(120)) + ")")

    assert len(canonical(query)) > 1_000
    assert parse_query(canonical(query)) == query


def test_terms_that_are_too_long_together_are_refused_in_any_form() -> None:
    long = "x" * 960
    text = f"author:{long} AND feed:{long} AND tag:{long} AND upvotes:>=1"

    with pytest.raises(QueryError, match="at most 1000 characters"):
        parse_query(text)


def test_a_long_query_that_is_not_canonical_is_refused() -> None:
    with pytest.raises(QueryError, match="at most 1000 characters"):
        parse_query(" OR ".join(f"b{n}" for n in reversed(range(180))))


def test_a_tag_becomes_a_query() -> None:
    query = tag_query("cs.CL")

    assert canonical(query) == "tag:cs.cl"
    assert query == parse_query("tag:cs.CL")


@pytest.mark.parametrize("tag", ["", " -_- ", "x" * 1_001])
def test_an_unusable_tag_is_refused(tag: str) -> None:
    with pytest.raises(QueryError):
        tag_query(tag)


def test_excluded_terms_are_kept_as_written() -> None:
    query = parse_query('diffusion -"Case Study" NOT (Surveys OR tag:cs.CV)')

    assert query.without == ("Case Study", "Surveys", "cs.CV")


HINTS = {
    "rag or retrieval": ("rag OR retrieval", 4),
    "diffusion not survey": ("diffusion NOT survey", 10),
    "rag And agents": ("rag AND agents", 4),
    "rag NOT neural network": ('rag NOT "neural network"', 8),
}


@pytest.mark.parametrize(("text", "expected"), HINTS.items())
def test_an_accepted_query_may_draw_a_hint(text: str, expected: tuple[str, int]) -> None:
    hint = hints(parse_query(text))[0]

    assert (hint.suggestion, hint.position) == expected


@pytest.mark.parametrize("text", ['"rag or llm"', "or", "not", "a NOT b", "NOT b (a)", "a -b c"])
def test_a_clear_query_draws_no_hint(text: str) -> None:
    assert hints(parse_query(text)) == ()


def test_a_hint_is_given_only_when_its_suggestion_would_be_accepted() -> None:
    assert hints(parse_query("a (b NOT c d)"))[0].suggestion == 'a (b NOT "c d")'


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("RAG, LLM", "RAG OR LLM"),
        ('"world model", LLM', '"world model" OR LLM'),
        ("RAG|LLM", "RAG OR LLM"),
        ("RAG||LLM survey", "RAG OR LLM survey"),
        ("RAG & LLM", "RAG AND LLM"),
        ("upvotes >= 20", "upvotes:>=20"),
        ("RAG upvotes >=20", "RAG upvotes:>=20"),
        ("diffusion —survey", "diffusion -survey"),
        ("RAG title:NOT survey", "RAG NOT title:survey"),
        ("title：RAG", "title:RAG"),
        ("rag[MeSH Terms]", "rag"),
        ('"world model"[MeSH] OR rag', '"world model" OR rag'),
    ],
)
def test_punctuation_in_the_place_of_an_operator_draws_a_hint(text: str, suggestion: str) -> None:
    assert hints(parse_query(text))[0].suggestion == suggestion


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("NOT neural network", "NOT excludes only `neural`, and `network` is asked for"),
        ("NOT cat* dog", "NOT excludes only `cat*`, and `dog` is asked for"),
        ("RAG bert NOT x AND -(RAG bert)", "`RAG bert` is asked for and excluded: nothing matches"),
        ("title:NOT x", "`title:` takes `NOT` as its word; NOT comes before the field"),
    ],
)
def test_a_likely_mistake_is_named_where_no_query_can_be_suggested(text: str, cause: str) -> None:
    (hint,) = hints(parse_query(text))

    assert (hint.cause, hint.suggestion) == (cause, None)


@pytest.mark.parametrize(
    "text", ["AT&T", "R&D", "state — of", '"a, b"', 'author:"LeCun, Y."', "[MASK] tokens"]
)
def test_ordinary_punctuation_draws_no_hint(text: str) -> None:
    assert hints(parse_query(text)) == ()


def test_few_suggestions_are_tried_out_however_many_doubts_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    def refuse(suggestion: str, *, unlike: str) -> None:
        tried.append((suggestion, unlike))

    monkeypatch.setattr("digest.matching.hints.accepted", refuse)

    hints(parse_query("not " * 249 + "x"))
    hints(parse_query("author:a b " * 90))

    assert 0 < len(tried) <= 12


def _error(text: str) -> QueryError:
    with pytest.raises(QueryError) as refused:
        parse_query(text)
    return refused.value


def test_the_caret_stands_under_the_place() -> None:
    assert caret(_error("rag AND (llm")) == "rag AND (llm\n        ^"


def test_the_caret_counts_columns_not_characters() -> None:
    assert caret(_error("强化 (e\u0301")) == "强化 (e\u0301\n     ^"
    assert caret(_error("e\u0301 (x")) == "e\u0301 (x\n  ^"


def test_the_caret_shows_part_of_a_long_query() -> None:
    drawn = caret(_error("word " * 30 + "(x" + " word" * 30)).splitlines()

    assert drawn[0].startswith("…")
    assert drawn[0].endswith("…")
    assert drawn[0][drawn[1].index("^")] == "("


def test_the_caret_shows_no_control_character() -> None:
    assert caret(_error("a\u202e\nb")) == "a� b\n ^"


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("author:Y. LeCun", 'author:"Y. LeCun"'),
        ("title:sparse autoencoder -survey", 'title:"sparse autoencoder" -survey'),
        ("tag:machine learning", 'tag:"machine learning"'),
        ("cs.CL", "tag:cs.CL"),
        ("parsing OR cs.cl", "parsing OR tag:cs.cl"),
        ("LLM and not survey", "LLM AND NOT survey"),
        ("RAG NEAR/3 retrieval", "RAG AND retrieval"),
        ("RAG XOR retrieval", "RAG OR retrieval"),
        ("RAG ANDNOT survey", "RAG NOT survey"),
        ("RAG AND-survey", "RAG AND -survey"),
        ("RAG OR-retrieval", "RAG OR retrieval"),
        ("RAG NOT-survey", "RAG NOT survey"),
        ("+RAG +retrieval", "+RAG AND retrieval"),
    ],
)
def test_what_reads_otherwise_than_meant_draws_a_hint(text: str, suggestion: str) -> None:
    assert hints(parse_query(text))[0].suggestion == suggestion


@pytest.mark.parametrize(
    "text",
    [
        'author:"Y. LeCun"',
        "author:LeCun OR b",
        "tag:cs.CL",
        "tag:cs.CL parsing",
        "NEAR",
        "XOR gates",
        "OR-tools",
    ],
)
def test_a_field_of_one_word_and_a_category_as_a_tag_draw_no_hint(text: str) -> None:
    assert hints(parse_query(text)) == ()


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("upvotes>20", "upvotes:>20"),
        ("RAG AND votes>=5", "RAG AND upvotes:>=5"),
        ("upvotes:>= 20", "upvotes:>=20"),
        ("upvotes: >= 20", "upvotes:>=20"),
        ("large language model[ti]", 'title:"large language model"'),
        ("RAG OR LeCun Y[au]", 'RAG OR author:"LeCun Y"'),
        ('"world model"[Title/Abstract]', '"world model"'),
        ('"sparse autoencoder"~5', '"sparse autoencoder"'),
        ("tag:cs.*", "tag:cs"),
        ('sparse autoencoder"', "sparse autoencoder"),
    ],
)
def test_the_way_of_another_language_is_refused_with_ours(text: str, suggestion: str) -> None:
    assert _error(text).suggestion == suggestion
