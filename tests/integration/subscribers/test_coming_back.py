"""Somebody whose digests were stopped asks for a login link: only their mailbox tells more."""

from __future__ import annotations

from datetime import datetime

import pytest

from digest.model import ConsentKind, SubscriberId, SubscriberState
from digest.store import Store
from digest.store.consents import consents_of
from digest.store.subscribers import suppress
from digest.subscribers.consent import confirm
from digest.subscribers.decide import SignupRules
from digest.subscribers.intake import Allowance, act_on_intake, write_login
from tests.support.people import DAY, HOUR, NOW, active, confirm_token, letter_states, read

FREELY = Allowance(limits={"test": 100})


def ask_to_log_in(store: Store, rules: SignupRules, *, now: datetime) -> None:
    write_login(store, "ada@example.org", FREELY, now=now)
    act_on_intake(store, rules, now=now)


def stop(store: Store, subscriber_id: SubscriberId, kind: ConsentKind) -> None:
    with store.write() as tx:
        suppress(tx, subscriber_id, kind, NOW, "test")


@pytest.mark.parametrize("kind", [ConsentKind.BOUNCED, ConsentKind.UNSUBSCRIBED])
def test_who_was_stopped_is_asked_to_confirm_and_goes_on(
    store: Store, rules: SignupRules, kind: ConsentKind
) -> None:
    subscriber_id = active(store, rules)
    stop(store, subscriber_id, kind)

    ask_to_log_in(store, rules, now=NOW + DAY)

    assert letter_states(store) == ["ready"]
    assert read(store, subscriber_id).state.value == kind.value
    with store.read() as tx:
        newest = consents_of(tx, subscriber_id)[-1]
    assert (newest.kind, newest.evidence) == (
        ConsentKind.SIGNED_UP,
        "site: asked for a login link, not confirmed",
    )

    confirm(store, rules, confirm_token(store, subscriber_id, now=NOW + DAY), now=NOW + DAY)

    assert read(store, subscriber_id).state is SubscriberState.ACTIVE


def test_nobody_who_complained_gets_any_mail(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules)
    stop(store, subscriber_id, ConsentKind.COMPLAINED)

    ask_to_log_in(store, rules, now=NOW + DAY)

    assert letter_states(store) == []


def test_a_stranger_who_asks_again_and_again_sends_one_mail_a_day_and_three_in_all(
    store: Store, rules: SignupRules
) -> None:
    subscriber_id = active(store, rules)
    stop(store, subscriber_id, ConsentKind.BOUNCED)

    for hours in range(0, 24 * 7, 6):
        ask_to_log_in(store, rules, now=NOW + DAY + hours * HOUR)

    assert letter_states(store) == ["ready", "ready", "ready"]
