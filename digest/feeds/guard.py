"""Where we may connect to: the guard against requests forged through feed URLs.

A feed URL is outside text, and so is each redirect and each DNS answer. A name is
resolved once, every address it has is checked, and the connection goes to a checked
address, so that a second DNS answer cannot change it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx2

from digest.errors import FetchError

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host name as text; raises OSError when it has none."""

Address = IPv4Address | IPv6Address

_PORTS = {"http": 80, "https": 443}
# Each of these leads, or may lead, somewhere else than to a public host of its own.
_NEVER_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "3fff::/20",
    )
)
_GLOBAL_UNICAST = ip_network("2000::/3")
# Some addresses serve a cloud machine its credentials: link-local ones (169.254.169.254),
# and two that look private (fd00:ec2::254, 100.100.100.200).
_NEVER = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "0.0.0.0/8",
        "::/128",
        "fd00:ec2::254/128",
        "100.100.100.200/32",
    )
)
_PRIVATE = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
    )
)


@dataclass(frozen=True, slots=True)
class Origin:
    """The host and port of a configured URL, whose private addresses may be admitted."""

    host: str
    port: int


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver. The default `Resolver`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def origin_of(url: httpx2.URL) -> Origin:
    """Return where a URL leads, with the default port filled in."""
    return Origin(url.host, url.port or _PORTS.get(url.scheme, 0))


def parse_url(text: str, *, asked: str) -> httpx2.URL:
    """Read a URL and refuse what is no plain web address.

    Args:
        text: The URL.
        asked: The URL to name in the error.

    Raises:
        FetchError: With the cause in plain words.
    """
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError, TypeError) as exc:
        raise FetchError(asked, "this is not a usable URL") from exc
    if url.scheme not in _PORTS or not url.host:
        raise FetchError(asked, "only http and https URLs can be polled")
    if (url.port or 0) > 65_535:
        raise FetchError(asked, "this is not a usable URL")
    if url.userinfo:
        raise FetchError(asked, "URLs with a user name or password are not supported")
    return url


def is_public(address: Address) -> bool:
    """Tell whether an address is one of a public host.

    `is_global` alone passes NAT64, 6to4, multicast, 192.0.0.8, and of IPv6 all that is
    not assigned to hosts: `::127.0.0.1`, `::ffff:0:127.0.0.1`, site-local `fec0::/10`.
    """
    plain = _unmapped(address)
    return (
        plain.is_global
        and (plain.version == 4 or plain in _GLOBAL_UNICAST)
        and not plain.is_multicast
        and not any(plain in network for network in _NEVER_PUBLIC)
    )


def is_admissible_private(address: Address) -> bool:
    """Tell whether an address may be used where the operator allows private ones."""
    plain = _unmapped(address)
    return any(plain in network for network in _PRIVATE) and not any(
        plain in network for network in _NEVER
    )


async def checked_addresses(
    url: httpx2.URL, *, resolver: Resolver, trusted: Origin | None, redirected: bool, asked: str
) -> tuple[str, ...]:
    """Resolve a URL's host and check every address it has.

    Args:
        url: Where the request is to go.
        resolver: Turns names into addresses.
        trusted: The origin that may be private and on any port, or None.
        redirected: Whether a redirect led here, for the words of the error.
        asked: The URL to name in the error.

    Returns:
        The addresses, IPv4 first, at most four.

    Raises:
        FetchError: If the name does not resolve, or one address is not admitted.
    """
    origin = origin_of(url)
    is_trusted = trusted is not None and origin == trusted
    leads = "redirects" if redirected else "leads"
    if not is_trusted and origin.port != _PORTS[url.scheme]:
        raise FetchError(asked, f"{leads} to port {origin.port}; only 80 and 443 are allowed")
    try:
        found = [ip_address(text) for text in await resolver(origin.host, origin.port)]
    except (OSError, UnicodeError) as exc:
        raise FetchError(asked, f"the name {origin.host} does not resolve") from exc
    except ValueError as exc:
        raise FetchError(asked, f"the name {origin.host} resolves to no usable address") from exc
    if not found:
        raise FetchError(asked, f"the name {origin.host} does not resolve")
    for address in found:
        if not is_public(address) and not (is_trusted and is_admissible_private(address)):
            raise FetchError(asked, f"{leads} to a private address")
    ordered = sorted(dict.fromkeys(found), key=lambda address: address.version)
    return tuple(str(address) for address in ordered[:4])


def _unmapped(address: Address) -> Address:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
