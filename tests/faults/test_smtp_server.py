"""The scripted server itself, against two clients that are not ours and a bare socket."""

from __future__ import annotations

import asyncio
import json
import smtplib
import socket
from pathlib import Path

import aiosmtplib
import pytest

from tests.support.smtp_script import Action, Drop, Rule
from tests.support.smtp_server import SmtpServer, smtp_server

ADA = "ada@example.org"
CONTENT = b"Message-ID: <1@example.org>\r\nDate: today\r\n\r\n.one\r\n..two\r\nend.\r\n"


def by_smtplib(server: SmtpServer, content: bytes = CONTENT) -> None:
    with smtplib.SMTP(server.host, server.port, timeout=5) as client:
        client.sendmail("b@example.org", [ADA], content)


def by_aiosmtplib(server: SmtpServer, content: bytes = CONTENT) -> None:
    async def send() -> None:
        client = aiosmtplib.SMTP(hostname=server.host, port=server.port, timeout=5)
        async with client:
            await client.sendmail("b@example.org", [ADA], content)

    asyncio.run(send())


def say(server: SmtpServer, *groups: bytes) -> list[bytes]:
    """Write each group in one piece; return all that is answered until the end."""
    with socket.create_connection((server.host, server.port), timeout=5) as connection:
        for group in groups:
            connection.sendall(group)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while more := connection.recv(65_536):
            answer += more
    return answer.splitlines()


@pytest.mark.parametrize("send", [by_smtplib, by_aiosmtplib])
def test_both_clients_bring_a_mail_through_as_it_is(send: object) -> None:
    with smtp_server() as server:
        send(server)  # type: ignore[operator]
        server.wait_until_idle()

    (one,) = server.received
    assert (one.sender, one.recipient, one.content) == ("b@example.org", ADA, CONTENT)
    assert server.accepted == {(ADA, "<1@example.org>"): 1}
    assert server.connections == 1


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        ("CONNECT", smtplib.SMTPConnectError),
        ("MAIL", smtplib.SMTPSenderRefused),
        ("RCPT", smtplib.SMTPRecipientsRefused),
        ("DATA", smtplib.SMTPDataError),
        ("CONTENT", smtplib.SMTPDataError),
    ],
)
def test_it_refuses_at_each_verb(verb: str, error: type[Exception]) -> None:
    with smtp_server() as server:
        server.on(verb, "554 5.3.0 no")
        with pytest.raises(error, match="no"):
            by_smtplib(server)

    assert not server.accepted


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
def test_it_drops_at_each_verb(verb: str) -> None:
    with smtp_server() as server:
        server.on(verb, Drop())
        with pytest.raises((smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError)):
            by_smtplib(server)
        server.wait_until_idle()

    assert not server.accepted


def test_a_rule_waits_for_its_turn_and_ends() -> None:
    with smtp_server() as server:
        server.add(Rule(verb="RCPT", action="450 4.2.0 later", nth=2, times=1))
        with smtplib.SMTP(server.host, server.port, timeout=5) as client:
            client.sendmail("b@example.org", [ADA], CONTENT)
            with pytest.raises(smtplib.SMTPRecipientsRefused, match="later"):
                client.sendmail("b@example.org", [ADA], CONTENT)
            client.sendmail("b@example.org", [ADA], CONTENT)

    assert server.acceptances_of(ADA) == 2


def test_a_rule_may_be_for_one_connection() -> None:
    with smtp_server() as server:
        server.add(Rule(verb="CONTENT", action=Drop(accept=True), connection=2))
        by_smtplib(server)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            by_smtplib(server)
        by_smtplib(server)

    assert server.acceptances_of(ADA) == 3


@pytest.mark.parametrize(
    ("action", "accepted"),
    [
        (Drop(accept=True), 1),
        (Drop(), 0),
        (Drop(after_bytes=20), 0),
        (Drop(accept=True, saying=b"25"), 1),
    ],
)
def test_it_drops_inside_the_content_and_after_the_dot(action: Drop, accepted: int) -> None:
    with smtp_server() as server:
        server.on("CONTENT", action)
        with pytest.raises((smtplib.SMTPServerDisconnected, smtplib.SMTPDataError)):
            by_smtplib(server)

    assert server.acceptances_of(ADA) == accepted


