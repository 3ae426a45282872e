from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.errors import AddressError, QueryError
from digest.model import ConsentKind, InterestKind, Schedule, SubscriberState
from digest.store import Store
from digest.store.consents import consents_of
from digest.store.interests import all_queries
from digest.store.subscribers import count_by_state, list_subscribers, suppress
from digest.subscribers.decide import Origin, SignupAction, SignupRules
from digest.subscribers.signup import apply_signups, find_subscriber
from digest.subscribers.wanted import SubscriberLine, check_line
from tests.support.people import ADA, DAY, HOUR, NOW, active, letter_states, read, sign_up, texts


def test_a_sign_up_is_pending_and_owes_one_letter(store: Store, rules: SignupRules) -> None:
    result = sign_up(store, rules)

    assert result.action is SignupAction.ADDED
    assert result.letter
    assert result.subscriber_id is not None
    subscriber = read(store, result.subscriber_id)
    assert subscriber.state is SubscriberState.PENDING
    assert subscriber.email == "Ada@example.org"
    assert subscriber.next_digest_at is None
    assert texts(subscriber.interests, InterestKind.TAG) == ["cs.CL"]
    assert texts(subscriber.interests, InterestKind.KEYWORD) == ["agents"]
    assert letter_states(store) == ["ready"]


def test_a_confirmed_addition_is_active_and_due_at_its_hour(
    store: Store, rules: SignupRules
) -> None:
    line = SubscriberLine(email="ada@example.org", timezone="Europe/Paris", hour=7, days="weekdays")

    subscriber = read(store, active(store, rules, line))

    assert subscriber.state is SubscriberState.ACTIVE
    assert subscriber.consented_at == NOW
    assert subscriber.next_digest_at == datetime(2026, 2, 4, 6, tzinfo=UTC)
    assert subscriber.schedule == Schedule(
        timezone="Europe/Paris", hour=7, weekdays=frozenset(range(5))
    )
    assert letter_states(store) == []


def test_one_address_is_one_subscriber_however_it_is_written(
    store: Store, rules: SignupRules
) -> None:
    first = active(store, rules)

    again = sign_up(
        store,
        rules,
        SubscriberLine(email="ADA@EXAMPLE.ORG", tags=("cs.LG",)),
        origin=Origin.OPERATOR,
    )

    assert again.action is SignupAction.UPDATED
    assert again.subscriber_id == first
    assert texts(read(store, first).interests, InterestKind.TAG) == ["cs.LG"]
    assert texts(read(store, first).interests, InterestKind.KEYWORD) == ["agents"]


def test_a_bad_query_is_refused_when_it_is_saved(store: Store, rules: SignupRules) -> None:
    with pytest.raises(QueryError):
        sign_up(store, rules, SubscriberLine(email="ada@example.org", keywords=("agents AND",)))

    with store.read() as tx:
        assert list_subscribers(tx) == []


def test_a_second_sign_up_within_a_day_sends_no_second_letter(
    store: Store, rules: SignupRules
) -> None:
    sign_up(store, rules)

    again = sign_up(store, rules, now=NOW + 23 * HOUR)

    assert not again.letter
    assert again.reason == "asked to confirm within the last 24 hours"
    assert letter_states(store) == ["ready"]


def test_nobody_gets_a_fourth_letter(store: Store, rules: SignupRules) -> None:
    sent = [sign_up(store, rules, now=NOW + day * DAY).letter for day in range(6)]

    assert sent == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    "kind", [ConsentKind.UNSUBSCRIBED, ConsentKind.BOUNCED, ConsentKind.COMPLAINED]
)
def test_an_operator_cannot_add_who_was_suppressed(
    store: Store, rules: SignupRules, kind: ConsentKind
) -> None:
    subscriber_id = active(store, rules)
    with store.write() as tx:
        suppress(tx, subscriber_id, kind, NOW, "test")

    result = sign_up(
        store,
        rules,
        SubscriberLine(email="ada@example.org", tags=("cs.CV",)),
        confirmed=True,
        origin=Origin.OPERATOR,
    )

    assert result.action is SignupAction.REFUSED
    assert result.reason
    assert read(store, subscriber_id).state == kind.value
    assert texts(read(store, subscriber_id).interests, InterestKind.TAG) == ["cs.CL"]


def test_an_operator_can_confirm_who_is_pending(store: Store, rules: SignupRules) -> None:
    pending = sign_up(store, rules).subscriber_id

    result = sign_up(store, rules, now=NOW + HOUR, confirmed=True, origin=Origin.OPERATOR)

    assert pending is not None
    assert result.action is SignupAction.UPDATED
    assert read(store, pending).state is SubscriberState.ACTIVE
    assert read(store, pending).consented_at == NOW + HOUR
    assert letter_states(store) == ["withdrawn"]


def test_consent_is_put_on_record_with_its_origin(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules)

    with store.read() as tx:
        (consent,) = consents_of(tx, subscriber_id)

    assert consent.kind is ConsentKind.CONFIRMED
    assert consent.at == NOW
    assert consent.evidence == "operator: consent is on record elsewhere"


def test_a_stronger_suppression_replaces_a_weaker_one_and_never_the_reverse(
    store: Store, rules: SignupRules
) -> None:
    subscriber_id = active(store, rules)
    kinds = (
        ConsentKind.BOUNCED,
        ConsentKind.UNSUBSCRIBED,
        ConsentKind.BOUNCED,
        ConsentKind.COMPLAINED,
        ConsentKind.UNSUBSCRIBED,
    )

    with store.write() as tx:
        changed = [suppress(tx, subscriber_id, kind, NOW, "test") for kind in kinds]

    assert changed == [True, True, False, True, False]
    assert read(store, subscriber_id).state is SubscriberState.COMPLAINED
    assert read(store, subscriber_id).next_digest_at is None


def test_only_queries_of_active_subscribers_are_indexed(store: Store, rules: SignupRules) -> None:
    active(store, rules)
    active(store, rules, SubscriberLine(email="grace@example.org", keywords=("agents",)))
    sign_up(store, rules, SubscriberLine(email="pending@example.org", keywords=("robots",)))

    with store.read() as tx:
        queries = sorted(canonical for _, canonical in all_queries(tx))

    assert queries == ["agent", "tag:cs.cl"]


def test_subscribers_are_listed_page_by_page(store: Store, rules: SignupRules) -> None:
    for name in ("ada", "grace", "emmy"):
        active(store, rules, SubscriberLine(email=f"{name}@example.org"))

    with store.read() as tx:
        first = list_subscribers(tx, limit=2)
        second = list_subscribers(tx, limit=2, after=first[-1].id)
        pending = list_subscribers(tx, state=SubscriberState.PENDING)
        counts = count_by_state(tx)

    assert [one.email for one in first] == ["ada@example.org", "grace@example.org"]
    assert [one.email for one in second] == ["emmy@example.org"]
    assert pending == []
    assert counts == {SubscriberState.ACTIVE: 3}


def test_a_subscriber_is_found_by_any_spelling(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules)

    with store.read() as tx:
        found = find_subscriber(tx, "ADA@Example.org")
        nobody = find_subscriber(tx, "grace@example.org")
        with pytest.raises(AddressError):
            find_subscriber(tx, "ada")

    assert found is not None
    assert found.id == subscriber_id
    assert nobody is None


def test_one_batch_takes_each_address_once(store: Store, rules: SignupRules) -> None:
    wanted = check_line(ADA)

    with store.write() as tx, pytest.raises(ValueError, match="stands twice"):
        apply_signups(tx, rules, [wanted, wanted], now=NOW, confirmed=True, origin=Origin.IMPORT)
