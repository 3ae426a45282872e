from __future__ import annotations

from digest.model import ConsentKind
from digest.store import Store
from digest.store.letters import (
    Letter,
    LetterKind,
    LetterState,
    claim_letters,
    intend_letter,
    record_letter,
)
from digest.store.subscribers import suppress
from digest.subscribers.consent import confirm
from digest.subscribers.decide import SignupRules
from digest.subscribers.wanted import SubscriberLine
from tests.support.people import HOUR, NOW, confirm_token, letter_states, sign_up

LEASE = NOW + HOUR / 4


def claim(store: Store) -> list[Letter]:
    with store.write() as tx:
        return claim_letters(tx, now=NOW, lease_until_at=LEASE)


def test_a_letter_is_claimed_once(store: Store, rules: SignupRules) -> None:
    sign_up(store, rules)

    (letter,) = claim(store)

    assert letter.email == "Ada@example.org"
    assert letter.kind is LetterKind.CONFIRM
    assert letter.attempts == 1
    assert claim(store) == []


def test_a_letter_goes_from_ready_to_sent(store: Store, rules: SignupRules) -> None:
    sign_up(store, rules)
    (letter,) = claim(store)

    with store.write() as tx:
        intended = intend_letter(tx, letter, lease_until_at=LEASE)
        recorded = record_letter(tx, letter, state=LetterState.SENT, now=NOW, reply="250 ok")

    assert intended
    assert recorded
    assert letter_states(store) == ["sent"]


def test_a_letter_that_must_wait_is_tried_again_later(store: Store, rules: SignupRules) -> None:
    sign_up(store, rules)
    (letter,) = claim(store)
    with store.write() as tx:
        record_letter(
            tx, letter, state=LetterState.READY, now=NOW, next_attempt_at=NOW + HOUR, reply="451"
        )

    early = claim(store)
    with store.write() as tx:
        (again,) = claim_letters(tx, now=NOW + HOUR, lease_until_at=NOW + 2 * HOUR)

    assert early == []
    assert again.attempts == 2


def test_a_lost_claim_is_ready_again_and_a_lost_hand_off_is_unknown(
    store: Store, rules: SignupRules
) -> None:
    sign_up(store, rules, SubscriberLine(email="claimed@example.org"))
    sign_up(store, rules, SubscriberLine(email="sending@example.org"))
    lost, sending = claim(store)
    with store.write() as tx:
        intend_letter(tx, sending, lease_until_at=LEASE)

    with store.write() as tx:
        (again,) = claim_letters(tx, now=LEASE, lease_until_at=LEASE + HOUR)
        late = record_letter(tx, lost, state=LetterState.SENT, now=LEASE)

    assert again.email == "claimed@example.org"
    assert not late  # another claim holds it now
    assert letter_states(store) == ["claimed", "unknown"]


def test_no_request_to_confirm_reaches_who_confirmed_meanwhile(
    store: Store, rules: SignupRules
) -> None:
    result = sign_up(store, rules)
    assert result.subscriber_id is not None
    (letter,) = claim(store)
    confirm(store, rules, confirm_token(store, result.subscriber_id), now=NOW)

    with store.write() as tx:
        intended = intend_letter(tx, letter, lease_until_at=LEASE)

    assert not intended
    assert letter_states(store) == ["withdrawn"]


def test_no_request_to_confirm_reaches_who_left_meanwhile(store: Store, rules: SignupRules) -> None:
    result = sign_up(store, rules)
    assert result.subscriber_id is not None
    (letter,) = claim(store)

    with store.write() as tx:
        suppress(tx, result.subscriber_id, ConsentKind.COMPLAINED, NOW, "feedback loop")
        intended = intend_letter(tx, letter, lease_until_at=LEASE)

    assert not intended
    assert claim(store) == []