@pytest.mark.parametrize(
    ("action", "seen"),
    [
        (b"250-2.1.0 half\r\n250 2.1.0 whole\r\n", [b"250-2.1.0 half", b"250 2.1.0 whole"]),
        (b"\xff\xfe what?\r\n", [b"\xff\xfe what?"]),
        (Drop(saying=b"250 2.1.0 o"), [b"250 2.1.0 o"]),
        ("421 4.3.2 closing", [b"421 4.3.2 closing"]),
    ],
)
def test_it_answers_anything(action: Action, seen: list[bytes]) -> None:
    with smtp_server() as server:
        server.on("MAIL", action)
        answers = say(server, b"EHLO me\r\n", b"MAIL FROM:<b@example.org>\r\n")

    assert answers[-len(seen) :] == seen


def test_commands_may_come_in_one_piece() -> None:
    with smtp_server(pipelining=True) as server:
        answers = say(
            server,
            b"EHLO me\r\nMAIL FROM:<b@example.org>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\n",
            CONTENT + b".\r\nMAIL FROM:<b@example.org>\r\nQUIT\r\n",
        )

    assert b"250-PIPELINING" in answers
    assert answers[-6:] == [
        b"250 2.1.0 ok",
        b"250 2.1.5 ok",
        b"354 go on",
        b"250 2.0.0 accepted",
        b"250 2.1.0 ok",
        b"221 2.0.0 bye",
    ]
    assert server.acceptances_of(ADA) == 1


def test_data_without_a_recipient_is_out_of_order() -> None:
    with smtp_server(pipelining=True) as server:
        server.on("RCPT", "550 5.1.1 nobody")
        answers = say(
            server, b"EHLO me\r\nMAIL FROM:<b@x>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\nRSET\r\n"
        )

    assert answers[-3:] == [
        b"550 5.1.1 nobody",
        b"503 5.5.1 commands out of order",
        b"250 2.0.0 ok",
    ]


def test_a_dot_alone_for_nobody_is_refused() -> None:
    with smtp_server(pipelining=True) as server:
        server.on("RCPT", "550 5.1.1 nobody")
        server.on("DATA", "354 go on all the same")
        answers = say(
            server,
            b"EHLO me\r\nMAIL FROM:<b@x>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\n",
            b".\r\n",
        )

    assert answers[-2:] == [b"354 go on all the same", b"554 5.5.1 no valid recipients"]
    assert not server.accepted


def test_a_half_written_command_or_content_is_nothing() -> None:
    with smtp_server() as server:
        say(server, b"EHLO me\r\nMAIL FROM:<b@x>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\nabc\r\n.")
        say(server, b"EHLO me\r\nQUI")
        server.wait_until_idle()

    assert not server.accepted
    assert server.verbs == ["EHLO", "MAIL", "RCPT", "DATA", "EHLO"]


def test_it_tells_before_and_after_it_answers() -> None:
    told: list[str] = []

    with smtp_server() as server:
        server.add(
            Rule(
                verb="CONTENT",
                before=lambda: told.append(f"before, {len(server.received)} accepted"),
                after=lambda: told.append(f"after, {len(server.received)} accepted"),
            )
        )
        by_smtplib(server)

    assert told == ["before, 0 accepted", "after, 1 accepted"]


def test_the_journal_has_an_acceptance_before_the_client_hears_of_it(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    with smtp_server(journal=journal) as server:
        server.on("CONTENT", Drop(accept=True))
        with pytest.raises(smtplib.SMTPServerDisconnected):
            by_smtplib(server)

    document = json.loads(journal.read_text())
    assert (document["recipient"], document["message_id"]) == (ADA, "<1@example.org>")
    assert ["Date", "today"] in document["headers"]
    assert document["content"].encode("latin-1") == CONTENT


def test_it_can_be_used_again_from_the_start() -> None:
    with smtp_server() as server:
        server.on("RCPT", "550 5.1.1 nobody")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            by_smtplib(server)
        server.forget()
        by_smtplib(server)

    assert server.connections == 1
    assert server.acceptances_of(ADA) == 1
