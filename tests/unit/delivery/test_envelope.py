"""Which MAIL and RCPT a relay can carry."""

from __future__ import annotations

import pytest

from digest.delivery.envelope import Envelope, decide_envelope, refuse_unsafe, wire_form
from digest.model import Message, Outcome


def message(
    recipient: str = "ada@example.org", content: bytes = b"A: b\r\n\r\nhello\r\n"
) -> Message:
    return Message(
        envelope_from="b@example.org", recipient=recipient, message_id="<1@x>", content=content
    )


@pytest.mark.parametrize(
    ("one", "mail", "rcpt"),
    [
        (message(), b"MAIL FROM:<b@example.org>", b"RCPT TO:<ada@example.org>"),
        (
            message(content="A: b\r\n\r\né\r\n".encode()),
            b"MAIL FROM:<b@example.org> BODY=8BITMIME",
            b"RCPT TO:<ada@example.org>",
        ),
        (
            message("ada@bücher.example"),
            b"MAIL FROM:<b@example.org>",
            b"RCPT TO:<ada@xn--bcher-kva.example>",
        ),
        (
            message("adé@bücher.example"),
            b"MAIL FROM:<b@example.org> SMTPUTF8",
            "RCPT TO:<adé@bücher.example>".encode(),
        ),
    ],
)
def test_an_envelope_names_the_extensions_it_needs(one: Message, mail: bytes, rcpt: bytes) -> None:
    assert decide_envelope(one, eight_bit=True, smtputf8=True) == Envelope(mail, rcpt)


def test_a_relay_without_extensions_takes_what_needs_none() -> None:
    envelope = decide_envelope(message("ada@bücher.example"), eight_bit=False, smtputf8=False)

    assert isinstance(envelope, Envelope)


@pytest.mark.parametrize(
    ("one", "reply"),
    [
        (message("adé@example.org"), "the relay does not take addresses outside ASCII"),
        (message("adé@-.example"), "the relay does not take addresses outside ASCII"),
        (message(content=b"A: b\r\n\r\n\xff\r\n"), "the relay does not take 8-bit mail"),
    ],
)
def test_what_a_relay_cannot_carry_has_failed(one: Message, reply: str) -> None:
    outcome = decide_envelope(one, eight_bit=False, smtputf8=False)

    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.reply) == ("failed", reply)


def test_an_address_that_could_end_a_command_is_refused() -> None:
    outcome = refuse_unsafe(message("a@x>\r\nDATA"))

    assert outcome is not None
    assert outcome.reply == "the address holds characters that no envelope can carry"
    assert refuse_unsafe(message()) is None


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"A: b\r\n\r\nx\r\n", b"A: b\r\n\r\nx\r\n.\r\n"),
        (b"A: b\r\n\r\nx", b"A: b\r\n\r\nx\r\n.\r\n"),
        (b".\r\n..\r\nx.\r\n", b"..\r\n...\r\nx.\r\n.\r\n"),
    ],
)
def test_dots_at_line_starts_are_doubled(content: bytes, wire: bytes) -> None:
    assert wire_form(message(content=content)) == wire


def test_content_that_is_known_to_have_no_dot_lines_is_not_searched() -> None:
    known = Message(
        envelope_from="b@x",
        recipient="a@x",
        message_id="<1@x>",
        content=b".x\r\n",
        has_no_dot_lines=True,
    )

    assert wire_form(known) == b".x\r\n.\r\n"
