from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from digest.errors import AddressError, NotFoundError
from digest.model import ConsentKind, DeliveryReport, ReportKind, SubscriberState
from digest.store import Store, ledger
from digest.store.privacy import drop_unconfirmed
from digest.store.reports import add_report
from digest.store.subscribers import get_subscriber, list_subscribers, suppress
from digest.subscribers.consent import confirm
from digest.subscribers.decide import Origin, SignupAction, SignupRules
from digest.subscribers.privacy import erase, export
from digest.subscribers.tokens import TokenSigner
from digest.subscribers.wanted import SubscriberLine
from tests.support.ledger_world import MONDAY, add_papers, counts, plan, prepare
from tests.support.people import DAY, NOW, active, confirm_token, read, sign_up

SECRET = SubscriberLine(
    email="ada.lovelace@example.org", tags=("cs.CL",), keywords=('"my very own topic"',)
)


def test_erasing_leaves_no_trace_of_the_address(
    store: Store, rules: SignupRules, tmp_path: Path
) -> None:
    subscriber_id = active(store, rules, SECRET)
    (delivery_id,) = prepare(store, plan(subscriber_id, add_papers(store, 2)))
    with store.write() as tx:
        (claimed,) = ledger.claim_deliveries(tx, MONDAY)
        assert ledger.intend(tx, delivery_id, claimed.fence, MONDAY)
        suppress(tx, subscriber_id, ConsentKind.UNSUBSCRIBED, NOW, "wrote ada.lovelace@example.org")

    erase(store, rules.signer, "Ada.Lovelace@example.org", now=NOW)

    store.close()
    with sqlite3.connect(tmp_path / "digest.db") as connection:
        dump = "\n".join(connection.iterdump()).lower()
    assert "lovelace@" not in dump
    assert 'insert into "interest"' not in dump


def test_erasing_keeps_the_ledger_adding_up(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules, SECRET)
    prepare(store, plan(subscriber_id, add_papers(store, 2)))
    before = counts(store)

    erase(store, rules.signer, "ada.lovelace@example.org", now=NOW)

    assert counts(store) == before
    with store.read() as tx:
        (entry,) = ledger.list_entries(tx)
        assert get_subscriber(tx, subscriber_id) is None
        assert list_subscribers(tx) == []
    assert entry.email == f"erased:{subscriber_id}"
    assert len(entry.aliases) == 2
    assert [one.query_ids for one in entry.delivery.papers] == [(), ()]


@pytest.mark.parametrize("kind", [ConsentKind.UNSUBSCRIBED, ConsentKind.COMPLAINED])
def test_who_left_and_was_erased_is_not_revived_even_after_a_key_change(
    store: Store, rules: SignupRules, kind: ConsentKind
) -> None:
    subscriber_id = active(store, rules, SECRET)
    with store.write() as tx:
        suppress(tx, subscriber_id, kind, NOW, "test")
    erase(store, rules.signer, "ada.lovelace@example.org", now=NOW)
    rotated = SignupRules(
        signer=TokenSigner(
            ["another key of thirty-two chars !!", "a key of thirty-two characters !"]
        ),
        first_digest_at=rules.first_digest_at,
    )

    result = sign_up(store, rotated, SECRET, confirmed=True, origin=Origin.IMPORT)

    assert result.action is SignupAction.REFUSED
    assert result.subscriber_id is None


def test_who_was_erased_while_subscribed_may_be_added_again(
    store: Store, rules: SignupRules
) -> None:
    first = active(store, rules, SECRET)
    erase(store, rules.signer, "ada.lovelace@example.org", now=NOW)

    second = active(store, rules, SECRET)

    assert second != first


