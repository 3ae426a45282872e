"""One subscriber per address: what an address is, and when two are the same."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from digest.errors import AddressError

_MAX_LENGTH = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address that mail can be sent to.

    `email` is what is written into messages: the local part as given, the domain
    folded and in ASCII (IDNA). `key` is the form that is compared, the local part
    without case.
    """

    email: str
    key: str


def normalise_address(text: str) -> Address:
    """Read one e-mail address.

    Display names, comments, quoted local parts and domain literals are not taken, and
    local parts are ASCII: a relay without SMTPUTF8 would refuse the others (RFC 6531).

    Raises:
        AddressError: With the cause in plain words.
    """
    shown = text.strip(" \t")
    if any(unicodedata.category(character)[0] == "C" for character in shown):
        raise AddressError(_printable(shown), "it holds a control character")
    if not shown:
        raise AddressError("", "it is empty")
    if len(shown) > _MAX_LENGTH:
        raise AddressError(shown[:60] + "…", f"it is longer than {_MAX_LENGTH} characters")
    try:
        valid = validate_email(
            shown, check_deliverability=False, allow_smtputf8=False, test_environment=True
        )
    except EmailNotValidError as exc:
        raise AddressError(shown, _plain(str(exc))) from exc
    email = valid.ascii_email
    if email is None:  # pragma: no cover - allow_smtputf8=False always gives one
        raise AddressError(shown, "it needs an internationalised mail server")
    local, _, domain = email.rpartition("@")
    email = f"{local}@{domain.lower()}"
    return Address(email=email, key=email.lower())


def _printable(text: str) -> str:
    return "".join(
        "�" if unicodedata.category(character)[0] == "C" else character for character in text[:60]
    )


def _plain(message: str) -> str:
    """Turn a sentence of the library into the clause our messages end with."""
    clause = message.rstrip(".")
    return clause[:1].lower() + clause[1:]
