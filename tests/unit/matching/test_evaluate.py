"""A verdict names the terms it hangs on."""

from __future__ import annotations

from collections.abc import Callable

from digest.matching.evaluate import evaluate
from digest.matching.query import parse_query
from digest.model import Paper, Reason


def test_each_place_of_a_term_is_a_reason(make_paper: Callable[..., Paper]) -> None:
    paper = make_paper("Sparse Autoencoders", "We train a sparse autoencoder.")

    verdict = evaluate(parse_query("Sparse autoencoders -surveys"), paper)

    query = '"sparse autoencoder" NOT survey'
    assert verdict.matched
    assert verdict.reasons == (
        Reason(term="Sparse autoencoders", field="title", query=query, without=("surveys",)),
        Reason(term="Sparse autoencoders", field="abstract", query=query, without=("surveys",)),
    )
    assert verdict.detail == (
        "found Sparse autoencoders in the title, Sparse autoencoders in the abstract"
    )


def test_reasons_stand_in_the_order_of_the_query(make_paper: Callable[..., Paper]) -> None:
    paper = make_paper("Zebra and Ape")

    verdict = evaluate(parse_query("zebra AND ape"), paper)

    assert [reason.term for reason in verdict.reasons] == ["zebra", "ape"]


def test_only_the_part_that_holds_gives_reasons(make_paper: Callable[..., Paper]) -> None:
    paper = make_paper("Ape and Cat")

    verdict = evaluate(parse_query("(ape AND zebra) OR cat"), paper)

    assert [reason.term for reason in verdict.reasons] == ["cat"]


def test_names_tags_and_feeds_are_given_as_they_stand(make_paper: Callable[..., Paper]) -> None:
    paper = make_paper(
        "JEPA",
        authors=("Yann LeCun", "Ann Author"),
        tags=("cs.CL", "cs.LG"),
        feeds=("hf-daily",),
        upvotes=31,
    )

    verdict = evaluate(parse_query('author:"Y. LeCun" tag:cs feed:HF-daily upvotes:>=20'), paper)

    assert [(reason.term, reason.field) for reason in verdict.reasons] == [
        ("Yann LeCun", "author"),
        ("cs.CL", "tag"),
        ("cs.LG", "tag"),
        ("hf-daily", "feed"),
        (">=20", "upvotes"),
    ]
    assert verdict.detail == (
        "found the author Yann LeCun, the tag cs.CL, the tag cs.LG, the feed hf-daily, upvotes >=20"
    )


def test_terms_that_are_missing_are_named(make_paper: Callable[..., Paper]) -> None:
    query = parse_query(
        "ape AND title:zebra AND author:Hinton AND tag:cs.CV AND feed:x AND upvotes:>3"
    )

    verdict = evaluate(query, make_paper("Ape"))

    assert not verdict.matched
    assert verdict.missing == (
        "title:zebra",
        "author:Hinton",
        "tag:cs.CV",
        "feed:x",
        "upvotes:>3",
    )
    assert verdict.detail.startswith("not found: title:zebra, author:Hinton")


def test_what_excludes_a_paper_is_named(make_paper: Callable[..., Paper]) -> None:
    paper = make_paper("Diffusion", "This survey reads all.")

    verdict = evaluate(parse_query("diffusion NOT survey"), paper)

    assert verdict.excluded_by == (
        Reason(term="survey", field="abstract", query="diffusion NOT survey"),
    )
    assert verdict.missing == ()
    assert verdict.detail == "excluded by survey in the abstract"


def test_unknown_upvotes_satisfy_no_comparison(make_paper: Callable[..., Paper]) -> None:
    paper = make_paper("Nets")

    matched = [
        evaluate(parse_query(f"upvotes:{comparison}0"), paper).matched
        for comparison in (">=", ">", "<=", "<", "=")
    ]

    assert matched == [False, False, False, False, False]


def test_upvotes_are_compared(make_paper: Callable[..., Paper]) -> None:
    paper = make_paper("Nets", upvotes=5)

    matched = [
        evaluate(parse_query(f"upvotes:{comparison}5"), paper).matched
        for comparison in (">=", ">", "<=", "<", "=")
    ]

    assert matched == [True, False, True, False, True]


def test_an_exact_prefix_heeds_case(make_paper: Callable[..., Paper]) -> None:
    query = parse_query('="Big RAGs*"')

    assert evaluate(query, make_paper("A Big RAGsters")).matched
    assert not evaluate(query, make_paper("A big RAGsters")).matched
    assert not evaluate(query, make_paper("A Big ragsters")).matched


def test_a_prefix_finds_the_singular_too(make_paper: Callable[..., Paper]) -> None:
    assert evaluate(parse_query("matrix*"), make_paper("Matrices")).matched
    assert evaluate(parse_query("matric*"), make_paper("Matrices")).matched
