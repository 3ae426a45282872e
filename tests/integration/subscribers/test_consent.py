from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.errors import TokenError
from digest.model import ConsentKind, SubscriberId, SubscriberState
from digest.store import Store
from digest.store.consents import consents_of
from digest.store.subscribers import suppress
from digest.store.tables import SubscriberRow
from digest.store.tokens import drop_tokens
from digest.subscribers.consent import (
    ConfirmState,
    confirm,
    look_at_confirmation,
    undo_unsubscribe,
    unsubscribe,
)
from digest.subscribers.decide import Origin, SignupRules
from digest.subscribers.wanted import SubscriberLine
from tests.support.people import (
    ADA,
    DAY,
    HOUR,
    NOW,
    active,
    confirm_token,
    letter_states,
    read,
    sign_up,
)


def pending(
    store: Store, rules: SignupRules, line: SubscriberLine = ADA, *, origin: Origin = Origin.SITE
) -> SubscriberId:
    subscriber_id = sign_up(store, rules, line, origin=origin).subscriber_id
    assert subscriber_id is not None
    return subscriber_id


def welcome_due_at(store: Store, subscriber_id: SubscriberId) -> datetime | None:
    with store.read() as tx:
        row = tx.get(SubscriberRow, subscriber_id)
    assert row is not None
    return row.welcome_due_at


def leave(store: Store, subscriber_id: SubscriberId, *, now: datetime = NOW) -> str | None:
    return unsubscribe(
        store, subscriber_id, now=now, evidence="test", random_bytes=bytes([9]) * 32
    ).undo_token


def test_confirming_owes_a_welcome_now_and_the_first_digest_twelve_hours_later(
    store: Store, rules: SignupRules
) -> None:
    subscriber_id = pending(store, rules)
    token = confirm_token(store, subscriber_id)

    result = confirm(store, rules, token, now=datetime(2026, 2, 3, 23, tzinfo=UTC))

    assert result.state is ConfirmState.CONFIRMED
    assert result.welcome
    subscriber = read(store, subscriber_id)
    assert subscriber.state is SubscriberState.ACTIVE
    assert subscriber.consented_at == datetime(2026, 2, 3, 23, tzinfo=UTC)
    assert subscriber.next_digest_at == datetime(2026, 2, 5, 8, tzinfo=UTC)
    assert welcome_due_at(store, subscriber_id) == datetime(2026, 2, 3, 23, tzinfo=UTC)
    assert letter_states(store) == ["withdrawn"]


def test_who_was_imported_gets_no_welcome(store: Store, rules: SignupRules) -> None:
    subscriber_id = pending(store, rules, origin=Origin.IMPORT)

    result = confirm(store, rules, confirm_token(store, subscriber_id), now=NOW)

    assert not result.welcome
    assert welcome_due_at(store, subscriber_id) is None
    assert read(store, subscriber_id).next_digest_at == datetime(2026, 2, 4, 8, tzinfo=UTC)


def test_signing_up_on_the_site_after_an_import_earns_a_welcome(
    store: Store, rules: SignupRules
) -> None:
    subscriber_id = pending(store, rules, origin=Origin.IMPORT)
    sign_up(store, rules, now=NOW + HOUR)

    result = confirm(store, rules, confirm_token(store, subscriber_id), now=NOW)

    assert result.welcome


def test_looking_at_a_link_changes_nothing(store: Store, rules: SignupRules) -> None:
    subscriber_id = pending(store, rules)
    token = confirm_token(store, subscriber_id)

    looks = [look_at_confirmation(store, token, now=NOW).state for _ in range(3)]

    assert looks == [ConfirmState.OPEN] * 3
    assert read(store, subscriber_id).state is SubscriberState.PENDING


def test_a_link_confirms_once(store: Store, rules: SignupRules) -> None:
    subscriber_id = pending(store, rules)
    token = confirm_token(store, subscriber_id)
    confirm(store, rules, token, now=NOW)

    again = confirm(store, rules, token, now=NOW + HOUR)

    assert again.state is ConfirmState.ALREADY
    assert read(store, subscriber_id).consented_at == NOW
    with store.read() as tx:
        kinds = [one.kind for one in consents_of(tx, subscriber_id)]
    assert kinds == [ConsentKind.SIGNED_UP, ConsentKind.CONFIRMED]


def test_a_link_expires_after_48_hours(store: Store, rules: SignupRules) -> None:
    subscriber_id = pending(store, rules)
    token = confirm_token(store, subscriber_id)

    just_in_time = look_at_confirmation(store, token, now=NOW + 47 * HOUR)
    too_late = confirm(store, rules, token, now=NOW + 48 * HOUR)

    assert just_in_time.state is ConfirmState.OPEN
    assert too_late.state is ConfirmState.EXPIRED
    assert read(store, subscriber_id).state is SubscriberState.PENDING


def test_a_link_nobody_made_leads_nowhere(store: Store, rules: SignupRules) -> None:
    assert confirm(store, rules, "nothing", now=NOW).state is ConfirmState.UNKNOWN


