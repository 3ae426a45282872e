from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from digest.digests.why import RuleFact, SentFact, Trace, WhyFacts, WindowFact, decide_verdict
from digest.model import DeliveryState, InterestKind, Period, Reason, SubscriberState
from tests.support.digests import make_paper

NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
OPEN = WindowFact(
    feed="hf",
    listed_at=datetime(2026, 2, 2, 6, tzinfo=UTC),
    opened_at=datetime(2026, 2, 2, 6, tzinfo=UTC),
)
WANTS = RuleFact(
    kind=InterestKind.KEYWORD,
    text="sparse",
    matched=True,
    reasons=(Reason(term="sparse", field="title", query="sparse"),),
)
TAG_MISS = RuleFact(kind=InterestKind.TAG, text="cs.CL", matched=False)
MISS = RuleFact(
    kind=InterestKind.KEYWORD, text="protein folding", matched=False, missing=("protein folding",)
)
MUTE = RuleFact(kind=InterestKind.MUTED, text="survey", matched=True)

FACTS = WhyFacts(
    now=NOW,
    eligibility_days=14,
    state=SubscriberState.ACTIVE,
    consented_at=datetime(2026, 1, 1, tzinfo=UTC),
    min_upvotes=10,
    max_papers=20,
    paper=make_paper(1, upvotes=128),
    windows=(OPEN,),
    rules=(WANTS, MISS),
    rank=3,
)


def detail(trace: Trace, check: str) -> str:
    return next(step.detail for step in trace.steps if step.check == check)


def failed(trace: Trace) -> list[str]:
    return [step.check for step in trace.steps if not step.ok]


def test_paper_that_passes_every_check_would_be_in_the_next_digest() -> None:
    trace = decide_verdict(FACTS)

    assert trace.verdict == "would be in the next digest"
    assert [(step.check, step.ok, step.detail) for step in trace.steps] == [
        ("ingested", True, "first seen 2026-02-02 06:00 UTC; listed by hf on 2026-02-02"),
        ("subscribed", True, "confirmed 2026-01-01 00:00 UTC"),
        ("eligible", True, "hf: open until 2026-02-16 06:00 UTC"),
        ("matched", True, "sparse: «sparse» in the title"),
        ("not muted", True, "no muted query matches"),
        ("min_upvotes", True, "upvotes 128; at least 10 wanted"),
        ("not yet sent", True, "in no digest so far"),
        ("within the cap", True, "number 3 of those waiting; 20 papers a digest"),
    ]


def test_unknown_paper_is_not_ingested() -> None:
    trace = decide_verdict(replace(FACTS, paper=None))

    assert trace.verdict == "not ingested"
    assert failed(trace) == ["ingested"]


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (DeliveryState.SENT, "sent in 2026-02-03"),
        (DeliveryState.UNKNOWN, "unknown in 2026-02-03"),
        (DeliveryState.READY, "queued in 2026-02-03"),
    ],
)
def test_paper_in_a_digest_is_told_with_its_period(state: DeliveryState, verdict: str) -> None:
    sent = (SentFact(period=Period("2026-02-03"), state=state),)

    trace = decide_verdict(replace(FACTS, sent=sent, rules=(), rank=None))

    assert trace.verdict == verdict
    assert detail(trace, "not yet sent") == f"in the digest of 2026-02-03 ({state.value})"


def test_unconfirmed_subscriber_is_not_eligible() -> None:
    trace = decide_verdict(replace(FACTS, consented_at=None, state=SubscriberState.PENDING))

    assert trace.verdict == "not eligible"
    assert failed(trace) == ["subscribed", "eligible"]


def test_unsubscribed_subscriber_is_told_as_such() -> None:
    trace = decide_verdict(replace(FACTS, state=SubscriberState.UNSUBSCRIBED))

    assert trace.verdict == "not eligible"
    assert detail(trace, "subscribed") == "confirmed 2026-01-01 00:00 UTC, but now unsubscribed"


