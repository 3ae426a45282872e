"""Asking DNS with dnspython: its edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dns.exception
import dns.resolver

from digest.delivery.dns.records import LookupFailedError
from digest.errors import ConfigError

TIMEOUT_S = 5.0
"""For one question, over all nameservers and tries."""


class DnsResolver:
    """Asks the nameservers of this machine, or those given.

    Args:
        nameservers: IP addresses, None for those of the machine's configuration.
        port: Of the nameservers given.
        timeout_s: For one question.

    Raises:
        ConfigError: If the machine has no usable configuration of nameservers.
    """

    def __init__(
        self,
        nameservers: Sequence[str] | None = None,
        *,
        port: int = 53,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=nameservers is None)
            if nameservers is not None:
                self._resolver.nameservers = list(nameservers)
                self._resolver.port = port
        except (dns.exception.DNSException, ValueError) as exc:
            raise ConfigError([f"nameserver: {exc}"]) from exc
        self._resolver.lifetime = timeout_s
        self._resolver.search = []
        self._timeout_s = timeout_s

    def txt(self, name: str) -> tuple[str, ...]:
        """Return the TXT records of a name."""
        return tuple(
            b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")
        )

    def mx(self, name: str) -> tuple[str, ...]:
        """Return the mail hosts of a name, best first."""
        records = sorted(self._ask(name, "MX"), key=lambda one: (one.preference, str(one.exchange)))
        return tuple(str(record.exchange).rstrip(".").lower() for record in records)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 and IPv6 addresses of a name."""
        return tuple(
            str(record.address) for kind in ("A", "AAAA") for record in self._ask(name, kind)
        )

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver.resolve(name, kind, raise_on_no_answer=False).rrset or ())
        except dns.resolver.NXDOMAIN:
            return []
        except dns.resolver.LifetimeTimeout as exc:
            raise LookupFailedError(name, f"no answer within {self._timeout_s:g} s") from exc
        except dns.exception.DNSException as exc:
            raise LookupFailedError(name, f"no usable answer ({type(exc).__name__})") from exc
        except OSError as exc:
            raise LookupFailedError(name, f"cannot be asked: {exc.strerror}") from exc