def test_leaving_takes_the_force_of_links_still_in_the_post(
    store: Store, rules: SignupRules
) -> None:
    subscriber_id = pending(store, rules)
    first = confirm_token(store, subscriber_id, seed=1)
    second = confirm_token(store, subscriber_id, seed=2)
    confirm(store, rules, first, now=NOW)
    leave(store, subscriber_id)

    result = confirm(store, rules, second, now=NOW + HOUR)

    assert result.state is ConfirmState.UNKNOWN
    assert read(store, subscriber_id).state is SubscriberState.UNSUBSCRIBED


def test_leaving_while_pending_withdraws_the_letter(store: Store, rules: SignupRules) -> None:
    subscriber_id = pending(store, rules)

    undo_token = leave(store, subscriber_id)

    assert undo_token is None  # there is no consent to go back to
    assert letter_states(store) == ["withdrawn"]


def test_leaving_twice_changes_nothing_the_second_time(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules)

    first = leave(store, subscriber_id)
    second = leave(store, subscriber_id, now=NOW + HOUR)

    assert first is not None
    assert second is None
    assert read(store, subscriber_id).next_digest_at is None
    with store.read() as tx:
        left = [one.at for one in consents_of(tx, subscriber_id) if one.kind == "unsubscribed"]
    assert left == [NOW]


def test_leaving_can_be_taken_back_and_keeps_the_old_consent(
    store: Store, rules: SignupRules
) -> None:
    subscriber_id = active(store, rules)
    undo_token = leave(store, subscriber_id, now=NOW + DAY)
    assert undo_token is not None

    restored = undo_unsubscribe(store, rules, undo_token, now=NOW + DAY + HOUR)

    assert restored.state is SubscriberState.ACTIVE
    assert restored.consented_at == NOW
    assert restored.next_digest_at == datetime(2026, 2, 5, 8, tzinfo=UTC)


def test_taking_it_back_works_once_and_for_48_hours(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules)
    undo_token = leave(store, subscriber_id)
    assert undo_token is not None

    with pytest.raises(TokenError):
        undo_unsubscribe(store, rules, undo_token, now=NOW + 48 * HOUR)
    undo_unsubscribe(store, rules, undo_token, now=NOW + HOUR)
    with pytest.raises(TokenError):
        undo_unsubscribe(store, rules, undo_token, now=NOW + HOUR)


def test_a_complaint_cannot_be_taken_back(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules)
    undo_token = leave(store, subscriber_id)
    assert undo_token is not None
    with store.write() as tx:
        suppress(tx, subscriber_id, ConsentKind.COMPLAINED, NOW, "feedback loop")

    with pytest.raises(TokenError):
        undo_unsubscribe(store, rules, undo_token, now=NOW + HOUR)


@pytest.mark.parametrize("kind", [ConsentKind.UNSUBSCRIBED, ConsentKind.BOUNCED])
def test_a_new_double_opt_in_clears_leaving_and_bounces_and_owes_no_second_welcome(
    store: Store, rules: SignupRules, kind: ConsentKind
) -> None:
    subscriber_id = active(store, rules)
    with store.write() as tx:
        suppress(tx, subscriber_id, kind, NOW, "test")

    again = sign_up(store, rules, now=NOW + DAY)
    still = read(store, subscriber_id).state
    result = confirm(
        store, rules, confirm_token(store, subscriber_id, now=NOW + DAY), now=NOW + DAY + HOUR
    )

    assert again.letter
    assert still == kind.value
    assert result.state is ConfirmState.CONFIRMED
    assert not result.welcome
    assert read(store, subscriber_id).consented_at == NOW + DAY + HOUR


def test_a_double_opt_in_does_not_clear_a_complaint(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules)
    with store.write() as tx:
        suppress(tx, subscriber_id, ConsentKind.COMPLAINED, NOW, "feedback loop")
    token = confirm_token(store, subscriber_id)

    result = confirm(store, rules, token, now=NOW)

    assert result.state is ConfirmState.UNKNOWN
    assert read(store, subscriber_id).state is SubscriberState.COMPLAINED


def test_letters_before_a_consent_do_not_count_against_a_new_one(
    store: Store, rules: SignupRules
) -> None:
    subscriber_id = pending(store, rules)
    for day in (1, 2):
        sign_up(store, rules, now=NOW + day * DAY)
    confirm(store, rules, confirm_token(store, subscriber_id, now=NOW + 3 * DAY), now=NOW + 3 * DAY)
    leave(store, subscriber_id, now=NOW + 4 * DAY)

    again = sign_up(store, rules, now=NOW + 5 * DAY)

    assert again.letter


def test_expired_tokens_are_dropped(store: Store, rules: SignupRules) -> None:
    subscriber_id = pending(store, rules)
    token = confirm_token(store, subscriber_id)

    with store.write() as tx:
        kept = drop_tokens(tx, expired_before=NOW + DAY)
        dropped = drop_tokens(tx, expired_before=NOW + 3 * DAY)

    assert (kept, dropped) == (0, 1)
    assert look_at_confirmation(store, token, now=NOW).state is ConfirmState.UNKNOWN