@pytest.mark.parametrize(
    ("opened_at", "told"),
    [
        (None, "hf: opens no window (its first document, or a revision)"),
        (datetime(2026, 1, 20, 9, tzinfo=UTC), "hf: closed 2026-02-03 09:00 UTC"),
        (
            datetime(2026, 1, 25, tzinfo=UTC),
            "hf: opened 2026-01-25 00:00 UTC, before the confirmation",
        ),
        (datetime(2026, 2, 4, tzinfo=UTC), "hf: opens 2026-02-04 00:00 UTC"),
    ],
)
def test_paper_without_a_fitting_window_is_not_eligible(
    opened_at: datetime | None, told: str
) -> None:
    facts = replace(
        FACTS,
        windows=(replace(OPEN, opened_at=opened_at),),
        consented_at=datetime(2026, 1, 25, tzinfo=UTC),
    )

    trace = decide_verdict(facts)

    assert trace.verdict == "not eligible"
    assert detail(trace, "eligible") == told


def test_one_open_window_is_enough() -> None:
    closed = replace(OPEN, feed="arxiv", opened_at=None)

    trace = decide_verdict(replace(FACTS, windows=(closed, OPEN)))

    assert trace.verdict == "would be in the next digest"


def test_paper_without_windows_is_not_eligible() -> None:
    trace = decide_verdict(replace(FACTS, windows=()))

    assert detail(trace, "eligible") == "no feed opened a window"
    assert detail(trace, "ingested") == "first seen 2026-02-02 06:00 UTC"


def test_missing_terms_are_named() -> None:
    trace = decide_verdict(replace(FACTS, rules=(MISS, TAG_MISS)))

    assert trace.verdict == "no interest matches"
    assert detail(trace, "matched") == (
        "protein folding: lacks protein folding; tag cs.CL: does not match"
    )


def test_subscriber_without_interests_is_told_so() -> None:
    trace = decide_verdict(replace(FACTS, rules=()))

    assert trace.verdict == "no interest matches"
    assert detail(trace, "matched") == "no interests are saved"


def test_muted_paper_names_the_query_that_mutes_it() -> None:
    trace = decide_verdict(replace(FACTS, rules=(WANTS, MUTE)))

    assert trace.verdict == "muted"
    assert detail(trace, "not muted") == "muted by survey"


def test_too_few_upvotes_are_told() -> None:
    unknown = decide_verdict(replace(FACTS, paper=make_paper(1)))

    assert unknown.verdict == "below min_upvotes"
    assert detail(unknown, "min_upvotes") == "upvotes unknown, counted as 0; at least 10 wanted"


def test_paper_beyond_the_cap_is_told_with_its_place() -> None:
    trace = decide_verdict(replace(FACTS, rank=21))

    assert trace.verdict == "over the cap"
    assert detail(trace, "within the cap") == "number 21 of those waiting; 20 papers a digest"


def test_paper_behind_all_that_were_counted_is_over_the_cap() -> None:
    trace = decide_verdict(replace(FACTS, rank=None))

    assert trace.verdict == "over the cap"
    assert detail(trace, "within the cap") == "behind the best of the papers waiting"
    assert len(trace.steps) == 8


def test_cap_is_only_told_where_another_check_decides() -> None:
    trace = decide_verdict(replace(FACTS, rules=(MISS,), rank=None))

    assert trace.verdict == "no interest matches"
    assert detail(trace, "within the cap") == "up to 20 papers a digest"


def test_terms_that_rule_a_paper_out_are_named() -> None:
    excluded = replace(
        MISS, text="protein NOT survey", excluded_by=(Reason(term="survey", field="title"),)
    )

    trace = decide_verdict(replace(FACTS, rules=(excluded,)))

    assert detail(trace, "matched") == "protein NOT survey: ruled out by survey"
