"""The SMTP transport where the relay offers PIPELINING: groups, refusals in them, riding along."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from digest.delivery.lease import Lease
from digest.delivery.smtp import SmtpTransport, Timeouts
from digest.delivery.transport import HandOff
from digest.model import Message, OutcomeKind
from digest.settings import SmtpSettings
from tests.support.leases import LONG
from tests.support.smtp_server import Drop, SmtpServer, smtp_server

QUICK = Timeouts(connect_s=5, command_s=2, content_s=2)


def message(name: str = "ada") -> Message:
    return Message(
        envelope_from=f"b+{name}@example.org",
        recipient=f"{name}@example.org",
        message_id=f"<{name}@example.org>",
        content=f"Message-ID: <{name}@example.org>\r\nSubject: x\r\n\r\n.hello\r\n".encode(),
    )


ADA, BOB, CYD = message("ada"), message("bob"), message("cyd")


class Lane:
    """One lane that tells what it intended, and can give its next message ahead."""

    def __init__(self, server: SmtpServer, *, timeouts: Timeouts = QUICK, **settings: int) -> None:
        self._server = server
        self._timeouts = timeouts
        self._settings = {"host": "127.0.0.1", "port": server.port, "security": "none", **settings}
        self.intended: list[str] = []

    def run(self, *messages: Message, ahead: bool = False) -> list[str]:
        """Return the kinds of what became of the messages."""
        return [one.outcome.kind.value for one in self.outcomes(*messages, ahead=ahead)]

    def outcomes(
        self, *messages: Message, ahead: bool = False, pause_s: float = 0
    ) -> list[HandOff]:
        return asyncio.run(self._all(messages, ahead=ahead, pause_s=pause_s))

    async def _all(
        self, messages: Sequence[Message], *, ahead: bool, pause_s: float
    ) -> list[HandOff]:
        settings = SmtpSettings.model_validate(self._settings)
        done = []
        async with SmtpTransport(settings, timeouts=self._timeouts) as transport:
            following = [*messages[1:], None]
            for one, after in zip(messages, following, strict=True):
                done.append(
                    await transport.hand_off(
                        one,
                        name="x",
                        lane=0,
                        intend=lambda one=one: self._intend(one),  # type: ignore[misc]
                        ahead=(lambda after=after: self._ahead(after)) if ahead else None,  # type: ignore[misc]
                    )
                )
                await asyncio.sleep(pause_s)
        return done

    async def _intend(self, one: Message) -> Lease:
        if one.recipient not in self.intended:
            self._server.verbs.append(f"intent of {one.recipient.partition('@')[0]}")
            self.intended.append(one.recipient)
        return LONG

    async def _ahead(self, after: Message | None) -> Message | None:
        if after is not None:
            await self._intend(after)
        return after


def test_the_envelope_is_one_group_after_the_intent() -> None:
    with smtp_server(pipelining=True) as server:
        kinds = Lane(server).run(ADA, BOB)

    assert kinds == ["sent", "sent"]
    assert server.verbs == [
        *("EHLO", "intent of ada", "MAIL", "RCPT", "DATA"),
        *("intent of bob", "MAIL", "RCPT", "DATA", "QUIT"),
    ]
    assert [one.content for one in server.received] == [ADA.content, BOB.content]


def test_the_next_envelope_rides_with_the_content() -> None:
    with smtp_server(pipelining=True) as server:
        server.on("CONTENT", delay_s=0.2, recipient="ada@example.org")
        kinds = Lane(server).run(ADA, BOB, CYD, ahead=True)

    assert kinds == ["sent", "sent", "sent"]
    assert server.verbs == [
        *("EHLO", "intent of ada", "MAIL", "RCPT", "DATA", "intent of bob"),
        *("MAIL", "RCPT", "DATA", "intent of cyd", "MAIL", "RCPT", "DATA", "QUIT"),
    ]
    assert [one.recipient for one in server.received] == [
        "ada@example.org",
        "bob@example.org",
        "cyd@example.org",
    ]
    assert server.connections == 1


AHEAD = pytest.mark.parametrize("ahead", [False, True], ids=["alone", "ahead"])


@pytest.mark.parametrize(
    ("verb", "reply", "kind"),
    [
        ("RCPT", "550 5.1.1 nobody", OutcomeKind.BOUNCED),
        ("RCPT", "450 4.7.1 greylisted", OutcomeKind.RETRY),
        ("DATA", "451 4.3.0 later", OutcomeKind.RETRY),
        ("DATA", "554 5.6.0 no", OutcomeKind.FAILED),
        ("CONTENT", "452 4.3.1 full", OutcomeKind.RETRY),
        ("CONTENT", "554 5.6.0 odd", OutcomeKind.FAILED),
    ],
)
@AHEAD
def test_a_refusal_in_the_group_is_told_of_its_verb_and_the_session_goes_on(
    verb: str, reply: str, kind: OutcomeKind, *, ahead: bool
) -> None:
    with smtp_server(pipelining=True) as server:
        server.on(verb, reply, recipient="bob@example.org")
        first, refused, last = Lane(server).outcomes(ADA, BOB, CYD, ahead=ahead)

    assert (refused.outcome.kind, refused.outcome.reply) == (kind, reply)
    assert refused.of_recipient
    assert (first.outcome.kind, last.outcome.kind) == (OutcomeKind.SENT, OutcomeKind.SENT)
    assert [one.recipient for one in server.received] == ["ada@example.org", "cyd@example.org"]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("550 5.7.1 not you", OutcomeKind.RETRY),
        ("451 4.3.0 later", OutcomeKind.RETRY),
        ("552 5.3.4 too large", OutcomeKind.FAILED),
    ],
)
@AHEAD
def test_a_refused_sender_is_told_of_mail_and_the_session_goes_on(
    reply: str, kind: OutcomeKind, *, ahead: bool
) -> None:
    with smtp_server(pipelining=True) as server:
        server.on("MAIL", times=1)
        server.on("MAIL", reply, times=1)
        first, refused, last = Lane(server).outcomes(ADA, BOB, CYD, ahead=ahead)

    assert (refused.outcome.kind, refused.outcome.reply) == (kind, reply)
    assert not refused.of_recipient
    assert (first.outcome.kind, last.outcome.kind) == (OutcomeKind.SENT, OutcomeKind.SENT)
    assert [one.recipient for one in server.received] == ["ada@example.org", "cyd@example.org"]
    assert server.connections == 1


@AHEAD
def test_354_after_a_refused_recipient_gets_the_dot_alone(*, ahead: bool) -> None:
    with smtp_server(pipelining=True) as server:
        server.on("RCPT", "550 5.1.1 nobody", recipient="bob@example.org")
        server.on("DATA", "354 go on", recipient="bob@example.org")
        kinds = Lane(server).run(ADA, BOB, CYD, ahead=ahead)

    assert kinds == ["sent", "bounced", "sent"]
    assert [one.recipient for one in server.received] == ["ada@example.org", "cyd@example.org"]
    assert server.connections == 1


def test_354_after_a_refused_sender_and_an_accepted_recipient_ends_the_connection() -> None:
    with smtp_server(pipelining=True) as server:
        server.on("MAIL", "550 5.1.8 not you", times=1)
        server.on("RCPT", "250 2.1.5 all the same", times=1)
        server.on("DATA", "354 go on", times=1)
        kinds = Lane(server).run(ADA, BOB)

    assert kinds == ["retry", "sent"]
    assert [one.recipient for one in server.received] == ["bob@example.org"]
    assert server.connections == 2


@pytest.mark.parametrize("verb", ["RCPT", "DATA"])
def test_a_drop_before_the_content_is_tried_again_later(verb: str) -> None:
    with smtp_server(pipelining=True) as server:
        server.on(verb, Drop(), times=1)
        kinds = Lane(server).run(ADA, BOB)

    assert kinds == ["retry", "sent"]
    assert [one.recipient for one in server.received] == ["bob@example.org"]


@pytest.mark.parametrize("drop", [Drop(after_bytes=20), Drop(), Drop(accept=True)])
def test_a_drop_in_the_content_leaves_the_one_ahead_unharmed(drop: Drop) -> None:
    with smtp_server(pipelining=True) as server:
        server.on("CONTENT", drop, recipient="ada@example.org")
        lane = Lane(server)
        kinds = lane.run(ADA, BOB, ahead=True)

    assert kinds == ["unknown", "sent"]
    assert server.acceptances_of("ada@example.org") == int(drop.accept)
    assert server.acceptances_of("bob@example.org") == 1
    assert lane.intended == ["ada@example.org", "bob@example.org"]


def test_421_for_the_content_leaves_the_one_ahead_unharmed() -> None:
    with smtp_server(pipelining=True) as server:
        server.on("CONTENT", "421 4.3.2 going down", recipient="ada@example.org")
        kinds = Lane(server).run(ADA, BOB, ahead=True)

    assert kinds == ["retry", "sent"]
    assert server.acceptances_of("bob@example.org") == 1
    assert server.connections == 2


def test_421_at_mail_on_a_used_session_is_answered_by_a_new_one() -> None:
    with smtp_server(pipelining=True) as server:
        server.on("MAIL", times=1)
        server.on("MAIL", "421 4.7.0 enough on this connection", times=1)
        lane = Lane(server)
        kinds = lane.run(ADA, BOB)

    assert kinds == ["sent", "sent"]
    assert server.connections == 2
    assert lane.intended == ["ada@example.org", "bob@example.org"]


def test_a_session_carries_so_many_messages_also_when_they_ride_along() -> None:
    with smtp_server(pipelining=True) as server:
        kinds = Lane(server, messages_per_connection=2).run(ADA, BOB, CYD, ahead=True)

    assert kinds == ["sent", "sent", "sent"]
    assert server.connections == 2
    assert server.verbs.count("QUIT") == 2


def test_a_session_that_stood_idle_too_long_is_replaced() -> None:
    timeouts = Timeouts(connect_s=5, command_s=2, content_s=2, idle_s=0.05)
    with smtp_server(pipelining=True) as server:
        outcomes = Lane(server, timeouts=timeouts).outcomes(ADA, BOB, pause_s=0.1)

    assert [one.outcome.kind.value for one in outcomes] == ["sent", "sent"]
    assert server.connections == 2
    assert server.verbs.count("QUIT") == 2


def test_a_reply_that_nobody_asked_for_is_believed_of_no_command() -> None:
    with smtp_server(pipelining=True) as server:
        server.on("CONTENT", b"250 2.0.0 accepted\r\n250 2.0.0 and again\r\n", times=1)
        server.on("CONTENT", "554 5.6.0 no", recipient="bob@example.org")
        outcomes = Lane(server).outcomes(ADA, BOB, pause_s=0.05)

    assert [one.outcome.kind.value for one in outcomes] == ["sent", "failed"]
    assert server.connections == 2


def test_a_reply_that_does_not_end_is_no_reply() -> None:
    with smtp_server(pipelining=True) as server:
        server.on("RCPT", b"250-" + b"x" * 40_000, times=1)
        outcomes = Lane(server).outcomes(ADA, BOB)

    assert [one.outcome.kind.value for one in outcomes] == ["retry", "sent"]
    assert outcomes[0].outcome.reply == "an unreadable reply: a reply that does not end"


def test_a_next_message_that_cannot_begin_leaves_the_current_one_alone() -> None:
    odd = replace(BOB, recipient="bob\udcff@example.org")

    with smtp_server(pipelining=True) as server:
        outcomes = Lane(server).outcomes(ADA, odd, CYD, ahead=True)

    assert [one.outcome.kind.value for one in outcomes] == ["sent", "failed", "sent"]
    assert (
        outcomes[1].outcome.reply == "the address holds characters that cannot be written in UTF-8"
    )


def test_a_large_message_is_written_with_backpressure() -> None:
    large = Message(
        envelope_from="b@example.org",
        recipient="ada@example.org",
        message_id="<ada@example.org>",
        content=b"Message-ID: <ada@example.org>\r\n\r\n" + (b"x" * 998 + b"\r\n") * 3_000,
    )

    with smtp_server(pipelining=True) as server:
        kinds = Lane(server).run(large, BOB)

    assert kinds == ["sent", "sent"]
    assert server.received[0].content == large.content
