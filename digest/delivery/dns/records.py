"""What is asked of DNS, and the answers as values. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from digest.errors import DigestError


class LookupFailedError(DigestError):
    """DNS gave no answer: neither the records nor that there are none.

    Args:
        name: The name asked for.
        cause: Plain words ("no answer within 5 s").
    """

    def __init__(self, name: str, cause: str) -> None:
        self.name = name
        self.cause = cause
        super().__init__(f"{name}: {cause}")


class Resolver(Protocol):
    """Asks DNS. Each method returns () where there is no such record or no such name.

    Each raises LookupFailedError where DNS does not answer.
    """

    def txt(self, name: str) -> tuple[str, ...]:
        """Return the TXT records of a name, each with its strings joined."""
        ...

    def mx(self, name: str) -> tuple[str, ...]:
        """Return the mail hosts of a name, best first; "" stands for a null MX (RFC 7505)."""
        ...

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 and IPv6 addresses of a name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A question that DNS did not answer, and why."""

    cause: str


Answer = tuple[str, ...] | Unanswered


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDomains:
    """Whom our mail is from, as far as DNS is concerned.

    `sender` is the domain of `mail.from`, `envelope` that of the envelope sender
    (`mail.bounce_domain`, else the same), `selectors` those that the relay signs with.
    `relay` is `smtp.host`, `reports_to` an address for DMARC reports or "".
    """

    sender: str
    envelope: str
    selectors: tuple[str, ...]
    relay: str = ""
    reports_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRecords:
    """All that was asked, by the name that was asked for.

    `spf` holds the envelope domain and all that its record includes, `dmarc` both domains
    and the ones above them, without `_dmarc.`; `dkim` is by whole name.
    """

    spf: Mapping[str, Answer]
    dmarc: Mapping[str, Answer]
    dkim: Mapping[str, Answer]
    mx: Answer
    mail_hosts: Mapping[str, Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsFinding:
    """One thing that was looked at.

    `publish` is the record that would mend it, in the form of a zone file, or "".
    """

    check: str
    ok: bool
    detail: str
    publish: str = ""


def is_public_name(domain: str) -> bool:
    """Say whether a domain can be in the public DNS at all."""
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        return "." in domain and not domain.endswith((".localhost", ".local", ".invalid"))
    return False


def domain_and_parents(domain: str) -> tuple[str, ...]:
    """Return a domain and those above it, but no top-level domain; at most 8 (DMARC's walk)."""
    labels = domain.split(".")
    names = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    return (names[0], *names[1:][-7:]) if names else (domain,)
