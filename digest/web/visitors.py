"""Who asks: the session behind a cookie, and the network a request comes from."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from digest.model import Subscriber
from digest.subscribers.intake import Allowance
from digest.subscribers.sessions import SESSION_LIFETIME, session_owner
from digest.web.deps import WebDeps

_TOTAL = "all"


class Visitors:
    """Reads and writes the session's cookie, and counts requests by network."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._secure = urlsplit(deps.settings.service.base_url).scheme == "https"
        # A browser takes the prefix only over https, and then from no other host.
        self.cookie = "__Host-session" if self._secure else "session"

    def token(self, request: Request) -> str:
        """Return the session's token, empty when there is none."""
        return request.cookies.get(self.cookie, "")

    def owner(self, request: Request) -> Subscriber | None:
        """Return who is logged in, or None."""
        token = self.token(request)
        if not token:
            return None
        with self._deps.store.read() as tx:
            return session_owner(tx, token, now=self._deps.clock())

    def remember(self, response: Response, token: str) -> None:
        """Give the browser a session."""
        response.set_cookie(
            self.cookie,
            token,
            max_age=int(SESSION_LIFETIME.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def forget(self, response: Response) -> None:
        """Take the session from the browser."""
        response.delete_cookie(
            self.cookie, path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def allowance(self, request: Request, what: str) -> Allowance:
        """Return what this visitor's network, and all together, may ask for in an hour."""
        web = self._deps.settings.web
        network = network_of(request.client.host if request.client else "")
        key = self._deps.rules.signer.address_hashes(f"network {network}")[0]
        return Allowance(
            limits={
                f"{what}:{key}": web.signups_per_network,
                f"{what}:{_TOTAL}": web.signups_per_hour,
            }
        )


def network_of(host: str) -> str:
    """Return the network an address belongs to: /24 of IPv4, /64 of IPv6."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    bits = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
