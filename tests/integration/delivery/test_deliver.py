"""One run from tables to mail, over a real SMTP connection and into the outbox."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from digest.clock import fixed_clock
from digest.delivery.outbox import OutboxTransport
from digest.delivery.run import DeliverCounts, deliver
from digest.delivery.smtp import SmtpTransport, Timeouts
from digest.delivery.transport import Transport
from digest.model import DeliveryId, SubscriberState
from digest.settings import Settings
from digest.store import ledger
from digest.store.engine import Store
from tests.support.ledger_world import (
    DAY,
    MONDAY,
    PlainComposer,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    message_ids,
    smtp_settings,
    states,
)
from tests.support.smtp_server import Drop, SmtpServer, smtp_server

TOO_LATE = "too late: the period ended before it could be handed off"
QUICK = Timeouts(connect_s=5, command_s=5, content_s=1)


def run(
    store: Store,
    transport: Transport,
    *,
    at: object = MONDAY,
    settings: Settings | None = None,
    composer: PlainComposer | None = None,
    ids: str = "m",
) -> DeliverCounts:
    return asyncio.run(
        deliver(
            store,
            clock=fixed_clock(at),  # type: ignore[arg-type]
            settings=settings or Settings(),
            composer=composer or PlainComposer(),
            transport=transport,
            message_ids=message_ids(ids),
        )
    )


def over_smtp(
    store: Store, server: SmtpServer, *, at: object = MONDAY, ids: str = "m"
) -> DeliverCounts:
    settings = smtp_settings(server.port)
    return run(
        store, SmtpTransport(settings.smtp, timeouts=QUICK), at=at, settings=settings, ids=ids
    )


def test_a_run_prepares_hands_off_and_records_every_digest(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)

    with smtp_server() as server:
        result = over_smtp(store, server)

    assert result == DeliverCounts(prepared=20, sent=20)
    assert len(server.accepted) == 20
    assert set(server.accepted.values()) == {1}
    assert server.connections == 4
    assert_all_accounted_for(store)


def test_a_second_run_of_the_same_instant_does_nothing(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 4)

    with smtp_server() as server:
        over_smtp(store, server)
        again = over_smtp(store, server, ids="again")

    assert again == DeliverCounts()
    assert sum(server.accepted.values()) == 4


def test_one_refused_recipient_of_twenty_bounces_and_the_others_arrive(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)

    with smtp_server() as server:
        server.on("RCPT", "550 5.1.1 no such user", recipient="reader7@example.org")
        result = over_smtp(store, server)

    assert result == DeliverCounts(prepared=20, sent=19, bounced=1)
    assert len(server.accepted) == 19
    with store.read() as tx:
        (entry,) = ledger.list_entries(tx, subscriber_id=7)  # type: ignore[arg-type]
        assert entry.delivery.state == "bounced"
        assert entry.delivery.reply == "550 5.1.1 no such user"
        assert get_state(store, "reader7@example.org") is SubscriberState.BOUNCED
    assert_all_accounted_for(store)


def test_a_4xx_waits_for_its_backoff_and_the_others_arrive(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)

    with smtp_server() as server:
        server.on("RCPT", "451 4.3.0 try later", recipient="reader7@example.org", times=1)
        first = over_smtp(store, server)
        too_early = over_smtp(store, server, at=MONDAY + timedelta(minutes=4))
        later = over_smtp(store, server, at=MONDAY + timedelta(minutes=5))

    assert first == DeliverCounts(prepared=20, sent=19, queued=1)
    assert too_early == DeliverCounts(prepared=1, queued=1)
    assert later == DeliverCounts(prepared=1, sent=1)
    assert set(server.accepted.values()) == {1}
    assert_all_accounted_for(store)


@pytest.mark.parametrize(
    "drop",
    [Drop(after_bytes=40), Drop(), Drop(accept=True)],
    ids=["in the content", "after the final dot", "after acceptance, the reply lost"],
)
def test_a_drop_after_data_began_is_unknown_and_never_retried(store: Store, drop: Drop) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)

    with smtp_server() as server:
        server.on("CONTENT", drop, recipient="reader7@example.org")
        first = over_smtp(store, server)
        later = over_smtp(store, server, at=MONDAY + timedelta(hours=5))

    assert first == DeliverCounts(prepared=20, sent=19, unknown=1)
    assert later == DeliverCounts()
    assert server.acceptances_of("reader7@example.org") == int(drop.accept)
    assert_all_accounted_for(store)


def test_silence_after_data_began_is_unknown(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3)

    with smtp_server() as server:
        server.on("CONTENT", "", recipient="reader2@example.org", delay_s=3)
        result = over_smtp(store, server)

    assert result == DeliverCounts(prepared=3, sent=2, unknown=1)


@pytest.mark.parametrize(
    ("verb", "relay_error"),
    [
        ("MAIL", "no reply to MAIL: the server closed the connection"),
        ("RCPT", None),
        ("DATA", None),
    ],
)
def test_a_drop_before_the_content_is_tried_again(
    store: Store, verb: str, relay_error: str | None
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)

    with smtp_server() as server:
        server.on(verb, Drop(), times=1)
        first = over_smtp(store, server)
        later = over_smtp(store, server, at=MONDAY + timedelta(minutes=5))

    assert first == DeliverCounts(prepared=1, queued=1, relay_error=relay_error)
    assert later == DeliverCounts(prepared=1, sent=1)
    assert set(server.accepted.values()) == {1}


@pytest.mark.parametrize(
    ("verb", "reply", "state"),
    [
        ("DATA", "451 4.3.0 later", "ready"),
        ("DATA", "554 5.6.0 no", "failed"),
        ("CONTENT", "452 4.3.1 disk full", "ready"),
        ("CONTENT", "554 5.6.0 looks odd", "failed"),
        ("CONTENT", "550 5.1.1 nobody", "bounced"),
        ("CONTENT", "554 no reason", "failed"),
        ("CONTENT", "399 what", "unknown"),
        ("CONTENT", "gibberish", "unknown"),
        ("RCPT", "gibberish", "ready"),
        ("RCPT", "552 5.2.2 full", "bounced"),
        ("RCPT", "500 5.5.1 what", "failed"),
        ("MAIL", "552 5.3.4 too large", "failed"),
    ],
)
def test_each_reply_leads_to_its_state(store: Store, verb: str, reply: str, state: str) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)

    with smtp_server() as server:
        server.on(verb, reply)
        over_smtp(store, server)

    assert states(store) == [state]
    assert_all_accounted_for(store)


def test_an_unreachable_relay_stops_the_run_and_counts_against_nobody(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)
    settings = smtp_settings(1)

    result = run(store, SmtpTransport(settings.smtp, timeouts=QUICK), settings=settings)
    with smtp_server() as server:
        back = over_smtp(store, server)

    assert (result.prepared, result.queued) == (20, 20)
    assert result.relay_error is not None
    assert result.relay_error.startswith("cannot reach the relay 127.0.0.1:1")
    assert back == DeliverCounts(prepared=20, sent=20)


def test_a_policy_refusal_at_mail_trips_the_breaker(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)

    with smtp_server() as server:
        server.on("MAIL", "550 5.7.1 sender not authorised")
        result = over_smtp(store, server)

    assert result.relay_error == "550 5.7.1 sender not authorised"
    assert (result.prepared, result.queued) == (20, 20)
    assert server.verbs.count("MAIL") <= 4
    assert attempts(store) == [0] * 20


def test_a_recipients_own_policy_holds_up_nobody_else(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)

    with smtp_server() as server:
        server.on("RCPT", "550 5.7.1 not from you", recipient="reader7@example.org")
        result = over_smtp(store, server)

    assert result == DeliverCounts(prepared=20, sent=19, queued=1)
    assert attempts(store) == [1] * 6 + [0] + [1] * 13


def test_policy_refusals_of_all_recipients_trip_the_breaker(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)

    with smtp_server() as server:
        server.on("RCPT", "550 5.7.1 not from you")
        result = over_smtp(store, server)

    assert result.relay_error == "550 5.7.1 not from you"
    assert result.queued == 20
    assert server.verbs.count("RCPT") <= 6


@pytest.mark.parametrize("reply", ["550 5.7.1 not from you", "450 4.7.1 greylisted", "421 busy"])
def test_a_refusal_that_counts_against_nobody_still_waits_longer_each_time(
    store: Store, reply: str
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)
    hand_offs = []

    with smtp_server() as server:
        server.on("RCPT", reply)
        for minutes in (0, 5, 10, 20, 25, 80, 140, 320, 350):
            before = server.verbs.count("RCPT")
            over_smtp(store, server, at=MONDAY + timedelta(minutes=minutes))
            if server.verbs.count("RCPT") > before:
                hand_offs.append(minutes)

    assert hand_offs == [0, 5, 20, 80, 320]
    assert attempts(store) == [0]


def test_421_for_a_recipient_pauses_the_domain_and_not_the_others(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 6, domain="slow.example")
    add_subscribers(store, 6, domain="quick.example")

    with smtp_server() as server:
        settings = smtp_settings(server.port, connections=1)
        server.on("RCPT", "421 4.7.0 slow down", recipient="reader1@slow.example")
        result = run(store, SmtpTransport(settings.smtp, timeouts=QUICK), settings=settings)

    assert result == DeliverCounts(prepared=12, sent=6, queued=6)
    assert server.verbs.count("RCPT") == 7
    assert attempts(store) == [0] * 6 + [1] * 6


def test_a_reused_connection_that_the_server_closed_is_replaced(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 6)

    with smtp_server() as server:
        settings = smtp_settings(server.port, connections=1)
        server.rules = []
        server.on("MAIL", "250 2.1.0 ok", times=2)
        server.on("MAIL", "421 4.7.0 enough on this connection", times=1)
        result = run(store, SmtpTransport(settings.smtp, timeouts=QUICK), settings=settings)

    assert result == DeliverCounts(prepared=6, sent=6)
    assert server.connections == 2


def test_a_connection_carries_so_many_messages_and_no_more(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 7)

    with smtp_server() as server:
        settings = smtp_settings(server.port, connections=1, messages_per_connection=3)
        result = run(store, SmtpTransport(settings.smtp, timeouts=QUICK), settings=settings)

    assert result.sent == 7
    assert server.connections == 3
    assert server.verbs.count("QUIT") == 3


def test_limits_that_the_operator_set_are_kept(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 4)

    with smtp_server() as server:
        settings = smtp_settings(server.port, rate_per_second=200, per_domain_connections=1)
        result = run(store, SmtpTransport(settings.smtp, timeouts=QUICK), settings=settings)

    assert result.sent == 4


def test_a_digest_that_cannot_be_composed_fails_alone(store: Store, tmp_path: Path) -> None:
    add_papers(store, 3)
    add_subscribers(store, 4)
    composer = PlainComposer(
        refuse={
            "reader2@example.org": "template digest.html: 'badge' is undefined",
            "reader3@example.org": "could not be built: KeyError",
        }
    )

    result = run(store, OutboxTransport(tmp_path / "outbox"), composer=composer)

    assert result == DeliverCounts(prepared=4, sent=2, failed=2)
    with store.read() as tx:
        replies = [entry.delivery.reply for entry in ledger.list_entries(tx)]
    assert replies[2] == "template digest.html: 'badge' is undefined"
    assert replies[1] == "could not be built: KeyError"
    assert_all_accounted_for(store)


def test_the_outbox_holds_one_file_a_delivery(store: Store, tmp_path: Path) -> None:
    add_papers(store, 3)
    add_subscribers(store, 2)

    result = run(store, OutboxTransport(tmp_path / "outbox"))

    assert result.sent == 2
    names = sorted(path.name for path in (tmp_path / "outbox").iterdir())
    assert names == ["2026-02-02-1.eml", "2026-02-02-2.eml"]
    assert b"To: reader1@example.org\r\n" in (tmp_path / "outbox" / names[0]).read_bytes()


def test_an_outbox_that_cannot_be_written_stops_the_run(store: Store, tmp_path: Path) -> None:
    add_papers(store, 3)
    add_subscribers(store, 2)
    (tmp_path / "outbox").write_text("a file where the folder should be")

    result = run(store, OutboxTransport(tmp_path / "outbox"))

    assert result.queued == 2
    assert result.relay_error is not None
    assert "cannot be written" in result.relay_error


def test_progress_is_told_from_nothing_to_all(store: Store, tmp_path: Path) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3)
    told: list[tuple[int, int]] = []

    asyncio.run(
        deliver(
            store,
            clock=fixed_clock(MONDAY),
            settings=Settings(),
            composer=PlainComposer(),
            transport=OutboxTransport(tmp_path / "outbox"),
            message_ids=message_ids(),
            on_progress=lambda done, total: told.append((done, total)),
        )
    )

    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_stop_ends_hand_offs_in_flight_and_begins_no_others(store: Store) -> None:
    add_papers(store, 3)
    add_subscribers(store, 20)

    async def stopped_early(server: SmtpServer) -> DeliverCounts:
        stop = asyncio.Event()
        settings = smtp_settings(server.port, connections=2)
        return await deliver(
            store,
            clock=fixed_clock(MONDAY),
            settings=settings,
            composer=PlainComposer(),
            transport=SmtpTransport(settings.smtp, timeouts=QUICK),
            message_ids=message_ids(),
            stop=stop,
            on_progress=lambda done, _: stop.set() if done == 5 else None,
        )

    with smtp_server() as server:
        stopped = asyncio.run(stopped_early(server))
        rest = over_smtp(store, server)

    assert stopped.queued == 20 - stopped.sent
    assert 5 <= stopped.sent <= 7
    assert states(store).count("claimed") == 0
    assert rest.sent == 20 - stopped.sent
    assert set(server.accepted.values()) == {1}


def test_the_next_days_digest_holds_nothing_of_the_day_before(store: Store, tmp_path: Path) -> None:
    first = add_papers(store, 4)
    add_subscribers(store, 1, max_papers=3)

    monday = run(store, OutboxTransport(tmp_path / "outbox"))
    new = add_papers(store, 1, opened_at=MONDAY + timedelta(hours=3))
    tuesday = run(store, OutboxTransport(tmp_path / "outbox"), at=MONDAY + DAY, ids="tue")
    wednesday = run(store, OutboxTransport(tmp_path / "outbox"), at=MONDAY + 2 * DAY, ids="wed")

    assert (monday.sent, tuesday.sent, wednesday.skipped) == (1, 1, 1)
    assert papers_of(store, 1) == first[:3]
    assert sorted(papers_of(store, 2)) == [first[3], *new]
    assert_all_accounted_for(store)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("550 5.2.1 disabled", "550 5.2.1 disabled"),
        (
            "451 4.3.0 later",
            f"{TOO_LATE}; before that: 451 4.3.0 later",
        ),
    ],
)
def test_a_resend_that_fails_mails_no_paper_a_second_time(
    store: Store, refusal: str, said: str
) -> None:
    add_papers(store, 2)
    add_subscribers(store, 1)

    with smtp_server() as server:
        server.on("CONTENT", Drop(accept=True), times=1)
        over_smtp(store, server)
        with store.write() as tx:
            ledger.resend(tx, DeliveryId(1), MONDAY)
        server.on("RCPT", refusal, times=1)
        over_smtp(store, server, ids="again")
        next_day = over_smtp(store, server, at=MONDAY + DAY, ids="tuesday")

    assert next_day.sent == 0
    assert states(store) == ["unknown", "skipped"]
    assert set(server.accepted.values()) == {1}
    with store.read() as tx:
        (entry,) = ledger.list_entries(tx, delivery_id=DeliveryId(1))
    assert entry.delivery.reply == f"{said}; nobody knows whether an earlier hand-off arrived"
    assert_all_accounted_for(store)


def papers_of(store: Store, delivery_id: int) -> list[int]:
    with store.read() as tx:
        found = ledger.get_delivery(tx, delivery_id)  # type: ignore[arg-type]
    assert found is not None
    return [paper.paper_id for paper in found.papers]


def attempts(store: Store) -> list[int]:
    with store.read() as tx:
        return [entry.delivery.attempts for entry in reversed(ledger.list_entries(tx))]


def get_state(store: Store, email: str) -> SubscriberState:
    from digest.store.subscribers import get_subscriber_by_key

    with store.read() as tx:
        found = get_subscriber_by_key(tx, email)
    assert found is not None
    return found.state
