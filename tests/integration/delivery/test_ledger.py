"""The ledger, one event after another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from digest.errors import DeliveryError, NotFoundError
from digest.model import (
    ConsentKind,
    Delivery,
    DeliveryId,
    DeliveryState,
    Outcome,
    OutcomeKind,
    PaperId,
    SubscriberId,
    SubscriberState,
)
from digest.model.ingest import Merge
from digest.store import ledger
from digest.store.engine import Store
from digest.store.ledger import Resolution, Tidied
from digest.store.merges import merge_papers
from digest.store.subscribers import suppress
from tests.support.ledger_world import (
    DAY,
    MONDAY,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    plan,
    prepare,
)

MINUTE = timedelta(minutes=1)
LEASE = timedelta(minutes=15)
SENT = Outcome(kind=OutcomeKind.SENT, reply="250 ok", code=250)
FAILED = Outcome(kind=OutcomeKind.FAILED, reply="554 no", code=554)
BOUNCED = Outcome(kind=OutcomeKind.BOUNCED, reply="550 5.1.1 nobody", code=550)
RETRY = Outcome(kind=OutcomeKind.RETRY, reply="451 later", code=451)
UNKNOWN = Outcome(kind=OutcomeKind.UNKNOWN, reply="no reply to the content")


def claim(store: Store, at: datetime = MONDAY, *, limit: int = 50) -> list[Delivery]:
    with store.write() as tx:
        return ledger.claim_deliveries(tx, at, limit=limit)


def intend(store: Store, one: Delivery, at: datetime = MONDAY) -> bool:
    with store.write() as tx:
        return ledger.intend(tx, one.id, one.fence, at)


def record(
    store: Store,
    one: Delivery,
    outcome: Outcome,
    at: datetime = MONDAY,
    *,
    retry_at: datetime | None = None,
    counts: bool = True,
) -> bool:
    with store.write() as tx:
        return ledger.record(
            tx, one.id, one.fence, outcome, at, retry_at=retry_at, counts_as_attempt=counts
        )


def tidy(store: Store, at: datetime, *, resend_unknown: bool = False) -> Tidied:
    with store.write() as tx:
        return ledger.tidy(tx, at, resend_unknown=resend_unknown)[0]


def get(store: Store, delivery_id: DeliveryId) -> Delivery:
    with store.read() as tx:
        found = ledger.get_delivery(tx, delivery_id)
    assert found is not None
    return found


def taken(store: Store, subscriber_id: SubscriberId) -> list[PaperId]:
    with store.read() as tx:
        return sorted(ledger.sent_papers(tx, [subscriber_id]).get(subscriber_id, []))


def leave(store: Store, subscriber_id: SubscriberId) -> None:
    with store.write() as tx:
        suppress(tx, subscriber_id, ConsentKind.UNSUBSCRIBED, MONDAY)


def one_ready(store: Store, papers: int = 2) -> tuple[DeliveryId, SubscriberId, list[PaperId]]:
    found = add_papers(store, papers)
    (subscriber,) = add_subscribers(store, 1)
    (one,) = prepare(store, plan(subscriber, found))
    return one, subscriber, found


# ---- preparing


def test_a_plan_becomes_a_ready_delivery_that_holds_its_papers(store: Store) -> None:
    one, subscriber, papers = one_ready(store)

    delivery = get(store, one)

    assert delivery.state is DeliveryState.READY
    assert [paper.paper_id for paper in delivery.papers] == papers
    assert delivery.message_date_at == MONDAY
    assert taken(store, subscriber) == papers
    assert_all_accounted_for(store)


def test_a_period_is_prepared_once(store: Store) -> None:
    _, subscriber, _ = one_ready(store)
    more = add_papers(store, 1, opened_at=MONDAY)

    again = prepare(store, plan(subscriber, more))

    assert again == ()
    assert more[0] not in taken(store, subscriber)


def test_a_paper_that_is_not_free_leaves_the_delivery(store: Store) -> None:
    _, subscriber, papers = one_ready(store)
    (new,) = add_papers(store, 1, opened_at=MONDAY)

    (second,) = prepare(store, plan(subscriber, [papers[1], new], period="2026-02-03"))

    assert [paper.paper_id for paper in get(store, second).papers] == [new]
    assert_all_accounted_for(store)


def test_a_delivery_left_with_no_paper_is_skipped(store: Store) -> None:
    _, subscriber, papers = one_ready(store)

    (second,) = prepare(store, plan(subscriber, papers, period="2026-02-03"))

    assert get(store, second).state is DeliveryState.SKIPPED
    assert get(store, second).reply == "nothing new"
    assert_all_accounted_for(store)


def test_two_plans_of_one_subscriber_share_no_paper(store: Store) -> None:
    papers = add_papers(store, 2)
    (subscriber,) = add_subscribers(store, 1)

    first, second = prepare(
        store,
        plan(subscriber, papers[:1]),
        plan(subscriber, papers, period="2026-02-03", scheduled_at=MONDAY + DAY),
    )

    assert [paper.paper_id for paper in get(store, first).papers] == papers[:1]
    assert [paper.paper_id for paper in get(store, second).papers] == papers[1:]


def test_a_missed_period_is_recorded_without_papers(store: Store) -> None:
    papers = add_papers(store, 1)
    (subscriber,) = add_subscribers(store, 1)

    (one,) = prepare(store, plan(subscriber, papers, skip_reason="service was down"))

    assert (get(store, one).state, get(store, one).reply) == ("skipped", "service was down")
    assert taken(store, subscriber) == []


def test_no_plans_are_nothing_to_do(store: Store) -> None:
    assert prepare(store) == ()


# ---- claiming


def test_a_claim_has_a_new_fence_and_a_lease(store: Store) -> None:
    one_ready(store)

    (first,) = claim(store)
    none = claim(store)

    assert (first.fence, first.lease_until_at) == (1, MONDAY + LEASE)
    assert none == []


def test_at_most_fifty_are_claimed_in_the_order_they_came(store: Store) -> None:
    papers = add_papers(store, 1)
    subscribers = add_subscribers(store, 60)
    ids = prepare(store, *(plan(one, papers) for one in subscribers))

    claimed = claim(store, limit=1000)

    assert [one.id for one in claimed] == list(ids[:50])


def test_what_waits_for_its_backoff_or_is_closed_is_not_claimed(store: Store) -> None:
    papers = add_papers(store, 1)
    first, second = add_subscribers(store, 2)
    prepare(
        store,
        plan(first, papers, closes_at=MONDAY + MINUTE),
        plan(second, papers, closes_at=MONDAY + DAY),
    )

    (late,) = claim(store, MONDAY + MINUTE)
    record(store, late, RETRY, retry_at=MONDAY + 5 * MINUTE)

    assert late.subscriber_id == second
    assert claim(store, MONDAY + 4 * MINUTE) == []
    assert len(claim(store, MONDAY + 5 * MINUTE)) == 1


def test_a_claim_given_back_is_no_attempt(store: Store) -> None:
    one, _, _ = one_ready(store)
    (claimed,) = claim(store)

    with store.write() as tx:
        assert ledger.give_back(tx, one, claimed.fence, next_attempt_at=MONDAY, reply="paused")
        assert not ledger.give_back(tx, one, claimed.fence, next_attempt_at=MONDAY)

    delivery = get(store, one)
    assert (delivery.state, delivery.attempts, delivery.reply) == ("ready", 0, "paused")


# ---- intending


def test_an_intent_is_taken_once_and_renews_the_lease(store: Store) -> None:
    one, _, _ = one_ready(store)
    (claimed,) = claim(store)

    first = intend(store, claimed, MONDAY + MINUTE)
    second = intend(store, claimed, MONDAY + MINUTE)

    assert (first, second) == (True, False)
    delivery = get(store, one)
    assert (delivery.state, delivery.attempts) == ("sending", 1)
    assert delivery.lease_until_at == MONDAY + MINUTE + LEASE


def test_an_expired_lease_stops_the_hand_off(store: Store) -> None:
    one_ready(store)
    (claimed,) = claim(store)

    assert not intend(store, claimed, MONDAY + LEASE)


def test_whoever_unsubscribed_after_the_claim_is_not_mailed(store: Store) -> None:
    one, subscriber, _ = one_ready(store)
    (claimed,) = claim(store)
    leave(store, subscriber)

    intended = intend(store, claimed)

    assert not intended
    assert get(store, one).state is DeliveryState.SKIPPED
    assert get(store, one).reply == "unsubscribed before hand-off"
    assert taken(store, subscriber) == []
    assert_all_accounted_for(store)


def test_a_period_that_closes_after_the_claim_fails_as_too_late(store: Store) -> None:
    papers = add_papers(store, 1)
    (subscriber,) = add_subscribers(store, 1)
    (one,) = prepare(store, plan(subscriber, papers, closes_at=MONDAY + MINUTE))
    (claimed,) = claim(store)

    intended = intend(store, claimed, MONDAY + MINUTE)

    assert not intended
    assert get(store, one).state is DeliveryState.FAILED
    assert get(store, one).reply.startswith("too late")
    assert taken(store, subscriber) == []


def test_intending_what_does_not_exist_stops(store: Store) -> None:
    with store.write() as tx:
        assert not ledger.intend(tx, DeliveryId(99), 1, MONDAY)


# ---- recording


@pytest.mark.parametrize(
    ("outcome", "state", "keeps"),
    [
        (SENT, "sent", True),
        (FAILED, "failed", False),
        (BOUNCED, "bounced", False),
        (UNKNOWN, "unknown", True),
        (RETRY, "ready", True),
    ],
)
def test_an_outcome_after_the_intent(
    store: Store, outcome: Outcome, state: str, *, keeps: bool
) -> None:
    one, subscriber, papers = one_ready(store)
    (claimed,) = claim(store)
    intend(store, claimed)

    recorded = record(store, claimed, outcome, retry_at=MONDAY + 5 * MINUTE)

    assert recorded
    delivery = get(store, one)
    assert (delivery.state, delivery.attempts, delivery.reply) == (state, 1, outcome.reply)
    assert delivery.lease_until_at is None
    assert (taken(store, subscriber) == papers) is keeps
    assert_all_accounted_for(store)


@pytest.mark.parametrize(
    ("outcome", "recorded"),
    [(SENT, False), (UNKNOWN, False), (FAILED, True), (BOUNCED, True), (RETRY, True)],
)
def test_what_ended_before_the_intent_was_not_sent(
    store: Store, outcome: Outcome, *, recorded: bool
) -> None:
    one_ready(store)
    (claimed,) = claim(store)

    assert record(store, claimed, outcome, retry_at=MONDAY + MINUTE) is recorded


@pytest.mark.parametrize("before_intent", [True, False])
@pytest.mark.parametrize(("counts", "attempts"), [(True, 1), (False, 0)])
def test_an_attempt_counts_or_not_wherever_it_ended(
    store: Store, attempts: int, *, before_intent: bool, counts: bool
) -> None:
    one, _, _ = one_ready(store)
    (claimed,) = claim(store)
    if not before_intent:
        intend(store, claimed)

    record(store, claimed, RETRY, retry_at=MONDAY, counts=counts)

    assert get(store, one).attempts == attempts


def test_what_waits_for_the_relay_is_no_try_and_resending_begins_anew(store: Store) -> None:
    one, _, _ = one_ready(store)
    tries = []

    for counts_as_try in (True, False, True):
        (claimed,) = claim(store)
        with store.write() as tx:
            ledger.record(
                tx,
                one,
                claimed.fence,
                RETRY,
                MONDAY,
                retry_at=MONDAY,
                counts_as_attempt=False,
                counts_as_try=counts_as_try,
            )
        tries.append(get(store, one).tries)
    (claimed,) = claim(store)
    record(store, claimed, FAILED)
    with store.write() as tx:
        resent = ledger.resend(tx, one, MONDAY)

    assert tries == [1, 1, 2]
    assert resent.delivery.tries == 0


def test_a_late_answer_turns_unknown_into_what_is_true(store: Store) -> None:
    one, _, _ = one_ready(store)
    (claimed,) = claim(store)
    intend(store, claimed)
    tidy(store, MONDAY + LEASE)

    was = get(store, one).state
    recorded = record(store, claimed, SENT, MONDAY + LEASE)

    assert (was, recorded) == (DeliveryState.UNKNOWN, True)
    assert get(store, one).state is DeliveryState.SENT


def test_a_worker_that_lost_its_claim_changes_nothing(store: Store) -> None:
    one, _, _ = one_ready(store)
    (zombie,) = claim(store)
    tidy(store, MONDAY + LEASE)
    (fresh,) = claim(store, MONDAY + LEASE)

    intended = intend(store, zombie, MONDAY + LEASE)
    recorded = record(store, zombie, FAILED, MONDAY + LEASE)

    assert (intended, recorded) == (False, False)
    assert get(store, one).state is DeliveryState.CLAIMED
    assert intend(store, fresh, MONDAY + LEASE)


# ---- mending


def test_expired_leases_are_mended_each_in_its_way(store: Store) -> None:
    papers = add_papers(store, 1)
    first, second, third = add_subscribers(store, 3)
    ids = prepare(store, *(plan(one, papers) for one in (first, second, third)))
    claimed = claim(store, limit=2)
    intend(store, claimed[0])

    early = tidy(store, MONDAY + LEASE - MINUTE)
    late = tidy(store, MONDAY + LEASE)

    assert early == Tidied()
    assert late == Tidied(reclaimed=1, unknown=1)
    assert [get(store, one).state for one in ids] == ["unknown", "ready", "ready"]
    assert_all_accounted_for(store)


def test_a_closed_period_fails_and_frees_its_papers(store: Store) -> None:
    one, subscriber, _ = one_ready(store)
    (claimed,) = claim(store)
    record(store, claimed, RETRY, retry_at=MONDAY + 5 * MINUTE)

    tidied = tidy(store, MONDAY + DAY)

    assert tidied == Tidied(too_late=1)
    assert get(store, one).state is DeliveryState.FAILED
    assert get(store, one).reply == (
        "too late: the period ended before it could be handed off; before that: 451 later"
    )
    assert taken(store, subscriber) == []
    assert_all_accounted_for(store)


def test_what_is_ready_for_someone_who_left_is_skipped(store: Store) -> None:
    one, subscriber, _ = one_ready(store)
    leave(store, subscriber)

    tidied = tidy(store, MONDAY)

    assert tidied == Tidied(withdrawn=1)
    assert get(store, one).state is DeliveryState.SKIPPED


def test_a_hand_off_in_flight_is_never_closed_or_withdrawn(store: Store) -> None:
    one, subscriber, _ = one_ready(store)
    (claimed,) = claim(store, MONDAY + DAY - MINUTE)
    intend(store, claimed, MONDAY + DAY - MINUTE)
    leave(store, subscriber)

    tidied = tidy(store, MONDAY + DAY)

    assert tidied == Tidied()
    assert get(store, one).state is DeliveryState.SENDING


def test_by_policy_an_unknown_delivery_is_resent_after_its_backoff(store: Store) -> None:
    one, _, papers = one_ready(store)
    (claimed,) = claim(store)
    intend(store, claimed)
    record(store, claimed, UNKNOWN, retry_at=MONDAY + 5 * MINUTE)

    held = tidy(store, MONDAY + 5 * MINUTE)
    early = tidy(store, MONDAY + 4 * MINUTE, resend_unknown=True)
    resent = tidy(store, MONDAY + 5 * MINUTE, resend_unknown=True)

    assert (held, early, resent) == (Tidied(), Tidied(), Tidied(resent=1))
    (again,) = claim(store, MONDAY + 5 * MINUTE)
    assert (again.message_id, again.message_date_at) == (claimed.message_id, MONDAY)
    assert [paper.paper_id for paper in again.papers] == papers
    assert again.id == one


def test_by_policy_nothing_is_resent_after_its_period(store: Store) -> None:
    one, _, _ = one_ready(store)
    (claimed,) = claim(store)
    intend(store, claimed)
    record(store, claimed, UNKNOWN, retry_at=MONDAY + 5 * MINUTE)

    tidied = tidy(store, MONDAY + DAY, resend_unknown=True)

    assert tidied == Tidied()
    assert get(store, one).state is DeliveryState.UNKNOWN


# ---- by hand


def ended(store: Store, outcome: Outcome) -> tuple[DeliveryId, SubscriberId, list[PaperId]]:
    return ended_with(store, outcome, papers=2)


def ended_with(
    store: Store, outcome: Outcome, *, papers: int
) -> tuple[DeliveryId, SubscriberId, list[PaperId]]:
    one, subscriber, found = one_ready(store, papers)
    (claimed,) = claim(store)
    intend(store, claimed)
    record(store, claimed, outcome)
    return one, subscriber, found


@pytest.mark.parametrize("outcome", [FAILED, BOUNCED, UNKNOWN])
def test_resending_keeps_message_id_date_and_papers(store: Store, outcome: Outcome) -> None:
    one, subscriber, papers = ended(store, outcome)
    before = get(store, one)

    with store.write() as tx:
        resent = ledger.resend(tx, one, MONDAY + 3 * DAY)

    assert resent.not_free == ()
    assert resent.delivery.state is DeliveryState.READY
    assert resent.delivery.papers == before.papers
    assert resent.delivery.message_id == before.message_id
    assert resent.delivery.message_date_at == before.message_date_at
    assert resent.delivery.closes_at == MONDAY + 4 * DAY
    assert taken(store, subscriber) == papers
    assert len(claim(store, MONDAY + 3 * DAY)) == 1
    assert_all_accounted_for(store)


def test_resending_says_which_papers_are_not_free(store: Store) -> None:
    one, subscriber, papers = ended(store, FAILED)
    prepare(store, plan(subscriber, papers[:1], period="2026-02-03"))

    with store.write() as tx:
        resent = ledger.resend(tx, one, MONDAY)

    assert resent.not_free == (papers[0],)
    assert [paper.paper_id for paper in resent.delivery.papers] == papers[1:]
    assert_all_accounted_for(store)


def test_resending_is_refused_when_no_paper_is_free(store: Store) -> None:
    one, subscriber, papers = ended(store, FAILED)
    prepare(store, plan(subscriber, papers, period="2026-02-03"))

    with pytest.raises(DeliveryError, match="none of its papers is free"), store.write() as tx:
        ledger.resend(tx, one, MONDAY)


def test_resending_is_refused_to_someone_who_left(store: Store) -> None:
    one, subscriber, _ = ended(store, FAILED)
    leave(store, subscriber)

    with pytest.raises(DeliveryError, match="its subscriber is unsubscribed"), store.write() as tx:
        ledger.resend(tx, one, MONDAY)


def test_what_was_sent_is_never_resent(store: Store) -> None:
    one, _, _ = ended(store, SENT)

    with (
        pytest.raises(DeliveryError, match="is sent: only what is failed or bounced or unknown"),
        store.write() as tx,
    ):
        ledger.resend(tx, one, MONDAY)


@pytest.mark.parametrize(
    ("resolution", "state", "keeps"),
    [(Resolution.SENT, "sent", True), (Resolution.FAILED, "failed", False)],
)
def test_resolving_an_unknown_delivery(
    store: Store, resolution: Resolution, state: str, *, keeps: bool
) -> None:
    one, subscriber, papers = ended(store, UNKNOWN)

    with store.write() as tx:
        resolved = ledger.resolve(tx, one, resolution, MONDAY + DAY)

    assert resolved.state == state
    assert resolved.reply == (f"resolved by hand as {state}; before that: no reply to the content")
    assert (taken(store, subscriber) == papers) is keeps
    assert_all_accounted_for(store)


def test_only_what_is_unknown_can_be_resolved(store: Store) -> None:
    one, _, _ = ended(store, FAILED)

    with pytest.raises(DeliveryError, match="only what is unknown"), store.write() as tx:
        ledger.resolve(tx, one, Resolution.SENT, MONDAY)


@pytest.mark.parametrize(
    "act",
    [
        lambda tx: ledger.resend(tx, DeliveryId(9), MONDAY),
        lambda tx: ledger.resolve(tx, DeliveryId(9), Resolution.SENT, MONDAY),
    ],
)
def test_acting_on_what_does_not_exist_is_refused(
    store: Store, act: Callable[[Session], object]
) -> None:
    with pytest.raises(NotFoundError, match="no delivery 9"), store.write() as tx:
        act(tx)


# ---- what may have arrived


def in_doubt(store: Store) -> tuple[DeliveryId, SubscriberId, list[PaperId]]:
    """One delivery that was unknown, and is ready again because it shall be resent."""
    one, subscriber, papers = ended(store, UNKNOWN)
    with store.write() as tx:
        ledger.resend(tx, one, MONDAY)
    return one, subscriber, papers


def refuse_again(store: Store) -> None:
    (claimed,) = claim(store)
    intend(store, claimed)
    record(store, claimed, BOUNCED)


def refuse_at_the_envelope(store: Store) -> None:
    (claimed,) = claim(store)
    record(store, claimed, FAILED)


def wait_too_long(store: Store) -> None:
    (claimed,) = claim(store)
    record(store, claimed, RETRY, retry_at=MONDAY + 5 * MINUTE)
    tidy(store, MONDAY + DAY)


def close_after_the_claim(store: Store) -> None:
    (claimed,) = claim(store, MONDAY + DAY - MINUTE)
    intend(store, claimed, MONDAY + DAY)


def leave_before_the_claim(store: Store) -> None:
    leave(store, SubscriberId(1))
    tidy(store, MONDAY)


def leave_after_the_claim(store: Store) -> None:
    (claimed,) = claim(store)
    leave(store, SubscriberId(1))
    intend(store, claimed)


TOO_LATE = "too late: the period ended before it could be handed off"


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (refuse_again, "550 5.1.1 nobody"),
        (refuse_at_the_envelope, "554 no"),
        (wait_too_long, f"{TOO_LATE}; before that: 451 later"),
        (close_after_the_claim, f"{TOO_LATE}; before that: no reply to the content"),
        (leave_before_the_claim, "unsubscribed before hand-off"),
        (leave_after_the_claim, "unsubscribed before hand-off"),
    ],
)
def test_what_may_have_arrived_keeps_its_papers_however_the_resend_ends(
    store: Store, end: Callable[[Store], None], said: str
) -> None:
    one, subscriber, papers = in_doubt(store)

    end(store)

    delivery = get(store, one)
    assert delivery.state is DeliveryState.UNKNOWN
    assert delivery.reply == f"{said}; nobody knows whether an earlier hand-off arrived"
    assert delivery.finished_at is not None
    assert delivery.next_attempt_at is None
    assert delivery.lease_until_at is None
    assert taken(store, subscriber) == papers
    assert tidy(store, MONDAY, resend_unknown=True) == Tidied()
    assert_all_accounted_for(store)


def test_only_by_hand_does_what_may_have_arrived_give_its_papers_back(store: Store) -> None:
    one, subscriber, _ = in_doubt(store)
    refuse_again(store)

    with store.write() as tx:
        resolved = ledger.resolve(tx, one, Resolution.FAILED, MONDAY)

    assert (resolved.state, resolved.doubted_fence) == (DeliveryState.FAILED, None)
    assert taken(store, subscriber) == []
    assert_all_accounted_for(store)


def test_a_late_answer_ends_only_the_doubt_of_its_own_hand_off(store: Store) -> None:
    one, subscriber, papers = in_doubt(store)
    (claimed,) = claim(store)
    intend(store, claimed)
    tidy(store, MONDAY + LEASE)

    recorded = record(store, claimed, FAILED, MONDAY + LEASE)

    assert recorded
    assert get(store, one).state is DeliveryState.UNKNOWN
    assert taken(store, subscriber) == papers


@pytest.mark.parametrize(("outcome", "state"), [(FAILED, "failed"), (RETRY, "ready")])
def test_a_late_refusal_ends_the_doubt(store: Store, outcome: Outcome, state: str) -> None:
    one, _, _ = one_ready(store)
    (claimed,) = claim(store)
    intend(store, claimed)
    tidy(store, MONDAY + LEASE)

    record(store, claimed, outcome, MONDAY + LEASE, retry_at=MONDAY + LEASE)

    delivery = get(store, one)
    assert (delivery.state, delivery.doubted_fence) == (state, None)


def test_by_policy_nothing_is_resent_to_someone_who_left(store: Store) -> None:
    one, subscriber, _ = ended(store, UNKNOWN)
    leave(store, subscriber)

    tidied = tidy(store, MONDAY + 5 * MINUTE, resend_unknown=True)

    assert tidied == Tidied()
    assert get(store, one).state is DeliveryState.UNKNOWN


# ---- when two papers become one


def merge(store: Store, old: PaperId, new: PaperId) -> None:
    with store.write() as tx:
        merge_papers(tx, [Merge(old_id=old, paper_id=new)])


def test_what_is_resent_after_a_merge_is_the_paper_that_is_left(store: Store) -> None:
    one, subscriber, (left, gone, other) = ended_with(store, UNKNOWN, papers=3)
    merge(store, gone, left)

    with store.write() as tx:
        resent = ledger.resend(tx, one, MONDAY)

    assert resent.not_free == ()
    assert [paper.paper_id for paper in resent.delivery.papers] == [left, other]
    assert taken(store, subscriber) == [left, other]
    assert_all_accounted_for(store)


def test_a_paper_that_was_merged_away_can_be_resent(store: Store) -> None:
    left, gone = add_papers(store, 2)
    (subscriber,) = add_subscribers(store, 1)
    (one,) = prepare(store, plan(subscriber, [gone]))
    (claimed,) = claim(store)
    record(store, claimed, FAILED)
    merge(store, gone, left)

    with store.write() as tx:
        resent = ledger.resend(tx, one, MONDAY)

    assert (resent.delivery.papers[0].paper_id, resent.not_free) == (left, ())
    assert taken(store, subscriber) == [left]


def test_of_a_merged_paper_that_is_not_free_the_name_it_has_now_is_told(store: Store) -> None:
    left, gone, other = add_papers(store, 3)
    (subscriber,) = add_subscribers(store, 1)
    (one,) = prepare(store, plan(subscriber, [gone, other]))
    (claimed,) = claim(store)
    record(store, claimed, FAILED)
    prepare(store, plan(subscriber, [left], period="2026-02-03"))
    merge(store, gone, left)

    with store.write() as tx:
        resent = ledger.resend(tx, one, MONDAY)

    assert resent.not_free == (left,)
    assert [paper.paper_id for paper in resent.delivery.papers] == [other]


def stay_ready(store: Store, one: Delivery) -> None:
    with store.write() as tx:
        ledger.give_back(tx, one.id, one.fence, next_attempt_at=MONDAY)


def stay_claimed(store: Store, one: Delivery) -> None:
    """Nothing more happens to it."""


def be_sending(store: Store, one: Delivery) -> None:
    intend(store, one)


def be_unknown(store: Store, one: Delivery) -> None:
    intend(store, one)
    record(store, one, UNKNOWN)


def be_ready_in_doubt(store: Store, one: Delivery) -> None:
    be_unknown(store, one)
    with store.write() as tx:
        ledger.resend(tx, one.id, MONDAY)


@pytest.mark.parametrize("holds_the_paper_that_goes", [True, False])
@pytest.mark.parametrize(
    ("likelier", "other"),
    [
        (be_sending, stay_ready),
        (be_sending, stay_claimed),
        (be_unknown, stay_claimed),
        (be_ready_in_doubt, stay_claimed),
        (be_ready_in_doubt, stay_ready),
        (stay_claimed, stay_ready),
    ],
)
def test_a_merged_paper_stays_with_the_delivery_likelier_to_have_been_handed_off(
    store: Store,
    likelier: Callable[[Store, Delivery], None],
    other: Callable[[Store, Delivery], None],
    *,
    holds_the_paper_that_goes: bool,
) -> None:
    left, gone = add_papers(store, 2)
    (subscriber,) = add_subscribers(store, 1)
    papers = [gone, left] if holds_the_paper_that_goes else [left, gone]
    prepare(
        store,
        plan(subscriber, papers[:1]),
        plan(subscriber, papers[1:], period="2026-02-03", scheduled_at=MONDAY + DAY),
    )
    first, second = claim(store)
    likelier(store, first)
    other(store, second)

    merge(store, gone, left)

    with store.read() as tx:
        assert ledger.delivery_of_paper(tx, subscriber, left) == first.id
    assert taken(store, subscriber) == [left]


# ---- looking


def test_entries_are_listed_newest_first_with_address_and_aliases(store: Store) -> None:
    papers = add_papers(store, 2)
    first, second = add_subscribers(store, 2)
    prepare(store, plan(first, papers), plan(second, papers[:1]))
    claim(store, limit=1)

    with store.read() as tx:
        everything = ledger.list_entries(tx)
        ready = ledger.list_entries(tx, state=DeliveryState.READY)
        newest = ledger.list_entries(tx, limit=1)
        by_id = ledger.list_entries(tx, delivery_id=DeliveryId(1))

    assert [entry.email for entry in everything] == ["reader2@example.org", "reader1@example.org"]
    assert everything[1].aliases == ("arxiv:2602.0206000", "arxiv:2602.0206001")
    assert [entry.delivery.id for entry in ready] == [2]
    assert [entry.delivery.id for entry in newest] == [2]
    assert [entry.delivery.id for entry in by_id] == [1]


def test_a_paper_names_the_delivery_that_holds_it(store: Store) -> None:
    one, subscriber, papers = one_ready(store)

    with store.read() as tx:
        assert ledger.delivery_of_paper(tx, subscriber, papers[0]) == one
        assert ledger.delivery_of_paper(tx, subscriber, PaperId(99)) is None


@pytest.mark.parametrize(("age_days", "forgotten"), [(89, 0), (100, 2)])
def test_papers_are_forgotten_once_they_can_open_no_window(
    store: Store, age_days: int, forgotten: int
) -> None:
    one_ready(store)

    with store.write() as tx:
        count = ledger.forget_papers(
            tx, now=MONDAY + age_days * DAY, retention_days=90, eligibility_days=14
        )

    assert count == forgotten


def test_a_paper_with_an_open_window_is_remembered_whatever_its_age(store: Store) -> None:
    one_ready(store)

    with store.write() as tx:
        count = ledger.forget_papers(
            tx, now=MONDAY + 5 * DAY, retention_days=3, eligibility_days=14
        )

    assert count == 0


@pytest.mark.parametrize(
    ("marks", "due"),
    [
        ({"next_digest_at": MONDAY}, True),
        ({"next_digest_at": MONDAY + MINUTE}, False),
        ({"next_digest_at": None}, True),
        ({"next_digest_at": MONDAY + 9 * DAY}, True),
        ({"next_digest_at": MONDAY + DAY, "welcome_due_at": MONDAY}, True),
        ({"next_digest_at": MONDAY + DAY, "welcome_due_at": MONDAY + MINUTE}, False),
        ({"next_digest_at": MONDAY, "state": SubscriberState.PENDING}, False),
        ({"next_digest_at": MONDAY, "state": SubscriberState.UNSUBSCRIBED}, False),
    ],
)
def test_who_is_due_is_found_by_looking(
    store: Store, marks: dict[str, object], *, due: bool
) -> None:
    add_subscribers(store, 1, **marks)  # type: ignore[arg-type]

    with store.read() as tx:
        found = ledger.due_subscribers(tx, MONDAY, limit=10)

    assert bool(found) is due
