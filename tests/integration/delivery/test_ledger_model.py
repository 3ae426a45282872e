"""The ledger against a small model of it, through random histories.

The histories pass every event of `states.Event`; the test counts them.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from digest.errors import DeliveryError
from digest.model import (
    ConsentKind,
    Delivery,
    DeliveryId,
    Outcome,
    OutcomeKind,
    PaperId,
    Period,
    SubscriberId,
)
from digest.store import ledger
from digest.store.engine import Store
from digest.store.ledger import LEGAL, Event, Resolution
from digest.store.subscribers import suppress
from tests.support.databases import Kind, new_database
from tests.support.ledger_world import (
    MONDAY,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    message_ids,
    plan,
)

LEASE = timedelta(minutes=15)
PERIOD = timedelta(hours=3)
EVENT_OF = {
    OutcomeKind.SENT: Event.SENT,
    OutcomeKind.BOUNCED: Event.BOUNCED,
    OutcomeKind.FAILED: Event.FAILED,
    OutcomeKind.RETRY: Event.RETRY,
    OutcomeKind.UNKNOWN: Event.LOST,
}


@dataclass(slots=True)
class Believed:
    """What the model believes of one delivery."""

    subscriber_id: SubscriberId
    state: str
    closes_at: datetime
    next_attempt_at: datetime | None
    lease_until_at: datetime = MONDAY
    fence: int = 0
    handed_off: int = 0
    may_repeat: int = 1
    doubted: int | None = None
    """The fence of the first hand-off that may have arrived, for all that anybody knows."""

    def end(self, event: Event, in_doubt: Event) -> Event:
        """End for good, or be unknown again where an earlier hand-off may have arrived."""
        if self.doubted is None:
            self.state = LEGAL[event].target.value
            return event
        self.state, self.next_attempt_at = "unknown", None
        return in_doubt

    def withdraw(self) -> Event:
        return self.end(Event.WITHDRAW, Event.WITHDRAW_IN_DOUBT)

    def come_too_late(self) -> Event:
        return self.end(Event.TOO_LATE, Event.TOO_LATE_IN_DOUBT)

    def lose(self) -> None:
        self.state = "unknown"
        self.doubted = self.fence if self.doubted is None else self.doubted


class LedgerMachine(RuleBasedStateMachine):
    kind: ClassVar[Kind] = "sqlite"
    histories: ClassVar[int] = 30
    met: ClassVar[Counter[Event]] = Counter()
    """Which events the histories have passed so far, and how often."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.store = Store(self.stack.enter_context(new_database(self.kind, folder)))
        self.stack.callback(self.store.close)
        self.now = MONDAY
        self.believed: dict[DeliveryId, Believed] = {}
        self.periods: set[tuple[SubscriberId, Period]] = set()
        self.claims: list[Delivery] = []
        self.gone: set[SubscriberId] = set()
        self.message_ids = message_ids()

    @initialize()
    def people_and_papers(self) -> None:
        self.papers = add_papers(self.store, 30)
        self.subscribers = add_subscribers(self.store, 3)
        for who in range(3):
            self.prepare_one(who, 0, [0, 1])

    def teardown(self) -> None:
        self.stack.close()

    # ---- what happens

    @rule(minutes=st.sampled_from([1, 5, 15, 15, 90]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(
        who=st.integers(0, 2),
        number=st.integers(0, 12),
        papers=st.lists(st.integers(0, 29), unique=True, max_size=3),
    )
    def prepare(self, who: int, number: int, papers: list[int]) -> None:
        self.prepare_one(who, number, papers)

    def prepare_one(self, who: int, number: int, papers: list[int]) -> None:
        subscriber, period = self.subscribers[who], Period(f"day-{number}")
        wanted = [self.papers[one] for one in papers]
        free = [one for one in wanted if one not in self._taken(subscriber)]
        one_plan = plan(subscriber, wanted, period=period, closes_at=self.now + PERIOD)

        with self.store.write() as tx:
            done = ledger.insert_plans(
                tx, [one_plan], now=self.now, message_ids=[self.message_ids()]
            )

        known = (subscriber, period) in self.periods
        assert (len(done.ids), done.existing) == ((0, 1) if known else (1, 0))
        if not known:
            self.periods.add((subscriber, period))
            self.believed[done.ids[0]] = Believed(
                subscriber,
                "ready" if free else "skipped",
                closes_at=self.now + PERIOD,
                next_attempt_at=self.now,
            )

    @rule(limit=st.integers(1, 3))
    def claim_only(self, limit: int) -> None:
        self.claim(limit)

    def claim(self, limit: int) -> None:
        due = [
            one
            for one in self.believed.values()
            if one.state == "ready"
            and one.next_attempt_at is not None
            and one.next_attempt_at <= self.now < one.closes_at
            and one.subscriber_id not in self.gone
        ]

        with self.store.write() as tx:
            claimed = ledger.claim_deliveries(tx, self.now, limit=limit)

        assert len(claimed) == min(limit, len(due))
        for one in claimed:
            mine = self.believed[one.id]
            assert mine in due
            mine.state, mine.lease_until_at = "claimed", self.now + LEASE
            mine.fence += 1
            self.met[Event.CLAIM] += 1
            assert one.fence == mine.fence
        self.claims.extend(claimed)

    @rule(limit=st.integers(1, 3), grouped=st.booleans())
    def claim_and_intend(self, limit: int, *, grouped: bool) -> None:
        before = len(self.claims)
        self.claim(limit)
        self.begin(self.claims[before:], grouped=grouped)

    @precondition(lambda self: self.claims)
    @rule(back=st.integers(0, 3), grouped=st.booleans())
    def intend_late(self, back: int, *, grouped: bool) -> None:
        self.begin(self.claims[-1 - back :], grouped=grouped)

    def begin(self, claims: list[Delivery], *, grouped: bool) -> None:
        believed = [self._believe_intent(one) for one in claims]

        with self.store.write() as tx:
            intended = (
                ledger.intend_all(tx, claims, self.now)
                if grouped
                else [ledger.intend(tx, one.id, one.fence, self.now) for one in claims]
            )

        assert intended == believed

    def _believe_intent(self, claim: Delivery) -> bool:
        mine = self.believed[claim.id]
        held = (
            mine.state == "claimed" and mine.fence == claim.fence and mine.lease_until_at > self.now
        )
        left = mine.subscriber_id in self.gone
        if held and not left and mine.closes_at > self.now:
            mine.state, mine.lease_until_at = "sending", self.now + LEASE
            mine.handed_off += 1
            assert mine.handed_off <= mine.may_repeat
            self.met[Event.INTEND] += 1
            return True
        if held:
            self.met[mine.withdraw() if left else mine.come_too_late()] += 1
        return False

    @precondition(lambda self: self.claims)
    @rule(back=st.integers(0, 3))
    def give_back(self, back: int) -> None:
        claim = self.claims[-1 - back % len(self.claims)]
        mine = self.believed[claim.id]
        then = self.now + timedelta(minutes=5)

        with self.store.write() as tx:
            given_back = ledger.give_back(tx, claim.id, claim.fence, next_attempt_at=then)

        assert given_back is (mine.state == "claimed" and mine.fence == claim.fence)
        if given_back:
            mine.state, mine.next_attempt_at = "ready", then
            self.met[Event.GIVE_BACK] += 1

    @precondition(lambda self: self.claims)
    @rule(
        kinds=st.lists(st.sampled_from(list(EVENT_OF)), min_size=1, max_size=4),
        grouped=st.booleans(),
    )
    def record(self, kinds: list[OutcomeKind], *, grouped: bool) -> None:
        last = self.claims[-len(kinds) :]
        self.write_down(list(zip(last, kinds, strict=False)), grouped=grouped)

    def write_down(
        self, outcomes: list[tuple[Delivery, OutcomeKind]], *, grouped: bool = False
    ) -> None:
        retry_at = self.now + timedelta(minutes=5)
        recordings = [
            ledger.Recording(
                delivery=claim, outcome=Outcome(kind=kind, reply=kind.value), retry_at=retry_at
            )
            for claim, kind in outcomes
        ]
        believed = [self._believe_outcome(*one, retry_at, grouped=grouped) for one in outcomes]

        with self.store.write() as tx:
            recorded = (
                ledger.record_all(tx, recordings, self.now)
                if grouped
                else [
                    ledger.record(
                        tx,
                        one.delivery.id,
                        one.delivery.fence,
                        one.outcome,
                        self.now,
                        retry_at=retry_at,
                    )
                    for one in recordings
                ]
            )

        assert recorded == believed

    def _believe_outcome(
        self, claim: Delivery, kind: OutcomeKind, retry_at: datetime, *, grouped: bool
    ) -> bool:
        mine, event = self.believed[claim.id], EVENT_OF[kind]
        if mine.fence != claim.fence:
            return False
        if mine.state not in LEGAL[event].sources:
            # A group that says "sent" of what is sent already, by this claim, may hear yes.
            return grouped and kind is OutcomeKind.SENT and mine.state == "sent"
        mine.next_attempt_at = retry_at
        if mine.doubted == mine.fence:  # this answer, though late, is to that hand-off
            mine.doubted = None
        if kind in (OutcomeKind.BOUNCED, OutcomeKind.FAILED):
            event = mine.end(event, Event.REFUSED_IN_DOUBT)
        elif kind is OutcomeKind.UNKNOWN:
            mine.lose()
        else:
            mine.state = LEGAL[event].target.value
        if kind is OutcomeKind.RETRY:  # the server has said that it took nothing
            mine.may_repeat = mine.handed_off + 1
        self.met[event] += 1
        return True

    @rule(by_policy=st.booleans())
    def tidy(self, *, by_policy: bool) -> None:
        self.mend(by_policy=by_policy)

    def mend(self, *, by_policy: bool) -> None:
        with self.store.write() as tx:
            ledger.tidy(tx, self.now, resend_unknown=by_policy)

        for mine in self.believed.values():
            if mine.state in ("claimed", "sending") and mine.lease_until_at <= self.now:
                if mine.state == "claimed":
                    mine.state = "ready"
                    self.met[Event.REAP_CLAIM] += 1
                else:
                    mine.lose()
                    self.met[Event.REAP_HAND_OFF] += 1
                mine.next_attempt_at = self.now
            if (
                by_policy
                and mine.state == "unknown"
                and mine.subscriber_id not in self.gone
                and mine.next_attempt_at is not None
                and mine.next_attempt_at <= self.now < mine.closes_at
            ):
                mine.state, mine.may_repeat = "ready", mine.handed_off + 1
                self.met[Event.RESEND_BY_POLICY] += 1
            if mine.state in ("ready", "claimed"):
                if mine.subscriber_id in self.gone:
                    self.met[mine.withdraw()] += 1
                elif mine.closes_at <= self.now:
                    self.met[mine.come_too_late()] += 1

    @precondition(lambda self: self.claims and not self.gone)
    @rule(data=st.data())
    def leave_after_a_claim(self, data: st.DataObject) -> None:
        self.leave(self.believed[self.claims[-1].id].subscriber_id)
        if data.draw(st.booleans()):
            self.begin(self.claims[-1:], grouped=data.draw(st.booleans()))

    def leave(self, subscriber: SubscriberId) -> None:
        with self.store.write() as tx:
            suppress(tx, subscriber, ConsentKind.UNSUBSCRIBED, self.now)
        self.gone.add(subscriber)

    @rule(then=st.sampled_from(["refused", "left", "late"]))
    def arrive_perhaps_and_be_resent(self, then: str) -> None:
        """Chance alone seldom comes this far: lost, resent, and then something else."""
        before = len(self.claims)
        self.claim(1)
        if len(self.claims) == before:
            return
        one = self.claims[-1].id
        self.begin(self.claims[-1:], grouped=True)
        self.write_down([(self.claims[-1], OutcomeKind.UNKNOWN)], grouped=True)
        self.send_again(one)
        if then == "refused":
            before = len(self.claims)
            self.claim(3)
            self.write_down([(claim, OutcomeKind.FAILED) for claim in self.claims[before:]])
        elif then == "late":
            self.now += timedelta(hours=25)
            self.mend(by_policy=False)
        elif not self.gone:
            self.leave(self.believed[one].subscriber_id)
            self.mend(by_policy=False)

    @rule(back=st.integers(0, 5))
    def resend(self, back: int) -> None:
        self.send_again(self._one_of_the_last(back))

    def send_again(self, one: DeliveryId) -> None:
        mine = self.believed[one]
        try:
            with self.store.write() as tx:
                ledger.resend(tx, one, self.now)
        except DeliveryError:
            assert (
                mine.state not in LEGAL[Event.RESEND].sources
                or mine.subscriber_id in self.gone
                or self._papers_are_elsewhere(one)
            )
        else:
            assert mine.state in LEGAL[Event.RESEND].sources
            mine.state, mine.next_attempt_at = "ready", self.now
            mine.closes_at = max(mine.closes_at, self.now + timedelta(hours=24))
            mine.may_repeat = mine.handed_off + 1
            self.met[Event.RESEND] += 1

    @rule(back=st.integers(0, 5), resolution=st.sampled_from(Resolution))
    def resolve(self, back: int, resolution: Resolution) -> None:
        unknown = [one for one, mine in self.believed.items() if mine.state == "unknown"]
        one = unknown[0] if unknown else self._one_of_the_last(back)
        mine = self.believed[one]
        try:
            with self.store.write() as tx:
                ledger.resolve(tx, one, resolution, self.now)
        except DeliveryError:
            assert mine.state != "unknown"
        else:
            assert mine.state == "unknown"
            mine.state, mine.doubted = resolution.value, None
            sent = resolution is Resolution.SENT
            self.met[Event.RESOLVE_SENT if sent else Event.RESOLVE_FAILED] += 1

    # ---- what always holds

    @invariant()
    def everything_is_accounted_for(self) -> None:
        assert_all_accounted_for(self.store)

    @invariant()
    def the_ledger_is_what_the_model_believes(self) -> None:
        with self.store.read() as tx:
            found = {one.delivery.id: one.delivery for one in ledger.list_entries(tx)}
            total = ledger.count_deliveries(tx)
        assert {one: row.state.value for one, row in found.items()} == {
            one: mine.state for one, mine in self.believed.items()
        }
        assert {one: row.doubted_fence for one, row in found.items()} == {
            one: mine.doubted for one, mine in self.believed.items()
        }
        by_state = Counter(mine.state for mine in self.believed.values())
        assert total.queued == by_state["ready"] + by_state["claimed"] + by_state["sending"]

    @invariant()
    def what_may_have_arrived_is_in_no_other_digest(self) -> None:
        with self.store.read() as tx:
            for one, mine in self.believed.items():
                if mine.doubted is not None:
                    delivery = ledger.get_delivery(tx, one)
                    assert delivery is not None
                    assert {
                        ledger.delivery_of_paper(tx, mine.subscriber_id, paper.paper_id)
                        for paper in delivery.papers
                    } == {one}

    def _one_of_the_last(self, back: int) -> DeliveryId:
        ids = sorted(self.believed)
        return ids[-1 - back % len(ids)]

    def _taken(self, subscriber: SubscriberId) -> list[PaperId]:
        with self.store.read() as tx:
            return ledger.sent_papers(tx, [subscriber]).get(subscriber, [])

    def _papers_are_elsewhere(self, one: DeliveryId) -> bool:
        with self.store.read() as tx:
            delivery = ledger.get_delivery(tx, one)
            assert delivery is not None
            holders = {
                ledger.delivery_of_paper(tx, delivery.subscriber_id, paper.paper_id)
                for paper in delivery.papers
            }
        return not holders & {one, None}


class OnPostgresql(LedgerMachine):
    kind = "postgresql"
    histories = 10


BOTH = pytest.mark.parametrize(
    "machine",
    [pytest.param(LedgerMachine, id="sqlite"), pytest.param(OnPostgresql, id="postgresql")],
)


@BOTH
def test_random_histories_are_what_the_model_believes(machine: type[LedgerMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=machine.histories,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@BOTH
def test_one_history_passes_every_event(machine: type[LedgerMachine]) -> None:
    _pass_every_event(machine())


def _pass_every_event(machine: LedgerMachine) -> None:
    machine.met.clear()
    machine.people_and_papers()
    for who in range(3):
        for day in range(1, 6):
            machine.prepare_one(who, day, [2 * day, 2 * day + 1])

    def claim_and_begin() -> Delivery:
        machine.claim(1)
        machine.begin(machine.claims[-1:], grouped=True)
        return machine.claims[-1]

    machine.claim(1)
    machine.give_back(0)
    for kind in (OutcomeKind.SENT, OutcomeKind.BOUNCED, OutcomeKind.FAILED, OutcomeKind.RETRY):
        machine.write_down([(claim_and_begin(), kind)], grouped=True)
    for resolution in Resolution:
        machine.write_down([(claim_and_begin(), OutcomeKind.UNKNOWN)])
        machine.resolve(0, resolution)
    machine.arrive_perhaps_and_be_resent("refused")
    machine.write_down([(claim_and_begin(), OutcomeKind.UNKNOWN)])
    machine.time_passes(5)
    machine.mend(by_policy=True)
    machine.claim(1)
    claim_and_begin()
    machine.time_passes(15)
    machine.mend(by_policy=False)
    machine.arrive_perhaps_and_be_resent("left")
    machine.arrive_perhaps_and_be_resent("late")
    for holds in (
        machine.everything_is_accounted_for,
        machine.the_ledger_is_what_the_model_believes,
        machine.what_may_have_arrived_is_in_no_other_digest,
    ):
        holds()
    machine.teardown()

    assert machine.met.keys() == set(Event)
