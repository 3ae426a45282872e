"""Hand-offs that stood still, before their content, until another worker took them for dead."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from digest.delivery.run import DeliverCounts, deliver
from digest.delivery.smtp import SmtpTransport
from digest.model import DeliveryId
from digest.settings import DigestSettings, Settings
from digest.store import ledger
from digest.store.engine import Store
from tests.support.ledger_world import (
    MONDAY,
    PlainComposer,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    message_ids,
    smtp_settings,
    states,
)
from tests.support.smtp_server import Rule, SmtpServer, smtp_server


class SetClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = MONDAY

    def __call__(self) -> datetime:
        return self.now

    def forward(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)


def settings_for(server: SmtpServer) -> Settings:
    settings = smtp_settings(server.port, connections=1)
    digest = DigestSettings.model_validate({"unknown_policy": "resend"})
    return settings.model_copy(update={"digest": digest})


def run(store: Store, server: SmtpServer, clock: SetClock) -> DeliverCounts:
    settings = settings_for(server)
    return asyncio.run(
        deliver(
            store,
            clock=clock,
            settings=settings,
            composer=PlainComposer(),
            transport=SmtpTransport(settings.smtp),
            message_ids=message_ids(),
        )
    )


def another_worker(database_url: str, server: SmtpServer, clock: SetClock) -> None:
    """Run while the first worker waits for its relay."""

    def work() -> None:
        store = Store(database_url)
        run(store, server, clock)
        store.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_one_begun_ahead_is_not_said_when_its_lease_ran_out_meanwhile(
    store: Store, database_url: str
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 2)
    clock = SetClock()

    with smtp_server(pipelining=True) as relay, smtp_server() as other:

        def too_late() -> None:
            clock.forward(16)
            another_worker(database_url, other, clock)

        relay.add(Rule(verb="CONTENT", times=1, before=too_late))
        result = run(store, relay, clock)

    assert result.late == (1,)
    assert relay.acceptances_of("reader2@example.org") == 0
    assert other.acceptances_of("reader2@example.org") == 1
    assert states(store) == ["sent", "sent"]
    assert_all_accounted_for(store)


@pytest.mark.parametrize("pipelining", [False, True])
def test_content_is_not_said_when_the_lease_ran_out_before_354(
    store: Store, database_url: str, *, pipelining: bool
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)
    clock = SetClock()

    with smtp_server(pipelining=pipelining) as relay, smtp_server() as other:

        def too_late() -> None:
            clock.forward(16)
            another_worker(database_url, other, clock)

        relay.add(Rule(verb="DATA", times=1, before=too_late))
        run(store, relay, clock)

    assert relay.received == []
    assert other.acceptances_of("reader1@example.org") == 1
    assert states(store) == ["sent"]
    assert_all_accounted_for(store)


@pytest.mark.parametrize("verb", ["CONTENT", "DATA"])
def test_what_could_outlast_its_lease_is_given_back_and_sent_later(store: Store, verb: str) -> None:
    """CONTENT: of the one before it, along with which it was begun."""
    add_papers(store, 3)
    add_subscribers(store, 2)
    clock = SetClock()

    with smtp_server(pipelining=True) as relay:
        relay.add(Rule(verb=verb, times=1, before=lambda: clock.forward(5)))
        first = run(store, relay, clock)
        with store.read() as tx:
            (waiting,) = [
                one.delivery for one in ledger.list_entries(tx) if one.delivery.state == "ready"
            ]
        relay.rules.clear()
        clock.forward(5)
        second = run(store, relay, clock)

    assert (first.sent, first.queued, first.unknown, first.relay_error) == (1, 1, 0, None)
    assert (waiting.attempts, waiting.tries) == (0, 1)
    assert waiting.next_attempt_at == MONDAY + timedelta(minutes=10)
    assert waiting.reply.startswith("answers took so long that the content was not written")
    assert second.sent == 1
    assert sorted(relay.accepted.values()) == [1, 1]
    assert states(store) == ["sent", "sent"]


def test_a_relay_that_takes_its_time_gets_everything(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 4)
    clock = SetClock()

    with smtp_server(pipelining=True) as relay:
        relay.add(Rule(verb="CONTENT", before=lambda: clock.forward(2)))
        result = run(store, relay, clock)

    assert result.sent == 4
    assert sorted(relay.accepted.values()) == [1, 1, 1, 1]


def test_an_acceptance_after_the_operator_had_resolved_it_is_told_and_logged(
    store: Store, database_url: str
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)
    clock = SetClock()

    def resolve() -> None:
        other = Store(database_url)
        with other.write() as tx:
            ledger.tidy(tx, MONDAY + timedelta(minutes=16))
            ledger.resolve(tx, DeliveryId(1), ledger.Resolution.FAILED, MONDAY)
        other.close()

    with smtp_server() as relay, capture_logs() as logs:
        relay.add(Rule(verb="CONTENT", before=resolve))
        result = run(store, relay, clock)

    assert relay.acceptances_of("reader1@example.org") == 1
    assert (result.late, result.failed) == ((1,), 1)
    (told,) = [one for one in logs if one["log_level"] == "error"]
    assert (told["event"], told["delivery"]) == ("accepted too late", 1)
