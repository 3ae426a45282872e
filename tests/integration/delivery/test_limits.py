"""Holds and rates over a real connection, and over restarts; groups of intents and outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session
from structlog.testing import capture_logs

from digest.clock import fixed_clock
from digest.delivery.limits import Limits
from digest.delivery.outcomes import Stage, decide_outcome
from digest.delivery.run import DeliverCounts, deliver
from digest.delivery.smtp import SmtpTransport, Timeouts
from digest.delivery.writer import GroupCommit
from digest.errors import StorageError
from digest.model import (
    ConsentKind,
    Delivery,
    DeliveryState,
    Outcome,
    OutcomeKind,
    SendLimit,
    SubscriberId,
)
from digest.store import ledger
from digest.store.engine import Store
from digest.store.ledger import Recording
from digest.store.send_limits import clear_limit, held_limits, load_limits, save_limits
from digest.store.subscribers import suppress
from tests.support.ledger_world import (
    MONDAY,
    PlainComposer,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    message_ids,
    plan,
    prepare,
    smtp_settings,
    states,
)
from tests.support.smtp_server import Drop, Rule, SmtpServer, smtp_server

MINUTE = timedelta(minutes=1)


def over_smtp(
    store: Store, server: SmtpServer, *, at: datetime = MONDAY, ids: str = "m", **smtp: object
) -> DeliverCounts:
    settings = smtp_settings(server.port, **smtp)
    transport = SmtpTransport(
        settings.smtp, timeouts=Timeouts(connect_s=5, command_s=5, content_s=2)
    )
    return asyncio.run(
        deliver(
            store,
            clock=fixed_clock(at),
            settings=settings,
            composer=PlainComposer(),
            transport=transport,
            message_ids=message_ids(ids),
        )
    )


def held(store: Store, at: datetime = MONDAY) -> list[SendLimit]:
    with store.read() as tx:
        return held_limits(tx, at)


def test_a_pause_that_a_domain_asked_for_outlives_the_run(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3, domain="slow.example")

    with smtp_server() as server:
        server.on("RCPT", "421 4.7.0 slow down", times=1)
        first = over_smtp(store, server, connections=1)
        during = over_smtp(store, server, at=MONDAY + 4 * MINUTE)
        said_during = server.verbs.count("RCPT")
        after = over_smtp(store, server, at=MONDAY + 5 * MINUTE)

    assert (first.sent, first.queued) == (0, 3)
    assert (during.queued, said_during) == (3, 1)
    assert after.sent == 3
    assert held(store, MONDAY + 5 * MINUTE) == []


def test_who_waits_for_a_turn_when_a_domain_asks_for_patience_is_not_begun(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3, domain="slow.example")

    with smtp_server() as server:
        server.on("RCPT", "421 4.7.0 slow down")
        counts = over_smtp(store, server, connections=3, per_domain_connections=1)

    assert server.verbs.count("RCPT") == 1
    assert counts.queued == 3
    assert states(store) == ["ready", "ready", "ready"]


def test_who_waits_for_a_turn_when_the_relay_refuses_us_is_not_begun(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3, domain="slow.example")

    with smtp_server() as server:
        server.on("MAIL", "550 5.7.1 sender not authorised")
        counts = over_smtp(store, server, connections=3, per_domain_connections=1)

    assert server.verbs.count("MAIL") == 1
    assert counts.queued == 3
    assert states(store) == ["ready", "ready", "ready"]


def test_a_relay_that_refuses_us_is_left_alone_until_the_hold_ends(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3)

    with smtp_server() as server:
        server.on("MAIL", "550 5.7.1 sender not authorised")
        first = over_smtp(store, server)
        said = server.verbs.count("MAIL")
        during = over_smtp(store, server, at=MONDAY + 4 * MINUTE)
        said_during = server.verbs.count("MAIL")
        server.rules.clear()
        after = over_smtp(store, server, at=MONDAY + 5 * MINUTE)

    assert first.relay_error == "550 5.7.1 sender not authorised"
    assert said_during == said
    assert during.relay_error == (
        "held until 2026-02-02 08:05 UTC after it refused us (550 5.7.1 sender not authorised); "
        "`digest deliveries limits --clear relay` ends that"
    )
    assert after == DeliverCounts(prepared=3, sent=3)
    with store.read() as tx:
        assert load_limits(tx) == []
    assert_all_accounted_for(store)


def test_a_hold_that_could_not_be_kept_is_logged_and_kept_with_the_next_commit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3)
    # With its group, and then alone.
    refusals = iter([StorageError("the database refused: disk full")] * 2)

    def failing_at_first(tx: Session, limits: Sequence[SendLimit], now: datetime) -> None:
        refusal = next(refusals, None)
        if refusal is not None:
            raise refusal
        save_limits(tx, limits, now)

    monkeypatch.setattr("digest.delivery.lanes.save_limits", failing_at_first)

    with smtp_server() as server, capture_logs() as logs:
        server.on("MAIL", "550 5.7.1 sender not authorised")
        over_smtp(store, server, connections=1)

    assert [one.reason for one in held(store)] == ["550 5.7.1 sender not authorised"]
    (told,) = [one for one in logs if one["event"] == "holds not kept"]
    assert (told["log_level"], told["keys"]) == ("error", ["relay"])
    assert told["cause"] == "the database refused: disk full"


def test_a_hold_of_the_relay_can_be_lifted_by_hand(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)

    with smtp_server() as server:
        server.on("MAIL", "530 5.7.0 log in first", times=1)
        over_smtp(store, server)
        with store.write() as tx:
            lifted = clear_limit(tx, "relay")
            lifted_again = clear_limit(tx, "relay")
        after = over_smtp(store, server)

    assert (lifted, lifted_again) == (True, False)
    assert after.sent == 1


def test_a_hold_that_another_process_has_met_is_seen_during_a_run(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 60, domain="slow.example")
    hold = SendLimit(
        key="slow.example", held_until_at=MONDAY + 5 * MINUTE, holds=1, reason="421 slow down"
    )

    def meet_it_elsewhere() -> None:
        with store.write() as tx:
            save_limits(tx, [hold], MONDAY)

    with smtp_server() as server:
        server.add(Rule(verb="RCPT", before=meet_it_elsewhere, times=1))
        result = over_smtp(store, server, connections=1)

    assert result.sent > 0
    assert result.queued >= 10
    assert_all_accounted_for(store)


SLOW_DOWN = decide_outcome(Stage.RCPT, 421, "4.7.0 slow down")
REFUSED = decide_outcome(Stage.MAIL, 550, "5.7.1 not you")
SENT = decide_outcome(Stage.CONTENT, 250, "2.0.0 ok")
OVER = SendLimit(key="slow.example", held_until_at=MONDAY, holds=2, reason="421")
RELAY_OVER = SendLimit(key="relay", held_until_at=MONDAY, holds=1, reason="550")


def keep(store: Store, *limits: SendLimit, now: datetime = MONDAY) -> None:
    with store.write() as tx:
        save_limits(tx, limits, now)


def load(store: Store, *, per_minute: float = 0.0) -> Limits:
    with store.read() as tx:
        return Limits(load_limits(tx), per_minute=per_minute)


def kept(store: Store) -> list[SendLimit]:
    with store.read() as tx:
        return load_limits(tx)


def test_what_one_worker_used_of_a_rate_leaves_the_hold_that_another_met(store: Store) -> None:
    one, other = load(store, per_minute=100), load(store, per_minute=100)
    one.use("slow.example", MONDAY)
    other.use("slow.example", MONDAY)
    other.note(SLOW_DOWN, "slow.example", MONDAY, relay_stops=False)

    keep(store, *other.take_changed())
    keep(store, *one.take_changed())

    (limit,) = held(store)
    assert (limit.held_until_at, limit.holds) == (MONDAY + 5 * MINUTE, 1)
    assert limit.tokens == 99


def test_a_hold_leaves_what_another_worker_used_of_a_rate(store: Store) -> None:
    one, other = load(store, per_minute=100), load(store)
    one.use("slow.example", MONDAY)
    other.note(SLOW_DOWN, "slow.example", MONDAY, relay_stops=False)

    keep(store, *one.take_changed())
    keep(store, *other.take_changed())

    (limit,) = held(store)
    assert (limit.tokens, limit.filled_at) == (99, MONDAY)


def test_an_acceptance_does_not_lift_a_hold_of_the_relay_that_another_met_since(
    store: Store,
) -> None:
    keep(store, RELAY_OVER)
    one, other = load(store), load(store)
    one.note(SENT, "slow.example", MONDAY, relay_stops=False)
    other.note(REFUSED, "slow.example", MONDAY, relay_stops=True)

    keep(store, *other.take_changed())
    keep(store, *one.take_changed(), now=MONDAY + 20 * MINUTE)

    (limit,) = kept(store)
    assert (limit.held_until_at, limit.holds) == (MONDAY + 15 * MINUTE, 2)


def test_an_acceptance_lifts_a_hold_that_was_over_by_then(store: Store) -> None:
    keep(store, OVER, RELAY_OVER)
    one = load(store)
    one.note(SENT, "slow.example", MONDAY, relay_stops=False)

    keep(store, *one.take_changed())

    assert kept(store) == []


def test_what_is_used_of_a_rate_stays_when_its_hold_is_lifted(store: Store) -> None:
    keep(store, OVER)
    one = load(store, per_minute=100)
    one.use("slow.example", MONDAY)
    one.note(SENT, "slow.example", MONDAY, relay_stops=False)

    keep(store, *one.take_changed())

    assert kept(store) == [SendLimit(key="slow.example", tokens=99, filled_at=MONDAY)]


def test_of_two_holds_the_longer_one_stays_in_either_order(store: Store) -> None:
    keep(store, OVER)
    knows, new = load(store), Limits()
    knows.note(SLOW_DOWN, "slow.example", MONDAY, relay_stops=False)
    new.note(SLOW_DOWN, "slow.example", MONDAY, relay_stops=False)
    (longer,), (shorter,) = knows.take_changed(), new.take_changed()

    keep(store, shorter)
    keep(store, longer)
    after_longer = kept(store)
    keep(store, shorter)

    assert kept(store) == after_longer == [longer]


def test_a_hold_that_was_lifted_by_hand_does_not_come_back_with_a_rate(store: Store) -> None:
    keep(store, SendLimit(key="slow.example", held_until_at=MONDAY + MINUTE, holds=1, reason="421"))
    one = load(store, per_minute=100)
    one.use("slow.example", MONDAY)

    with store.write() as tx:
        clear_limit(tx, "slow.example")
    keep(store, *one.take_changed())

    assert held(store) == []


def test_what_is_long_past_goes_and_a_rate_beside_a_hold_of_long_ago_stays(store: Store) -> None:
    keep(store, OVER, SendLimit(key="old.example", tokens=1, filled_at=MONDAY))
    late = MONDAY + timedelta(days=3)

    keep(store, SendLimit(key="slow.example", tokens=5, filled_at=late), now=late)
    keep(store, now=late)

    (limit,) = kept(store)
    assert (limit.key, limit.tokens) == ("slow.example", 5)


def test_an_unreachable_relay_is_tried_again_at_once(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)

    with smtp_server() as server:
        server.on("CONNECT", "421 4.3.2 restarting", times=1)
        first = over_smtp(store, server)
        again = over_smtp(store, server)

    assert first.queued == 1
    assert again.sent == 1


def test_greylisting_waits_with_its_recipient_and_pauses_nobody_else(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3)

    with smtp_server() as server:
        server.on("RCPT", "451 4.7.1 greylisted, try again", recipient="reader1@example.org")
        result = over_smtp(store, server, connections=1)

    assert (result.sent, result.queued) == (2, 1)
    assert held(store) == []


def test_the_rate_of_a_domain_holds_over_runs(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 5)

    with smtp_server() as server:
        first = over_smtp(store, server, per_domain_per_minute=2)
        same = over_smtp(store, server, per_domain_per_minute=2)
        later = over_smtp(store, server, at=MONDAY + MINUTE, per_domain_per_minute=2)

    assert (first.sent, first.queued) == (2, 3)
    assert (same.sent, same.queued) == (0, 3)
    assert (later.sent, later.queued) == (2, 1)
    assert_all_accounted_for(store)


def test_a_domain_that_is_busy_does_not_hold_up_the_others(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3, domain="slow.example")
    add_subscribers(store, 3, domain="quick.example")

    with smtp_server() as server:
        server.on("RCPT", recipient="reader1@slow.example", delay_s=0.5)
        result = over_smtp(store, server, connections=2, per_domain_connections=1)

    assert result == DeliverCounts(prepared=6, sent=6)
    assert [one.recipient for one in server.received][:4] == [
        "reader1@quick.example",
        "reader2@quick.example",
        "reader3@quick.example",
        "reader1@slow.example",
    ]


@pytest.mark.parametrize("pipelining", [False, True])
def test_a_relay_with_room_for_two_gets_everything_over_two(
    store: Store, *, pipelining: bool
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)

    with smtp_server(pipelining=pipelining) as server:
        server.add(Rule(verb="CONNECT", action="421 4.7.0 too many connections", nth=3))
        result = over_smtp(store, server, connections=6)

    assert result == DeliverCounts(prepared=20, sent=20)
    assert set(server.accepted.values()) == {1}
    assert held(store) == []


def test_a_relay_with_room_for_nobody_stops_the_run(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3)

    with smtp_server() as server:
        server.on("CONNECT", "421 4.3.2 going down")
        result = over_smtp(store, server, connections=3)

    assert result.queued == 3
    assert result.relay_error is not None
    assert result.relay_error.startswith("421 4.3.2 going down")


def test_a_relay_that_hangs_up_on_everybody_is_told(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 5)

    with smtp_server() as server:
        server.on("MAIL", Drop())
        result = over_smtp(store, server, connections=1)

    assert result.queued == 5
    assert result.relay_error == "no reply to MAIL: the server closed the connection"
    assert server.verbs.count("MAIL") == 3


def test_at_most_sixteen_are_sending_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add_papers(store, 3)
    add_subscribers(store, 120)
    sending: list[int] = []
    write = Store.write_concurrently

    @contextmanager
    def counting(one: Store) -> Iterator[Session]:
        with write(one) as tx:
            yield tx
            sending.append(len(ledger.list_entries(tx, state=DeliveryState.SENDING)))

    monkeypatch.setattr(Store, "write_concurrently", counting)

    with smtp_server(pipelining=True) as server:
        result = over_smtp(store, server, connections=10)

    assert result.sent == 120
    assert 10 < max(sending) <= 16
    assert len(server.accepted) == 120
    assert set(server.accepted.values()) == {1}


def claimed(store: Store, count: int) -> list[Delivery]:
    papers = add_papers(store, count)
    people = add_subscribers(store, count)
    prepare(store, *(plan(one, [paper]) for one, paper in zip(people, papers, strict=True)))
    with store.write() as tx:
        return ledger.claim_deliveries(tx, MONDAY)


def test_a_group_of_intents_begins_all_but_those_that_may_not(store: Store) -> None:
    first, second, third, fourth = claimed(store, 4)
    with store.write() as tx:
        suppress(tx, SubscriberId(2), ConsentKind.UNSUBSCRIBED, MONDAY)
        ledger.give_back(tx, third.id, third.fence, next_attempt_at=MONDAY)

    with store.write() as tx:
        intended = ledger.intend_all(tx, [first, second, third, fourth], MONDAY)

    assert intended == [True, False, False, True]
    assert states(store) == ["sending", "skipped", "ready", "sending"]
    assert_all_accounted_for(store)


def test_a_group_of_outcomes_records_each_by_its_kind(store: Store) -> None:
    group = claimed(store, 5)
    with store.write() as tx:
        ledger.intend_all(tx, group[:4], MONDAY)
    kinds = (
        OutcomeKind.SENT,
        OutcomeKind.BOUNCED,
        OutcomeKind.UNKNOWN,
        OutcomeKind.RETRY,
        OutcomeKind.SENT,
    )
    recordings = [
        Recording(
            delivery=one,
            outcome=Outcome(kind=kind, reply=f"said of {one.id}"),
            retry_at=MONDAY + MINUTE,
        )
        for one, kind in zip(group, kinds, strict=True)
    ]

    with store.write() as tx:
        recorded = ledger.record_all(tx, recordings, MONDAY)

    assert recorded == [True, True, True, True, False]
    assert states(store) == ["sent", "bounced", "unknown", "ready", "claimed"]
    with store.read() as tx:
        sent = ledger.get_delivery(tx, group[0].id)
    assert sent is not None
    assert (sent.reply, sent.attempts, sent.tries, sent.finished_at) == (
        f"said of {group[0].id}",
        1,
        1,
        MONDAY,
    )
    assert_all_accounted_for(store)


def test_a_late_acceptance_is_recorded_beside_one_that_came_too_late(store: Store) -> None:
    late, lost = claimed(store, 2)
    with store.write() as tx:
        ledger.intend_all(tx, [late, lost], MONDAY)
    expired = MONDAY + timedelta(minutes=15)
    with store.write() as tx:
        ledger.tidy(tx, expired)
        ledger.resend(tx, lost.id, expired)
        ledger.claim_deliveries(tx, expired)
    accepted = Outcome(kind=OutcomeKind.SENT, reply="250 ok")

    with store.write() as tx:
        recorded = ledger.record_all(
            tx,
            [
                Recording(delivery=late, outcome=accepted),
                Recording(delivery=lost, outcome=accepted),
            ],
            expired,
        )

    assert recorded == [True, False]
    assert states(store) == ["sent", "claimed"]


def test_one_bad_outcome_does_not_spoil_its_group(store: Store) -> None:
    group = claimed(store, 3)

    def apply(tx: Session, items: list[Delivery]) -> list[bool]:
        done = ledger.intend_all(tx, items, MONDAY)
        if group[1] in items:
            raise StorageError("the database refused: odd")
        return done

    async def all_at_once() -> list[bool | BaseException]:
        async with GroupCommit(store) as writer:
            return await asyncio.gather(
                *(writer.submit(apply, one) for one in group),  # type: ignore[arg-type]
                return_exceptions=True,
            )

    first, second, third = asyncio.run(all_at_once())

    assert (first, third) == (True, True)
    assert isinstance(second, StorageError)
    assert states(store) == ["sending", "claimed", "sending"]


def grouped(store: Store, *, worth: int, patience_s: float, pieces: int) -> list[list[int]]:
    """Put pieces to a writer one after the other, and say which shared a transaction."""
    groups: list[list[int]] = []

    def apply(_: Session, items: list[int]) -> list[None]:
        groups.append(list(items))
        return [None] * len(items)

    async def one_after_the_other() -> None:
        async with GroupCommit(store, worth=worth, patience_s=patience_s) as writer:
            for piece in range(pieces):
                writer.submit(apply, piece)  # type: ignore[arg-type]
                await asyncio.sleep(0.02)

    asyncio.run(one_after_the_other())
    return groups


def test_a_small_group_waits_until_a_commit_is_worth_its_while(store: Store) -> None:
    assert grouped(store, worth=3, patience_s=60.0, pieces=3) == [[0, 1, 2]]


def test_a_small_group_goes_alone_when_nobody_joins_it(store: Store) -> None:
    assert grouped(store, worth=3, patience_s=0.0, pieces=1) == [[0]]


def test_what_waits_for_others_is_committed_when_the_writer_closes(store: Store) -> None:
    assert grouped(store, worth=3, patience_s=60.0, pieces=2) == [[0, 1]]
