"""What replies mean: the table of docs/adr/0001 and a few laws."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.outcomes import (
    Breaker,
    Stage,
    backoff,
    counts_as_attempt,
    decide_outcome,
    enhanced_code,
    pauses_domain,
    plain_reply,
)
from digest.model import Outcome, OutcomeKind


@pytest.mark.parametrize(
    ("stage", "code", "text", "kind", "relay_trouble"),
    [
        (Stage.CONNECT, None, "refused", "retry", True),
        (Stage.CONNECT, 421, "busy", "retry", True),
        (Stage.CONNECT, 535, "5.7.8 bad password", "retry", True),
        (Stage.CONNECT, 554, "no", "retry", True),
        (Stage.MAIL, None, "dropped", "retry", True),
        (Stage.MAIL, 451, "4.3.0 later", "retry", False),
        (Stage.MAIL, 421, "closing", "retry", True),
        (Stage.MAIL, 450, "4.7.1 slow down", "retry", True),
        (Stage.MAIL, 530, "authenticate first", "retry", True),
        (Stage.MAIL, 550, "5.7.1 not you", "retry", True),
        (Stage.MAIL, 553, "5.1.8 bad sender", "retry", True),
        (Stage.MAIL, 552, "too large", "failed", False),
        (Stage.MAIL, 552, "5.3.4 too large", "failed", False),
        (Stage.RCPT, None, "dropped", "retry", False),
        (Stage.RCPT, 421, "4.3.2 closing", "retry", False),
        (Stage.RCPT, 450, "4.2.0 greylisted", "retry", False),
        (Stage.RCPT, 550, "5.1.1 nobody", "bounced", False),
        (Stage.RCPT, 550, "nobody", "bounced", False),
        (Stage.RCPT, 552, "5.2.2 full", "bounced", False),
        (Stage.RCPT, 550, "5.4.1 no such domain", "bounced", False),
        (Stage.RCPT, 550, "5.7.1 policy", "retry", True),
        (Stage.RCPT, 503, "5.5.1 order", "failed", False),
        (Stage.RCPT, 501, "syntax", "failed", False),
        (Stage.RCPT, 550, "4.1.1 contradicts itself", "bounced", False),
        (Stage.RCPT, 252, "odd", "retry", False),
        (Stage.DATA, None, "dropped", "retry", False),
        (Stage.DATA, 451, "later", "retry", False),
        (Stage.DATA, 554, "no recipients", "failed", False),
        (Stage.CONTENT, 250, "2.0.0 ok", "sent", False),
        (Stage.CONTENT, 251, "forwarded", "sent", False),
        (Stage.CONTENT, None, "dropped", "unknown", False),
        (Stage.CONTENT, 354, "what?", "unknown", False),
        (Stage.CONTENT, 452, "4.3.1 disk full", "retry", False),
        (Stage.CONTENT, 421, "closing", "retry", False),
        (Stage.CONTENT, 550, "5.1.1 nobody", "bounced", False),
        (Stage.CONTENT, 550, "nobody", "failed", False),
        (Stage.CONTENT, 554, "5.6.0 content", "failed", False),
        (Stage.CONTENT, 554, "5.7.1 policy", "retry", True),
    ],
)
def test_a_reply_has_one_meaning_at_its_stage(
    stage: Stage, code: int | None, text: str, kind: str, *, relay_trouble: bool
) -> None:
    outcome = decide_outcome(stage, code, text)

    assert (outcome.kind, outcome.relay_trouble) == (kind, relay_trouble)


@given(st.sampled_from(Stage), st.none() | st.integers(100, 999), st.text(max_size=700))
def test_every_reply_has_a_meaning_that_fits_on_a_line(
    stage: Stage, code: int | None, text: str
) -> None:
    outcome = decide_outcome(stage, code, text)

    assert outcome.kind is not OutcomeKind.WITHDRAWN
    assert len(outcome.reply) <= 500
    assert outcome.reply.isprintable()


@given(st.sampled_from(Stage), st.none() | st.integers(100, 999), st.text(max_size=50))
def test_unknown_is_said_only_after_content_and_sent_only_on_2xx(
    stage: Stage, code: int | None, text: str
) -> None:
    outcome = decide_outcome(stage, code, text)

    if outcome.kind is OutcomeKind.UNKNOWN:
        assert stage is Stage.CONTENT
    assert (outcome.kind is OutcomeKind.SENT) == (
        stage is Stage.CONTENT and code is not None and 200 <= code < 300
    )


@given(st.sampled_from(Stage), st.integers(400, 499), st.text(max_size=50))
def test_a_coded_4xx_is_always_tried_again(stage: Stage, code: int, text: str) -> None:
    assert decide_outcome(stage, code, text).kind is OutcomeKind.RETRY


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 nobody", "5.1.1"),
        ("first line\n5.1.10 null MX", "5.1.10"),
        ("5.1.1", "5.1.1"),
        ("see 5.1.1 of the manual", None),
        ("5.1.1.1 is no code", None),
        ("3.1.1 is no class", None),
        ("", None),
    ],
)
def test_the_enhanced_code_stands_first_on_a_line(text: str, code: str | None) -> None:
    assert enhanced_code(text) == code


def test_a_reply_is_shown_on_one_line_without_controls() -> None:
    assert plain_reply(550, "5.1.1 no\r\n\tsuch\x1b[31m user") == "550 5.1.1 no such [31m user"
    assert plain_reply(250, "") == "250"


def test_the_wait_grows_to_four_hours_and_stays_there() -> None:
    assert [backoff(attempts) for attempts in (0, 1, 2, 3, 4, 5, 40)] == [
        timedelta(minutes=5),
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(minutes=60),
        timedelta(hours=4),
        timedelta(hours=4),
        timedelta(hours=4),
    ]


@pytest.mark.parametrize(
    ("stage", "code", "text", "pauses", "counts"),
    [
        (Stage.RCPT, 421, "closing", True, False),
        (Stage.RCPT, 450, "4.7.1 throttled", True, False),
        (Stage.RCPT, 450, "4.2.0 greylisted", False, True),
        (Stage.RCPT, 550, "5.7.1 policy", False, False),
        (Stage.RCPT, 550, "5.1.1 nobody", False, True),
        (Stage.CONNECT, 421, "busy", False, False),
        (Stage.RCPT, None, "dropped", False, True),
    ],
)
def test_manners_and_policy_do_not_count_against_the_subscriber(
    stage: Stage, code: int | None, text: str, *, pauses: bool, counts: bool
) -> None:
    outcome = decide_outcome(stage, code, text)

    assert pauses_domain(outcome) is pauses
    assert counts_as_attempt(outcome) is counts


def test_the_breaker_trips_at_once_before_a_recipient_is_named() -> None:
    breaker = Breaker()

    tripped = breaker.note(decide_outcome(Stage.CONNECT, None, "refused"), of_recipient=False)

    assert tripped
    assert breaker.tripped_by == "refused"


def test_the_breaker_waits_for_three_recipients_in_a_row() -> None:
    breaker = Breaker()
    policy = decide_outcome(Stage.RCPT, 550, "5.7.1 policy")
    sent = Outcome(kind=OutcomeKind.SENT, reply="250 ok")

    noted = [
        breaker.note(outcome, of_recipient=True)
        for outcome in (policy, policy, sent, policy, policy, policy)
    ]

    assert noted == [False, False, False, False, False, True]
    assert breaker.tripped_by == "550 5.7.1 policy"
