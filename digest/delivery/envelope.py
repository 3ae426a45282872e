"""What an envelope says on the wire: MAIL and RCPT, as far as the relay can carry them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from digest.model import Message, Outcome, OutcomeKind

_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")
"""What could end a command early; nothing of it may reach the relay."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The two commands that name sender and recipient, each without its line end."""

    mail: bytes
    rcpt: bytes


def refuse_unsafe(message: Message) -> Outcome | None:
    """Refuse addresses that could end a command early, before anybody is asked."""
    if _UNSAFE.search(message.envelope_from) or _UNSAFE.search(message.recipient):
        return _unable("the address holds characters that no envelope can carry")
    return None


def decide_envelope(message: Message, *, eight_bit: bool, smtputf8: bool) -> Envelope | Outcome:
    """Say MAIL and RCPT of a message, or why this relay cannot carry it.

    A domain outside ASCII goes in its A-label form (RFC 5891), which every relay takes;
    a local part outside ASCII needs SMTPUTF8 (RFC 6531).

    Args:
        message: In wire form, its addresses safe.
        eight_bit: Whether the relay offers 8BITMIME (RFC 6152).
        smtputf8: Whether it offers SMTPUTF8.
    """
    try:
        return _envelope(message, eight_bit=eight_bit, smtputf8=smtputf8)
    except UnicodeError:
        return _unable("the address holds characters that cannot be written in UTF-8", code=553)


def _envelope(message: Message, *, eight_bit: bool, smtputf8: bool) -> Envelope | Outcome:
    sender, recipient = message.envelope_from, message.recipient
    if not (sender.isascii() and recipient.isascii()):
        sender, recipient = _with_a_label(sender), _with_a_label(recipient)
    mail = b"MAIL FROM:<" + sender.encode() + b">"
    if not (message.is_7bit or message.content.isascii()):
        if not eight_bit:
            return _unable("the relay does not take 8-bit mail", code=553)
        mail += b" BODY=8BITMIME"
    if not (recipient.isascii() and sender.isascii()):
        if not smtputf8:
            return _unable("the relay does not take addresses outside ASCII", code=553)
        mail += b" SMTPUTF8"
    return Envelope(mail, b"RCPT TO:<" + recipient.encode() + b">")


def _with_a_label(address: str) -> str:
    if address.isascii():
        return address
    try:
        checked = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return address
    return checked.ascii_email or address


def _unable(what: str, *, code: int | None = None) -> Outcome:
    return Outcome(kind=OutcomeKind.FAILED, reply=what, code=code)


def wire_form(message: Message) -> bytes:
    """Return the content as it follows 354: dots doubled at line starts, the end marked."""
    content = message.content
    if not message.has_no_dot_lines:
        if content.startswith(b"."):
            content = b"." + content
        if b"\r\n." in content:
            content = content.replace(b"\r\n.", b"\r\n..")
    return content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")
