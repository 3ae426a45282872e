"""Requests to confirm: handed off once, tried again, given up."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Self

import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from digest.clock import fixed_clock
from digest.delivery import letters
from digest.delivery.composing import Sender
from digest.delivery.letters import LetterComposer, LetterCounts, deliver_letters
from digest.delivery.pace import Pace
from digest.delivery.smtp import SmtpTransport, Timeouts
from digest.delivery.transport import Ahead, HandOff, Intend, Transport
from digest.digests.render import DigestRenderer
from digest.errors import RenderError, StorageError
from digest.model import (
    Message,
    Outcome,
    OutcomeKind,
    SendLimit,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from digest.resources import resource_dir
from digest.settings import Settings, SmtpSettings
from digest.store.engine import Store
from digest.store.ledger import LEASE
from digest.store.letters import Letter, LetterKind, LetterState, queue_letters
from digest.store.send_limits import save_limits
from digest.store.tables import LetterRow
from digest.store.tokens import find_token
from digest.subscribers.tokens import one_use_digest
from tests.support.ledger_world import MONDAY, add_subscribers, smtp_settings
from tests.support.smtp_server import Drop, SmtpServer, smtp_server

MINUTE = timedelta(minutes=1)
SETTINGS = Settings()


class BrokenComposer(LetterComposer):
    def build(self, letter: Letter, subscriber: Subscriber, token: str) -> Message:
        raise RenderError("confirm.txt", "'lead' is undefined")


class OddComposer(LetterComposer):
    def build(self, letter: Letter, subscriber: Subscriber, token: str) -> Message:
        if letter.id == 2:
            raise KeyError("odd")
        return super().build(letter, subscriber, token)


class OddTransport:
    """Breaks at the second letter, in a way that nobody foresaw."""

    def __init__(self, error: Exception, *, after_intent: bool = False) -> None:
        self._error = error
        self._after_intent = after_intent

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def hand_off(
        self,
        message: Message,
        *,
        name: str,
        lane: int,
        intend: Intend,
        ahead: Ahead | None = None,
    ) -> HandOff:
        odd = name == "letter-2"
        if odd and not self._after_intent:
            raise self._error
        await intend()
        if odd:
            raise self._error
        return HandOff(outcome=Outcome(kind=OutcomeKind.SENT, reply="250 ok"))


def composer(kind: type[LetterComposer] = LetterComposer) -> LetterComposer:
    renderer = DigestRenderer(resource_dir("templates"), service_name="Daily papers")
    return kind(renderer, Sender.of(SETTINGS), service_name="Daily papers")


def hand_off(
    store: Store,
    server: SmtpServer,
    at: datetime = MONDAY,
    *,
    kind: type[LetterComposer] = LetterComposer,
    stop: asyncio.Event | None = None,
    **limits: float,
) -> LetterCounts:
    smtp = smtp_settings(server.port, **limits).smtp
    transport = SmtpTransport(smtp, timeouts=Timeouts(connect_s=5, command_s=5, content_s=1))
    return hand_off_by(store, transport, at, smtp=smtp, kind=kind, stop=stop)


def hand_off_by(
    store: Store,
    transport: Transport,
    at: datetime = MONDAY,
    *,
    smtp: SmtpSettings = SETTINGS.smtp,
    kind: type[LetterComposer] = LetterComposer,
    stop: asyncio.Event | None = None,
) -> LetterCounts:
    return asyncio.run(
        deliver_letters(
            store,
            clock=fixed_clock(at),
            composer=composer(kind),
            settings=smtp,
            transport=transport,
            random_bytes=secrets.token_bytes,
            stop=stop,
        )
    )


def owe_letter(store: Store, *, state: SubscriberState = SubscriberState.PENDING) -> SubscriberId:
    (subscriber,) = add_subscribers(store, 1, next_digest_at=None, state=state)
    with store.write() as tx:
        queue_letters(tx, [subscriber], LetterKind.CONFIRM, now=MONDAY)
    return subscriber


def owe_letters(store: Store, count: int, **people: object) -> list[SubscriberId]:
    subscribers = add_subscribers(
        store,
        count,
        next_digest_at=None,
        **{"state": SubscriberState.PENDING, **people},  # type: ignore[arg-type]
    )
    with store.write() as tx:
        queue_letters(tx, subscribers, LetterKind.CONFIRM, now=MONDAY)
    return subscribers


def letter_states(store: Store) -> dict[LetterState, int]:
    with store.read() as tx:
        return Counter(LetterState(state) for state in tx.exec(select(LetterRow.state)).all())


def test_a_letter_arrives_once_with_a_link_that_confirms(store: Store) -> None:
    subscriber = owe_letter(store)

    with smtp_server() as server:
        first = hand_off(store, server)
        again = hand_off(store, server)

    assert (first, again) == (LetterCounts(sent=1), LetterCounts())
    (received,) = server.received
    mail = message_from_bytes(received.content, policy=default)
    assert mail["To"] == "reader1@example.org"
    assert mail["List-Unsubscribe"] is None
    body = mail.get_body(("plain",))
    assert body is not None
    link = re.search(r"/confirm/([\w-]+)", body.get_content())
    assert link is not None
    with store.read() as tx:
        token = find_token(tx, digest=one_use_digest(link.group(1)), purpose="confirm")
    assert token is not None
    assert token.subscriber_id == subscriber


@pytest.mark.parametrize(
    ("verb", "action", "counts", "state"),
    [
        ("RCPT", "451 later", LetterCounts(waiting=1), LetterState.READY),
        ("RCPT", "550 5.1.1 nobody", LetterCounts(failed=1), LetterState.FAILED),
        ("CONTENT", Drop(), LetterCounts(unknown=1), LetterState.UNKNOWN),
        (
            "MAIL",
            "550 5.7.1 not you",
            LetterCounts(waiting=1, relay_error="550 5.7.1 not you"),
            LetterState.READY,
        ),
    ],
)
def test_what_becomes_of_a_letter(
    store: Store, verb: str, action: str | Drop, counts: LetterCounts, state: LetterState
) -> None:
    owe_letter(store)

    with smtp_server() as server:
        server.on(verb, action)
        result = hand_off(store, server)

    assert result == counts
    assert letter_states(store) == {state: 1}


def test_a_letter_that_waits_is_tried_again_and_then_given_up(store: Store) -> None:
    owe_letter(store)

    with smtp_server() as server:
        server.on("RCPT", "451 later")
        first = hand_off(store, server)
        early = hand_off(store, server, MONDAY + 4 * MINUTE)
        second = hand_off(store, server, MONDAY + 5 * MINUTE)
        last = hand_off(store, server, MONDAY + timedelta(hours=48))

    assert (first, early) == (LetterCounts(waiting=1), LetterCounts())
    assert (second, last) == (LetterCounts(waiting=1), LetterCounts(failed=1))


def test_a_letter_nobody_needs_any_more_is_withdrawn(store: Store) -> None:
    owe_letter(store, state=SubscriberState.ACTIVE)

    with smtp_server() as server:
        result = hand_off(store, server)

    assert result == LetterCounts()
    assert letter_states(store) == {LetterState.WITHDRAWN: 1}
    assert server.connections == 0


def test_a_letter_that_cannot_be_rendered_fails(store: Store) -> None:
    owe_letter(store)

    with smtp_server() as server:
        result = hand_off(store, server, kind=BrokenComposer)

    assert result == LetterCounts(failed=1)


def test_nothing_is_claimed_after_a_stop(store: Store) -> None:
    owe_letter(store)
    stop = asyncio.Event()
    stop.set()

    with smtp_server() as server:
        result = hand_off(store, server, stop=stop)

    assert result == LetterCounts()
    assert letter_states(store) == {LetterState.READY: 1}


def test_letters_behind_a_refusing_relay_wait_their_turn(store: Store) -> None:
    subscribers = add_subscribers(store, 3, next_digest_at=None, state=SubscriberState.PENDING)
    with store.write() as tx:
        queue_letters(tx, subscribers, LetterKind.CONFIRM, now=MONDAY)

    with smtp_server() as server:
        server.on("MAIL", "530 5.7.0 authenticate first")
        result = hand_off(store, server, connections=1)

    assert result.waiting == 3
    assert letter_states(store) == {LetterState.READY: 3}
    assert server.verbs.count("MAIL") == 1


@pytest.mark.parametrize(
    ("after_intent", "later"),
    [
        (False, {LetterState.SENT: 3}),
        (True, {LetterState.SENT: 2, LetterState.UNKNOWN: 1}),
    ],
)
def test_a_hand_off_that_breaks_stops_no_other_letter(
    store: Store, later: dict[LetterState, int], *, after_intent: bool
) -> None:
    owe_letters(store, 3)

    with capture_logs() as logs:
        result = hand_off_by(store, OddTransport(RuntimeError("odd"), after_intent=after_intent))
    with smtp_server() as server:
        hand_off(store, server, MONDAY + LEASE)

    assert result == LetterCounts(sent=2)
    assert {"event": "letter hand-off broke", "letter": 2}.items() <= next(
        one for one in logs if one["log_level"] == "error"
    ).items()
    assert letter_states(store) == later


def test_a_letter_that_breaks_while_built_fails_alone(store: Store) -> None:
    owe_letters(store, 3)

    with smtp_server() as server:
        result = hand_off(store, server, kind=OddComposer)

    assert result == LetterCounts(sent=2, failed=1)


def test_a_database_that_refuses_ends_the_run_after_hand_offs_in_flight(store: Store) -> None:
    owe_letters(store, 3)

    with pytest.raises(StorageError, match="is full"):
        hand_off_by(store, OddTransport(StorageError("the disk is full")))

    assert letter_states(store)[LetterState.SENDING] == 0


def test_letters_that_nobody_needs_hold_up_no_others(store: Store) -> None:
    owe_letters(store, 60, state=SubscriberState.ACTIVE)
    owe_letters(store, 55, domain="waiting.example")

    with smtp_server() as server:
        result = hand_off(store, server)

    assert result == LetterCounts(sent=55)
    assert letter_states(store) == {LetterState.WITHDRAWN: 60, LetterState.SENT: 55}


@pytest.mark.parametrize(
    ("key", "relay_error"),
    [
        ("example.org", None),
        (
            "relay",
            (
                "held until 2026-02-02 08:05 UTC after it refused us (421 slow down); "
                "`digest deliveries limits --clear relay` ends that"
            ),
        ),
    ],
)
def test_letters_wait_for_holds_that_digests_have_met(
    store: Store, key: str, relay_error: str | None
) -> None:
    owe_letter(store)
    until_at = MONDAY + 5 * MINUTE
    with store.write() as tx:
        hold = SendLimit(key=key, held_until_at=until_at, holds=1, reason="421 slow down")
        save_limits(tx, [hold], MONDAY)

    with smtp_server() as server:
        held = hand_off(store, server)
        said = list(server.verbs)
        after = hand_off(store, server, at=until_at)

    assert (held.sent, held.relay_error) == (0, relay_error)
    assert said == []
    assert after == LetterCounts(sent=1)


def test_letters_keep_to_the_limits_that_the_operator_set(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe_letters(store, 6)
    asked: list[tuple[float, int]] = []
    paced: list[str] = []

    class NotingPace(Pace):
        def __init__(self, *, per_second: float, per_domain: int) -> None:
            asked.append((per_second, per_domain))
            super().__init__(per_second=per_second, per_domain=per_domain)

        @asynccontextmanager
        async def slot(self, domain: str) -> AsyncIterator[None]:
            paced.append(domain)
            async with super().slot(domain):
                yield

    monkeypatch.setattr(letters, "Pace", NotingPace)

    with smtp_server() as server:
        result = hand_off(
            store, server, connections=3, rate_per_second=500, per_domain_connections=2
        )

    assert result == LetterCounts(sent=6)
    assert asked == [(500, 2)]
    assert paced == ["example.org"] * 6
    assert 1 <= server.connections <= 3
