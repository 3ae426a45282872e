"""The SMTP transport by itself: TLS, login, addresses, the wire form."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from collections.abc import Awaitable, Callable

import pytest

from digest.delivery.lease import Lease
from digest.delivery.smtp import SmtpTransport, Timeouts, refuse_clear_text
from digest.delivery.transport import HandOff
from digest.errors import ConfigError, StorageError
from digest.model import Message, OutcomeKind
from digest.settings import SmtpSettings, clear_text_problem
from tests.support.leases import LONG
from tests.support.smtp_server import SmtpServer, client_context, smtp_server

QUICK = Timeouts(connect_s=5, command_s=5, content_s=5)
MESSAGE = Message(
    envelope_from="b+1@example.org",
    recipient="ada@example.org",
    message_id="<1@example.org>",
    content=b"Message-ID: <1@example.org>\r\nSubject: x\r\n\r\nhello\r\n",
)


async def always() -> Lease | None:
    return LONG


def relay(server: SmtpServer, **settings: object) -> SmtpSettings:
    return SmtpSettings.model_validate(
        {"host": "127.0.0.1", "port": server.port, "security": "none", **settings}
    )


def hand_off(
    settings: SmtpSettings,
    *messages: Message,
    intend: Callable[[], Awaitable[Lease | None]] = always,
    trusting: bool = True,
) -> list[HandOff]:
    async def all_of_them() -> list[HandOff]:
        context = client_context() if trusting else None
        async with SmtpTransport(settings, timeouts=QUICK, tls_context=context) as transport:
            return [
                await transport.hand_off(one, name="x", lane=0, intend=intend) for one in messages
            ]

    return asyncio.run(all_of_them())


def test_starttls_is_used_before_mail() -> None:
    with smtp_server() as server:
        server.offer_starttls = True
        (done,) = hand_off(relay(server, security="starttls", host="localhost"), MESSAGE)

    assert done.outcome.kind is OutcomeKind.SENT
    assert server.verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]


def test_tls_from_the_first_byte() -> None:
    with smtp_server(tls=True) as server:
        (done,) = hand_off(relay(server, security="tls", host="localhost"), MESSAGE)

    assert done.outcome.kind is OutcomeKind.SENT


def test_a_relay_without_starttls_gets_nothing_in_clear() -> None:
    with smtp_server() as server:
        (done,) = hand_off(
            relay(server, security="starttls", username="me", password="secret"), MESSAGE
        )

    assert (done.outcome.kind, done.outcome.relay_trouble) == (OutcomeKind.RETRY, True)
    assert not done.of_recipient
    assert "AUTH" not in server.verbs
    assert "MAIL" not in server.verbs


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with smtp_server(tls=True) as server:
        (done,) = hand_off(relay(server, security="tls", host="localhost"), MESSAGE, trusting=False)

    assert done.outcome.relay_trouble
    assert server.verbs == []


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_for_another_name_is_refused(security: str) -> None:
    with smtp_server(tls=security == "tls") as server:
        server.offer_starttls = security == "starttls"
        # The same server by a name that its certificate, which we trust, does not bear.
        (done,) = hand_off(relay(server, security=security, host="127.1"), MESSAGE)

    assert (done.outcome.kind, done.outcome.relay_trouble) == (OutcomeKind.RETRY, True)
    assert "certificate verify failed" in done.outcome.reply
    assert "MAIL" not in server.verbs


def test_what_was_said_in_clear_before_tls_is_not_believed_after_it() -> None:
    # Whoever sits on the way could put words between the reply and the handshake
    # (CVE-2011-0411, https://www.rfc-editor.org/rfc/rfc3207#section-6).
    injected = b"220 2.0.0 go on\r\n250-loopback\r\n250 PIPELINING\r\n"
    said_before_intent: list[str] = []

    with smtp_server() as server:

        async def intend() -> Lease | None:
            said_before_intent.extend(server.verbs)
            return LONG

        server.offer_starttls = True
        server.on("STARTTLS", injected)
        settings = relay(
            server, security="starttls", host="localhost", username="me", password="secret"
        )
        (done,) = hand_off(settings, MESSAGE, intend=intend)

    assert done.outcome.kind is OutcomeKind.SENT
    # With PIPELINING, which only the injected words offer, the intent would come before MAIL.
    assert said_before_intent == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT"]


def test_the_password_is_given_over_tls() -> None:
    with smtp_server(tls=True) as server:
        settings = relay(server, security="tls", host="localhost", username="me", password="secret")
        (done,) = hand_off(settings, MESSAGE)

    assert done.outcome.kind is OutcomeKind.SENT
    (line,) = [line for line in server.lines if line.startswith("AUTH PLAIN")]
    assert base64.b64decode(line.split(" ")[2]) == b"\0me\0secret"


def test_a_wrong_password_is_the_relays_trouble() -> None:
    with smtp_server(tls=True) as server:
        server.on("AUTH", "535 5.7.8 bad credentials")
        settings = relay(server, security="tls", host="localhost", username="me", password="wrong")
        (done,) = hand_off(settings, MESSAGE)

    assert done.outcome.relay_trouble
    assert done.outcome.reply.startswith("535 5.7.8 bad credentials")


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"host": "relay.example.org"}, "in clear to relay.example.org"),
        ({"host": "192.0.2.1"}, "in clear to 192.0.2.1"),
        ({"host": "127.0.0.1", "username": "me"}, "the password in clear"),
        (
            {"host": "relay.example.org", "username": "me", "allow_clear_text": True},
            "the password in clear",
        ),
    ],
)
def test_clear_text_is_refused(settings: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        SmtpTransport(SmtpSettings.model_validate({"security": "none", **settings}))


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "localhost"},
        {"host": "127.0.0.2"},
        {"host": "::1"},
        {"host": "mailcatcher", "allow_clear_text": True},
        {"host": "relay.example.org", "security": "starttls", "username": "me"},
    ],
)
def test_clear_text_on_this_machine_or_by_order_is_allowed(settings: dict[str, object]) -> None:
    checked = SmtpSettings.model_validate({"security": "none", **settings})

    refuse_clear_text(checked)

    assert clear_text_problem(checked) is None


def test_dots_at_line_starts_survive_the_way() -> None:
    content = b"Message-ID: <1@example.org>\r\n\r\n.one\r\n..two\r\n.\r\nend"
    dotted = dataclasses.replace(MESSAGE, content=content)
    leading = dataclasses.replace(MESSAGE, content=b".x: y\r\n" + MESSAGE.content)

    with smtp_server() as server:
        hand_off(relay(server), dotted, leading)

    assert server.received[0].content == content + b"\r\n"
    assert server.received[1].content == b".x: y\r\n" + MESSAGE.content


@pytest.mark.parametrize(
    "address",
    ["a@x\r\nRCPT TO:<b@y>", "a@x>\nDATA", "a b@example.org", "a@x\0", "<a@x", "a@x>"],
)
@pytest.mark.parametrize("field", ["recipient", "envelope_from"])
def test_an_address_that_could_end_the_command_is_refused(field: str, address: str) -> None:
    with smtp_server() as server:
        (done,) = hand_off(
            relay(server),
            dataclasses.replace(MESSAGE, **{field: address}),  # type: ignore[arg-type]
        )

    assert done.outcome.kind is OutcomeKind.FAILED
    assert server.connections == 0


def test_what_the_relay_cannot_carry_fails_alone() -> None:
    eight_bit = dataclasses.replace(MESSAGE, content="Message-ID: <2@x>\r\n\r\né\r\n".encode())
    international = dataclasses.replace(MESSAGE, recipient="adé@example.org")

    with smtp_server() as server:
        server.extensions = ()
        outcomes = hand_off(relay(server), eight_bit, international, MESSAGE)

    assert [done.outcome.kind for done in outcomes] == ["failed", "failed", "sent"]
    assert outcomes[0].outcome.reply == "the relay does not take 8-bit mail"
    assert outcomes[1].outcome.reply == "the relay does not take addresses outside ASCII"


def test_a_domain_outside_ascii_goes_as_its_a_label() -> None:
    international = dataclasses.replace(MESSAGE, recipient="ada@bücher.example")

    with smtp_server() as server:
        server.extensions = ()
        (done,) = hand_off(relay(server), international)

    assert done.outcome.kind is OutcomeKind.SENT
    assert "RCPT TO:<ada@xn--bcher-kva.example>" in server.lines


def test_extensions_are_named_where_they_are_needed() -> None:
    odd = dataclasses.replace(
        MESSAGE, recipient="adé@example.org", content="Message-ID: <2@x>\r\n\r\né\r\n".encode()
    )

    with smtp_server() as server:
        (done,) = hand_off(relay(server), odd)

    assert done.outcome.kind is OutcomeKind.SENT
    assert "MAIL FROM:<b+1@example.org> BODY=8BITMIME SMTPUTF8" in server.lines


def test_a_refused_intent_says_no_data_and_keeps_the_connection() -> None:
    answers = iter([None, LONG])

    async def intend() -> Lease | None:
        return next(answers)

    with smtp_server() as server:
        first, second = hand_off(relay(server), MESSAGE, MESSAGE, intend=intend)

    assert first.outcome.kind is OutcomeKind.WITHDRAWN
    assert second.outcome.kind is OutcomeKind.SENT
    assert server.verbs == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]
    assert server.connections == 1


def test_an_intent_that_breaks_leaves_no_half_said_transaction() -> None:
    answers = iter([StorageError("disk full"), None])

    async def intend() -> Lease | None:
        error = next(answers)
        if error is not None:
            raise error
        return LONG

    async def twice(settings: SmtpSettings) -> HandOff:
        async with SmtpTransport(settings, timeouts=QUICK) as transport:
            with pytest.raises(StorageError):
                await transport.hand_off(MESSAGE, name="x", lane=0, intend=intend)
            return await transport.hand_off(MESSAGE, name="x", lane=0, intend=intend)

    with smtp_server() as server:
        done = asyncio.run(twice(relay(server)))

    assert done.outcome.kind is OutcomeKind.SENT
    assert server.connections == 2
    assert server.verbs.count("DATA") == 1


def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    async def with_a_pause(settings: SmtpSettings, server: SmtpServer) -> list[HandOff]:
        async with SmtpTransport(settings, timeouts=QUICK) as transport:
            first = await transport.hand_off(MESSAGE, name="x", lane=0, intend=always)
            await asyncio.sleep(0.2)
            second = await transport.hand_off(MESSAGE, name="x", lane=0, intend=always)
            return [first, second]

    with smtp_server() as server:
        server.on("CONTENT", "421 2.0.0 taken, and goodbye", times=1)
        outcomes = asyncio.run(with_a_pause(relay(server), server))

    assert [done.outcome.kind for done in outcomes] == ["retry", "sent"]
    assert server.connections == 2


def test_a_failing_rset_costs_the_connection_only() -> None:
    with smtp_server() as server:
        server.on("RCPT", "550 5.1.1 nobody", times=1)
        server.on("RSET", "421 4.3.2 closing", times=1)
        first, second = hand_off(relay(server), MESSAGE, MESSAGE)

    assert first.outcome.kind is OutcomeKind.BOUNCED
    assert second.outcome.kind is OutcomeKind.SENT
    assert server.connections == 2


def test_checking_the_login_says_what_the_relay_says() -> None:
    async def check(settings: SmtpSettings) -> None:
        await SmtpTransport(settings, timeouts=QUICK).check_login()

    with smtp_server() as server:
        asyncio.run(check(relay(server)))
        server.on("EHLO", "554 5.7.1 go away")
        server.on("CONNECT", "554 5.7.1 go away")
        with pytest.raises(ConfigError, match="go away"):
            asyncio.run(check(relay(server)))
