"""Intents and outcomes in groups: each is judged by its own claim."""

from __future__ import annotations

from datetime import timedelta

from digest.model import Delivery, Outcome, OutcomeKind
from digest.store import ledger
from digest.store.engine import Store
from digest.store.ledger import Recording
from tests.support.ledger_world import MONDAY, add_papers, add_subscribers, plan, prepare

LEASE = timedelta(minutes=15)


def two_claims_of_one(store: Store) -> list[Delivery]:
    """A lane holds a claim that ran out, another lane the claim that came after it."""
    papers = add_papers(store, 1)
    (reader,) = add_subscribers(store, 1)
    prepare(store, plan(reader, papers))
    with store.write() as tx:
        (old,) = ledger.claim_deliveries(tx, MONDAY)
    with store.write() as tx:
        ledger.tidy(tx, MONDAY + LEASE, resend_unknown=False)
        (new,) = ledger.claim_deliveries(tx, MONDAY + LEASE)
    return [old, new]


def test_an_old_claim_may_not_begin_beside_the_new_one_of_the_same_delivery(store: Store) -> None:
    claims = two_claims_of_one(store)

    with store.write() as tx:
        begun = ledger.intend_all(tx, claims, MONDAY + LEASE)

    assert begun == [False, True]


def test_an_outcome_of_an_old_claim_is_not_that_of_the_new_one(store: Store) -> None:
    claims = two_claims_of_one(store)
    sent = Outcome(kind=OutcomeKind.SENT, reply="250 ok")
    with store.write() as tx:
        ledger.intend_all(tx, claims, MONDAY + LEASE)

    with store.write() as tx:
        recorded = ledger.record_all(
            tx, [Recording(delivery=one, outcome=sent) for one in claims], MONDAY + LEASE
        )

    assert recorded == [False, True]
