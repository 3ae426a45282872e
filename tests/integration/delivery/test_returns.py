"""What comes back changes the ledger and the subscriber once, and only where it is proven."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select, update

from digest.delivery.outcomes import Stage, decide_outcome
from digest.delivery.returns.ingest import Effect, Taken, take_in
from digest.delivery.returns.refusals import note_refusal
from digest.model import (
    ConsentKind,
    DeliveryId,
    DeliveryState,
    ReportKind,
    SubscriberId,
    SubscriberState,
)
from digest.store import Store, ledger
from digest.store.consents import consents_of
from digest.store.privacy import erase_subscriber
from digest.store.reports import (
    KEPT_WITHOUT_DELIVERY,
    drop_reports,
    reports_of_delivery,
    reports_of_subscriber,
)
from digest.store.subscribers import activate, get_subscriber
from digest.store.tables import DeliveryRow, ReportRow
from tests.support.ledger_world import (
    DAY,
    MONDAY,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    plan,
    prepare,
)
from tests.support.returned_mail import SIGNER, returned_mail

LATER = MONDAY + 20 * DAY
KEPT = timedelta(days=90)


@pytest.fixture
def ada(store: Store) -> SubscriberId:
    (one,) = add_subscribers(store, 1)
    return one


def handed_off(
    store: Store,
    subscriber_id: SubscriberId,
    *,
    day: int = 0,
    state: DeliveryState = DeliveryState.SENT,
) -> DeliveryId:
    """Prepare a delivery of one paper that was handed off on a day after Monday."""
    at = MONDAY + day * DAY
    papers = add_papers(store, 1, opened_at=at - timedelta(hours=2))
    (one,) = prepare(
        store,
        plan(subscriber_id, papers, period=f"{at:%Y-%m-%d}", scheduled_at=at, closes_at=at + DAY),
    )
    with store.write() as tx:
        tx.exec(
            update(DeliveryRow)
            .where(col(DeliveryRow.id) == one)
            .values(state=state.value, finished_at=at, reply="said before")
        )
    return one


def take(
    store: Store,
    name: str,
    delivery_id: int = 1,
    *,
    subscriber_id: int = 1,
    now: datetime = LATER,
) -> Taken:
    data = returned_mail(name, delivery_id=delivery_id, subscriber_id=subscriber_id)
    return take_in(store, SIGNER, data, now=now, kept_for=KEPT)


def state_of(store: Store, subscriber_id: SubscriberId) -> SubscriberState:
    with store.read() as tx:
        subscriber = get_subscriber(tx, subscriber_id)
    assert subscriber is not None
    return subscriber.state


def come_back(store: Store, subscriber_id: SubscriberId, *, at: datetime) -> None:
    """Confirm anew, as the link in a mail does."""
    with store.write() as tx:
        activate(
            tx,
            subscriber_id,
            was=(SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED),
            consented_at=at,
            next_digest_at=at + DAY,
        )


def test_a_bounce_of_a_dead_address_stops_the_mail_and_is_on_record(
    store: Store, ada: SubscriberId
) -> None:
    delivery_id = handed_off(store, ada)

    taken = take(store, "postfix-no-such-user", delivery_id)

    assert taken == Taken(
        effect=Effect.BOUNCED,
        kind=ReportKind.FAILED,
        detail="5.1.1 (no such mailbox)",
        status="5.1.1",
        email="reader1@example.org",
        delivery=delivery_id,
    )
    assert state_of(store, ada) is SubscriberState.BOUNCED
    with store.read() as tx:
        (consent,) = consents_of(tx, ada)
        (report,) = reports_of_delivery(tx, delivery_id)
        delivery = ledger.get_delivery(tx, delivery_id)
    assert consent.kind is ConsentKind.BOUNCED
    assert consent.at == LATER
    assert consent.evidence == f"delivery {delivery_id}, delivery status: 5.1.1 (no such mailbox)"
    assert (report.kind, report.status, report.at) == (ReportKind.FAILED, "5.1.1", LATER)
    assert report.handed_off_at == MONDAY
    assert delivery is not None
    assert delivery.state is DeliveryState.SENT
    assert_all_accounted_for(store)


@pytest.mark.parametrize("name", ["arf-rfc-sample", "arf-yahoo", "arf-redacted"])
def test_a_complaint_stops_the_mail_with_and_without_its_recipient(
    store: Store, ada: SubscriberId, name: str
) -> None:
    delivery_id = handed_off(store, ada)

    taken = take(store, name, delivery_id)

    assert taken.effect is Effect.COMPLAINED
    assert state_of(store, ada) is SubscriberState.COMPLAINED


def test_a_complaint_proven_by_a_link_that_leaks_only_unsubscribes(
    store: Store, ada: SubscriberId
) -> None:
    taken = take(store, "arf-unsubscribe-link-only", subscriber_id=ada)

    assert taken.effect is Effect.UNSUBSCRIBED
    assert state_of(store, ada) is SubscriberState.UNSUBSCRIBED


def test_a_mail_to_the_unsubscribe_address_unsubscribes(store: Store, ada: SubscriberId) -> None:
    taken = take(store, "unsubscribe-mail", subscriber_id=ada)

    assert taken.effect is Effect.UNSUBSCRIBED
    assert state_of(store, ada) is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("forged-address", "unproven"),
        ("message-id-alone", "unproven"),
        ("arf-forged", "unproven"),
        ("unsubscribe-forged", "unproven"),
        ("unsubscribe-without-token", "unproven"),
        ("out-of-office", "ignored"),
        ("vacation-rfc3834", "ignored"),
        ("read-receipt", "ignored"),
        ("a-letter-from-a-reader", "ignored"),
        ("arf-not-spam", "ignored"),
        ("arf-auth-failure", "ignored"),
        ("postfix-relayed", "ignored"),
        ("postfix-delayed", "noted"),
        ("exim-delayed", "noted"),
        ("postfix-delivered", "noted"),
        ("postfix-mailbox-full", "noted"),
        ("postfix-policy", "noted"),
        ("exchange-disabled", "noted"),
        ("yahoo-text", "noted"),
    ],
)
def test_what_is_not_proven_or_not_final_suppresses_nobody(
    store: Store, ada: SubscriberId, name: str, effect: str
) -> None:
    delivery_id = handed_off(store, ada)

    taken = take(store, name, delivery_id)

    assert taken.effect == effect
    assert state_of(store, ada) is SubscriberState.ACTIVE


def test_the_delivery_of_another_service_is_not_ours(store: Store, ada: SubscriberId) -> None:
    taken = take(store, "postfix-no-such-user", 4711)

    assert taken.effect is Effect.IGNORED
    assert taken.detail == "its subscriber was erased, or never was here"
    assert state_of(store, ada) is SubscriberState.ACTIVE


@pytest.mark.parametrize(
    "name",
    ["postfix-no-such-user", "arf-rfc-sample", "unsubscribe-mail", "arf-unsubscribe-link-only"],
)
def test_the_same_report_twice_changes_nothing_even_after_they_came_back(
    store: Store, ada: SubscriberId, name: str
) -> None:
    delivery_id = handed_off(store, ada)
    take(store, name, delivery_id)
    before = state_of(store, ada)
    again = take(store, name, delivery_id)
    come_back(store, ada, at=LATER + DAY)

    after = take(store, name, delivery_id, now=LATER + 2 * DAY)

    assert again.effect is Effect.KNOWN
    assert after.effect is Effect.KNOWN
    expected = before if before is SubscriberState.COMPLAINED else SubscriberState.ACTIVE
    assert state_of(store, ada) is expected


def test_a_new_double_opt_in_clears_bounces_and_what_led_to_them(
    store: Store, ada: SubscriberId
) -> None:
    first, second = handed_off(store, ada), handed_off(store, ada, day=1)
    take(store, "exchange-disabled", first)
    take(store, "exchange-disabled", second)
    assert state_of(store, ada) is SubscriberState.BOUNCED
    come_back(store, ada, at=MONDAY + 2 * DAY)
    third = handed_off(store, ada, day=3)

    old = take(store, "postfix-no-such-user", first)
    new = take(store, "exchange-disabled", third)

    assert (old.effect, old.detail) == (Effect.NOTED, "older than their new consent")
    assert new.effect is Effect.NOTED
    assert state_of(store, ada) is SubscriberState.ACTIVE


def test_a_bounce_of_a_digest_before_the_new_consent_stops_nothing(
    store: Store, ada: SubscriberId
) -> None:
    delivery_id = handed_off(store, ada)
    with store.write() as tx:
        activate(
            tx,
            ada,
            was=(SubscriberState.ACTIVE,),
            consented_at=MONDAY + DAY,
            next_digest_at=MONDAY + 2 * DAY,
        )

    taken = take(store, "postfix-no-such-user", delivery_id)

    assert taken.effect is Effect.NOTED
    assert taken.detail == "older than their new consent"
    assert state_of(store, ada) is SubscriberState.ACTIVE


def test_three_full_mailboxes_in_a_row_over_fourteen_days_stop_the_mail(
    store: Store, ada: SubscriberId
) -> None:
    first, second, third = (handed_off(store, ada, day=day) for day in (0, 7, 14))

    effects = [
        take(store, "postfix-mailbox-full", first).effect,
        take(store, "exchange-quota", second).effect,
        take(store, "qmail-no-code", third).effect,
    ]

    assert effects == [Effect.NOTED, Effect.NOTED, Effect.BOUNCED]
    assert state_of(store, ada) is SubscriberState.BOUNCED


def test_a_digest_that_arrived_in_between_begins_the_row_anew(
    store: Store, ada: SubscriberId
) -> None:
    first, second, _arrived, third = (handed_off(store, ada, day=day) for day in (0, 7, 8, 14))

    take(store, "postfix-mailbox-full", first)
    take(store, "postfix-mailbox-full", second)
    last = take(store, "postfix-mailbox-full", third)

    assert last.effect is Effect.NOTED
    assert state_of(store, ada) is SubscriberState.ACTIVE


def test_a_digest_that_still_waits_has_not_arrived(store: Store, ada: SubscriberId) -> None:
    first, second, waiting, third = (handed_off(store, ada, day=day) for day in (0, 7, 8, 14))
    take(store, "postfix-delayed", waiting)

    take(store, "postfix-mailbox-full", first)
    take(store, "postfix-mailbox-full", second)
    last = take(store, "postfix-mailbox-full", third)

    assert last.effect is Effect.BOUNCED


@pytest.mark.parametrize(
    "name",
    ["postfix-no-such-user", "postfix-delayed", "postfix-delivered", "arf-rfc-sample", "qmail"],
)
def test_whatever_is_said_of_an_unknown_delivery_proves_that_it_was_sent(
    store: Store, ada: SubscriberId, name: str
) -> None:
    delivery_id = handed_off(store, ada, state=DeliveryState.UNKNOWN)

    taken = take(store, name, delivery_id)

    assert taken.resolved is True
    with store.read() as tx:
        delivery = ledger.get_delivery(tx, delivery_id)
    assert delivery is not None
    assert delivery.state is DeliveryState.SENT
    assert delivery.reply.startswith("resolved by a ")
    assert delivery.reply.endswith("as sent; before that: said before")
    assert_all_accounted_for(store)


def test_what_is_forged_resolves_no_unknown_delivery(store: Store, ada: SubscriberId) -> None:
    delivery_id = handed_off(store, ada, state=DeliveryState.UNKNOWN)

    take(store, "forged-address", delivery_id)

    with store.read() as tx:
        delivery = ledger.get_delivery(tx, delivery_id)
    assert delivery is not None
    assert delivery.state is DeliveryState.UNKNOWN


def test_a_bounce_older_than_what_is_kept_changes_nothing(store: Store, ada: SubscriberId) -> None:
    delivery_id = handed_off(store, ada)

    taken = take(store, "postfix-no-such-user", delivery_id, now=MONDAY + 91 * DAY)

    assert taken.effect is Effect.IGNORED
    assert taken.detail == "its digest was sent more than 90 days ago"
    assert state_of(store, ada) is SubscriberState.ACTIVE


def test_a_complaint_counts_however_late(store: Store, ada: SubscriberId) -> None:
    delivery_id = handed_off(store, ada)

    taken = take(store, "arf-rfc-sample", delivery_id, now=MONDAY + 400 * DAY)

    assert taken.effect is Effect.COMPLAINED


def test_old_evidence_is_dropped_and_complaints_stay(store: Store, ada: SubscriberId) -> None:
    first, second = handed_off(store, ada), handed_off(store, ada, day=50)
    take(store, "postfix-mailbox-full", first)
    take(store, "postfix-mailbox-full", second, now=MONDAY + 51 * DAY)
    take(store, "arf-rfc-sample", first)

    with store.write() as tx:
        dropped = drop_reports(tx, handed_off_before=MONDAY + DAY)

    assert dropped == 1
    with store.read() as tx:
        left = [(one.delivery_id, one.kind) for one in reports_of_subscriber(tx, ada)]
    assert left == [(second, ReportKind.FAILED), (first, ReportKind.COMPLAINT)]


def test_who_writes_again_and_again_fills_no_table(store: Store, ada: SubscriberId) -> None:
    mail = returned_mail("unsubscribe-mail", subscriber_id=ada)

    for number in range(KEPT_WITHOUT_DELIVERY + 5):
        other = mail.replace(b"<u-1@", b"<u-%d@" % number)
        take_in(store, SIGNER, other, now=LATER, kept_for=KEPT)

    with store.read() as tx:
        kept = len(tx.exec(select(ReportRow.id)).all())
    assert kept == KEPT_WITHOUT_DELIVERY


def test_erasing_a_person_removes_what_came_back_about_them(
    store: Store, ada: SubscriberId
) -> None:
    delivery_id = handed_off(store, ada)
    take(store, "postfix-mailbox-full", delivery_id)

    with store.write() as tx:
        erase_subscriber(tx, ada, now=LATER, address_hash="hash", state=None)

    with store.read() as tx:
        assert tx.exec(select(ReportRow)).all() == []
    assert take(store, "postfix-no-such-user", delivery_id).effect is Effect.IGNORED


# ---- replies during the hand-off


def refuse(store: Store, delivery_id: DeliveryId, code: int, text: str, *, at: datetime) -> bool:
    with store.write() as tx:
        delivery = ledger.get_delivery(tx, delivery_id)
        assert delivery is not None
        return note_refusal(tx, delivery, decide_outcome(Stage.RCPT, code, text), at)


def test_a_refused_dead_address_is_left_alone_at_once(store: Store, ada: SubscriberId) -> None:
    delivery_id = handed_off(store, ada, state=DeliveryState.BOUNCED)

    suppressed = refuse(store, delivery_id, 550, "5.1.1 nobody", at=MONDAY)

    assert suppressed is True
    with store.read() as tx:
        (consent,) = consents_of(tx, ada)
    assert consent.evidence == f"delivery {delivery_id}, smtp: 5.1.1 (no such mailbox)"


def test_a_graver_refusal_of_the_same_delivery_counts_and_the_same_one_twice_does_not(
    store: Store, ada: SubscriberId
) -> None:
    delivery_id = handed_off(store, ada, state=DeliveryState.BOUNCED)

    suppressed = [
        refuse(store, delivery_id, 550, text, at=MONDAY)
        for text in ("5.2.2 full", "5.2.2 full still", "5.1.1 nobody", "5.1.1 nobody", "5.2.1 off")
    ]

    assert suppressed == [False, False, True, False, False]
    assert state_of(store, ada) is SubscriberState.BOUNCED
    with store.read() as tx:
        said = [one.said for one in reports_of_delivery(tx, delivery_id)]
    assert said == ["550 5.2.2 full", "550 5.1.1 nobody"]


def test_a_graver_report_of_the_same_delivery_counts_and_a_softer_one_does_not(
    store: Store, ada: SubscriberId
) -> None:
    delivery_id = handed_off(store, ada)

    effects = [
        take(store, name, delivery_id).effect
        for name in (
            "postfix-policy",
            "exchange-disabled",
            "postfix-mailbox-full",
            "postfix-no-such-domain",
            "postfix-no-such-user",
        )
    ]

    assert effects == [Effect.NOTED, Effect.NOTED, Effect.KNOWN, Effect.BOUNCED, Effect.KNOWN]
    assert state_of(store, ada) is SubscriberState.BOUNCED


def test_a_delivery_that_failed_twice_is_one_failure_and_its_gravest_counts(
    store: Store, ada: SubscriberId
) -> None:
    first = handed_off(store, ada, state=DeliveryState.BOUNCED)
    second = handed_off(store, ada, day=14, state=DeliveryState.BOUNCED)
    refuse(store, first, 550, "5.2.2 full", at=MONDAY)
    refuse(store, first, 550, "5.2.1 disabled", at=MONDAY + DAY)

    full = refuse(store, second, 550, "5.2.2 full", at=MONDAY + 15 * DAY)
    disabled = refuse(store, second, 550, "5.2.1 disabled", at=MONDAY + 16 * DAY)

    assert (full, disabled) == (False, True)


def test_a_disabled_mailbox_counts_by_reply_and_by_report_alike(
    store: Store, ada: SubscriberId
) -> None:
    first = handed_off(store, ada, state=DeliveryState.BOUNCED)
    second = handed_off(store, ada, day=1)

    by_reply = refuse(store, first, 550, "5.2.1 disabled", at=MONDAY)
    by_report = take(store, "exchange-disabled", second)

    assert by_reply is False
    assert by_report.effect is Effect.BOUNCED


@pytest.mark.parametrize(
    ("code", "text"),
    [(450, "4.2.0 greylisted"), (450, "4.2.1 too quickly"), (451, "4.7.1 wait"), (550, "5.7.1 no")],
)
def test_what_is_not_about_the_mailbox_leaves_no_evidence(
    store: Store, ada: SubscriberId, code: int, text: str
) -> None:
    delivery_id = handed_off(store, ada, state=DeliveryState.READY)

    refuse(store, delivery_id, code, text, at=MONDAY)

    with store.read() as tx:
        assert reports_of_subscriber(tx, ada) == []


def test_a_mailbox_that_was_full_until_the_period_was_over_counts(
    store: Store, ada: SubscriberId
) -> None:
    first, second, third = (
        handed_off(store, ada, day=day, state=DeliveryState.FAILED) for day in (0, 7, 14)
    )
    for delivery_id, day in ((first, 0), (second, 7)):
        refuse(store, delivery_id, 452, "4.2.2 full", at=MONDAY + day * DAY)

    suppressed = refuse(store, third, 552, "5.2.2 full", at=MONDAY + 14 * DAY)

    assert suppressed is True


def test_a_mailbox_that_was_full_for_an_hour_does_not_count(
    store: Store, ada: SubscriberId
) -> None:
    first, second = (handed_off(store, ada, day=day, state=DeliveryState.FAILED) for day in (0, 7))
    arrived = handed_off(store, ada, day=13, state=DeliveryState.SENT)
    third = handed_off(store, ada, day=14, state=DeliveryState.BOUNCED)
    for delivery_id, day in ((first, 0), (second, 7), (arrived, 13)):
        refuse(store, delivery_id, 452, "4.2.2 full", at=MONDAY + day * DAY)

    suppressed = refuse(store, third, 552, "5.2.2 full", at=MONDAY + 14 * DAY)

    assert suppressed is False
