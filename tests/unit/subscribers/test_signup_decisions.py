from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import (
    ConsentKind,
    Interest,
    InterestKind,
    LetterHistory,
    QueryId,
    Schedule,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from digest.subscribers.decide import (
    Origin,
    SignupAction,
    SignupPlan,
    SignupRules,
    decide_signup,
    kept_interests,
)
from digest.subscribers.tokens import TokenSigner
from digest.subscribers.wanted import SubscriberLine, check_line

NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SUPPRESSED = (
    SubscriberState.UNSUBSCRIBED,
    SubscriberState.BOUNCED,
    SubscriberState.COMPLAINED,
)


def first_digest_at(schedule: Schedule, after: datetime, *, welcome: bool = False) -> datetime:
    return after + timedelta(days=1 if welcome else 0, hours=schedule.hour)


RULES = SignupRules(
    signer=TokenSigner(["a key of thirty-two characters !"]), first_digest_at=first_digest_at
)


def known(
    state: SubscriberState,
    *,
    next_digest_at: datetime | None = None,
    interests: tuple[Interest, ...] = (),
) -> Subscriber:
    return Subscriber(
        id=SubscriberId(1),
        email="ada@example.org",
        state=state,
        schedule=Schedule(timezone="Europe/Paris", hour=8, weekdays=frozenset({0})),
        max_papers=7,
        min_upvotes=2,
        interests=interests,
        consented_at=None,
        next_digest_at=next_digest_at,
        created_at=NOW - timedelta(days=3),
    )


def decide(
    existing: Subscriber | None = None,
    *,
    line: SubscriberLine | None = None,
    forgotten: SubscriberState | None = None,
    letters: LetterHistory | None = None,
    confirmed: bool = False,
    origin: Origin = Origin.OPERATOR,
) -> SignupPlan:
    return decide_signup(
        check_line(line or SubscriberLine(email="ada@example.org")),
        existing=existing,
        forgotten=forgotten,
        letters=letters,
        rules=RULES,
        now=NOW,
        confirmed=confirmed,
        origin=origin,
    )


def test_a_new_sign_up_waits_for_confirmation() -> None:
    plan = decide(origin=Origin.SITE)

    assert plan.action is SignupAction.ADDED
    assert plan.letter
    assert plan.consent is ConsentKind.SIGNED_UP
    assert plan.draft is not None
    assert plan.draft.state is SubscriberState.PENDING
    assert plan.draft.consented_at is None
    assert plan.draft.next_digest_at is None
    assert plan.draft.wants_welcome


def test_consent_on_record_elsewhere_needs_no_letter_and_owes_no_welcome() -> None:
    plan = decide(confirmed=True)

    assert not plan.letter
    assert plan.consent is ConsentKind.CONFIRMED
    assert plan.evidence == "operator: consent is on record elsewhere"
    assert plan.draft is not None
    assert plan.draft.state is SubscriberState.ACTIVE
    assert plan.draft.consented_at == NOW
    assert plan.draft.next_digest_at == NOW + 8 * HOUR
    assert not plan.draft.wants_welcome


def test_who_is_imported_unconfirmed_gets_a_letter_and_no_welcome() -> None:
    plan = decide(origin=Origin.IMPORT)

    assert plan.letter
    assert plan.consent is ConsentKind.IMPORTED
    assert plan.draft is not None
    assert not plan.draft.wants_welcome


def test_hour_zero_and_no_upvotes_are_wishes_not_gaps() -> None:
    plan = decide(
        known(SubscriberState.ACTIVE),
        line=SubscriberLine(email="ada@example.org", hour=0, min_upvotes=0),
    )

    assert plan.draft is not None
    assert plan.draft.schedule.hour == 0
    assert plan.draft.min_upvotes == 0


def test_what_a_line_does_not_say_stays_as_it_is() -> None:
    plan = decide(known(SubscriberState.ACTIVE, next_digest_at=NOW + 5 * HOUR))

    assert plan.action is SignupAction.UPDATED
    assert plan.draft is not None
    assert plan.draft.schedule == known(SubscriberState.ACTIVE).schedule
    assert plan.draft.max_papers == 7
    assert plan.draft.min_upvotes == 2
    assert plan.draft.next_digest_at == NOW + 5 * HOUR


def test_a_new_hour_moves_the_next_digest() -> None:
    plan = decide(
        known(SubscriberState.ACTIVE, next_digest_at=NOW + 5 * HOUR),
        line=SubscriberLine(email="ada@example.org", hour=3),
    )

    assert plan.draft is not None
    assert plan.draft.next_digest_at == NOW + 3 * HOUR


def test_a_digest_that_is_owed_already_is_not_lost_by_a_new_hour() -> None:
    plan = decide(
        known(SubscriberState.ACTIVE, next_digest_at=NOW - HOUR),
        line=SubscriberLine(email="ada@example.org", hour=3),
    )

    assert plan.draft is not None
    assert plan.draft.next_digest_at == NOW - HOUR


def test_a_stranger_on_the_site_changes_nothing_of_an_active_subscriber() -> None:
    plan = decide(
        known(SubscriberState.ACTIVE),
        line=SubscriberLine(email="ada@example.org", hour=3),
        origin=Origin.SITE,
    )

    assert plan == SignupPlan(action=SignupAction.UNCHANGED, reason="already subscribed")


def test_an_operator_may_confirm_whoever_is_pending() -> None:
    plan = decide(known(SubscriberState.PENDING), confirmed=True)

    assert plan.activates
    assert plan.draft is not None
    assert plan.draft.consented_at == NOW
    assert plan.draft.next_digest_at == NOW + 8 * HOUR
    assert not plan.letter


@pytest.mark.parametrize(
    ("letters", "letter", "reason"),
    [
        (None, True, ""),
        (LetterHistory(count=1, last_at=NOW - 24 * HOUR), True, ""),
        (
            LetterHistory(count=1, last_at=NOW - 23 * HOUR),
            False,
            "asked to confirm within the last 24 hours",
        ),
        (
            LetterHistory(count=3, last_at=NOW - 900 * HOUR),
            False,
            "asked to confirm 3 times already",
        ),
    ],
)
@pytest.mark.parametrize(
    ("state", "origin"),
    [
        (SubscriberState.PENDING, Origin.OPERATOR),
        (SubscriberState.PENDING, Origin.SITE),
        (SubscriberState.UNSUBSCRIBED, Origin.SITE),
        (SubscriberState.BOUNCED, Origin.SITE),
    ],
)
def test_nobody_is_asked_to_confirm_more_than_daily_or_thrice(
    letters: LetterHistory | None,
    letter: bool,
    reason: str,
    state: SubscriberState,
    origin: Origin,
) -> None:
    plan = decide(known(state), letters=letters, origin=origin)

    assert plan.letter is letter
    assert plan.reason == reason


@pytest.mark.parametrize("state", SUPPRESSED)
@pytest.mark.parametrize(
    ("origin", "confirmed"),
    [(Origin.OPERATOR, True), (Origin.IMPORT, True), (Origin.IMPORT, False)],
)
def test_neither_command_nor_import_revives_who_was_suppressed(
    state: SubscriberState, origin: Origin, confirmed: bool
) -> None:
    for plan in (
        decide(known(state), confirmed=confirmed, origin=origin),
        decide(forgotten=state, confirmed=confirmed, origin=origin),
    ):
        assert plan.action is SignupAction.REFUSED
        assert plan.draft is None
        assert not plan.letter
        assert plan.reason


@pytest.mark.parametrize("state", [SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED])
def test_an_operator_may_have_the_owner_of_an_address_asked_again(state: SubscriberState) -> None:
    for plan in (decide(known(state)), decide(forgotten=state)):
        assert plan.letter
        assert not plan.activates


@pytest.mark.parametrize("origin", [Origin.SITE, Origin.OPERATOR])
def test_nobody_who_complained_is_ever_asked_again(origin: Origin) -> None:
    assert decide(known(SubscriberState.COMPLAINED), origin=origin).action == "refused"
    assert decide(forgotten=SubscriberState.COMPLAINED, origin=origin).action == "refused"


def test_who_was_erased_after_leaving_may_sign_up_anew_on_the_site() -> None:
    plan = decide(forgotten=SubscriberState.UNSUBSCRIBED, origin=Origin.SITE)

    assert plan.action is SignupAction.ADDED
    assert plan.letter


@given(
    state=st.none() | st.sampled_from(list(SubscriberState)),
    forgotten=st.none() | st.sampled_from(SUPPRESSED),
    letters=st.none()
    | st.builds(
        LetterHistory,
        count=st.integers(1, 5),
        last_at=st.integers(0, 100).map(lambda hours: NOW - hours * HOUR),
    ),
)
def test_no_sign_up_on_the_site_mails_digests_before_its_owner_confirmed(
    state: SubscriberState | None,
    forgotten: SubscriberState | None,
    letters: LetterHistory | None,
) -> None:
    plan = decide(
        known(state) if state else None,
        forgotten=forgotten,
        letters=letters,
        origin=Origin.SITE,
    )

    assert not plan.activates
    assert plan.draft is None or plan.draft.state is not SubscriberState.ACTIVE
    assert plan.draft is None or plan.draft.consented_at is None


def test_interests_of_kinds_that_a_line_does_not_list_are_kept() -> None:
    tag = Interest(kind=InterestKind.TAG, text="cs.CL", query_id=QueryId(1))
    keyword = Interest(kind=InterestKind.KEYWORD, text="agents", query_id=QueryId(2))
    subscriber = known(SubscriberState.ACTIVE, interests=(tag, keyword))
    wanted = check_line(SubscriberLine(email="ada@example.org", tags=()))

    assert kept_interests(wanted, subscriber) == (keyword,)
    assert kept_interests(wanted, None) == ()