def test_a_new_double_opt_in_after_an_erasure_clears_what_was_remembered(
    store: Store, rules: SignupRules
) -> None:
    first = active(store, rules, SECRET)
    with store.write() as tx:
        suppress(tx, first, ConsentKind.UNSUBSCRIBED, NOW, "test")
    erase(store, rules.signer, "ada.lovelace@example.org", now=NOW)
    again = sign_up(store, rules, SECRET)
    assert again.subscriber_id is not None
    confirm(store, rules, confirm_token(store, again.subscriber_id), now=NOW)
    erase(store, rules.signer, "ada.lovelace@example.org", now=NOW)

    result = sign_up(store, rules, SECRET, confirmed=True, origin=Origin.IMPORT)

    assert result.action is SignupAction.ADDED


def test_nobody_is_erased_by_a_wrong_address(store: Store, rules: SignupRules) -> None:
    with pytest.raises(NotFoundError, match="no subscriber has the address"):
        erase(store, rules.signer, "nobody@example.org", now=NOW)
    with pytest.raises(AddressError):
        erase(store, rules.signer, "nobody", now=NOW)


def test_an_export_holds_all_that_is_kept(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules, SECRET)
    (delivery_id,) = prepare(store, plan(subscriber_id, add_papers(store, 1)))
    report = DeliveryReport(
        kind=ReportKind.DELAYED,
        subscriber_id=subscriber_id,
        delivery_id=delivery_id,
        at=NOW,
        handed_off_at=NOW,
        source="delivery status",
        status="4.4.1",
        said="smtp; 451 4.4.1 Connection timed out",
    )
    with store.write() as tx:
        add_report(tx, report, fingerprint="one")

    exported = export(store, "ada.lovelace@example.org")

    assert exported == {
        "email": "ada.lovelace@example.org",
        "state": "active",
        "created_at": "2026-02-03T09:00:00+00:00",
        "consented_at": "2026-02-03T09:00:00+00:00",
        "next_digest_at": "2026-02-04T08:00:00+00:00",
        "tags": ["cs.CL"],
        "keywords": ['"my very own topic"'],
        "muted": [],
        "timezone": "UTC",
        "hour": 8,
        "days": "daily",
        "pause_until": None,
        "max_papers": 20,
        "min_upvotes": 0,
        "consent": [
            {
                "kind": "confirmed",
                "at": "2026-02-03T09:00:00+00:00",
                "evidence": "operator: consent is on record elsewhere",
            }
        ],
        "digests": [
            {
                "period": "2026-02-02",
                "state": "ready",
                "scheduled_at": "2026-02-02T08:00:00+00:00",
                "papers": ["arxiv:2602.0206000"],
                "reply": "",
            }
        ],
        "came_back": [
            {
                "kind": "delayed",
                "at": "2026-02-03T09:00:00+00:00",
                "source": "delivery status",
                "status": "4.4.1",
                "said": "smtp; 451 4.4.1 Connection timed out",
            }
        ],
    }


def test_an_export_of_nobody_is_refused(store: Store) -> None:
    with pytest.raises(NotFoundError):
        export(store, "nobody@example.org")


def test_sign_ups_never_confirmed_are_dropped_after_a_week(
    store: Store, rules: SignupRules
) -> None:
    old = sign_up(store, rules, SubscriberLine(email="old@example.org", tags=("cs.CL",)))
    young = sign_up(store, rules, SubscriberLine(email="young@example.org"), now=NOW + 2 * DAY)
    asked_again = sign_up(store, rules, SubscriberLine(email="again@example.org"))
    sign_up(store, rules, SubscriberLine(email="again@example.org"), now=NOW + 2 * DAY)
    kept = active(store, rules)
    assert old.subscriber_id
    assert young.subscriber_id
    assert asked_again.subscriber_id
    confirm_token(store, old.subscriber_id)

    with store.write() as tx:
        dropped = drop_unconfirmed(tx, before=NOW + DAY)

    assert dropped == 1
    with store.read() as tx:
        assert get_subscriber(tx, old.subscriber_id) is None
    assert read(store, young.subscriber_id).state is SubscriberState.PENDING
    assert read(store, asked_again.subscriber_id).state is SubscriberState.PENDING
    assert read(store, kept).state is SubscriberState.ACTIVE
