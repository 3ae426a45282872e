from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import httpx2
import pytest

from digest.errors import FetchError
from digest.feeds.guard import (
    Origin,
    checked_addresses,
    is_admissible_private,
    is_public,
    origin_of,
    parse_url,
    resolve_name,
)

ASKED = "https://feeds.example.org/x"


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:93.184.215.14"],
)
def test_addresses_of_public_hosts_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "192.0.0.8",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::7f00:1",
        "::ffff:0:7f00:1",
        "fec0::1",
        "3fff::1",
    ],
)
def test_addresses_that_lead_inside_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"])
def test_private_addresses_can_be_admitted(address: str) -> None:
    assert is_admissible_private(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "::ffff:169.254.1.1",
        "fd00:ec2::254",
        "100.100.100.200",
    ],
)
def test_link_local_and_odd_addresses_are_never_admitted(address: str) -> None:
    assert not is_admissible_private(ip_address(address))


def check(
    url: str, answer: Sequence[str], *, trusted: Origin | None = None, redirected: bool = False
) -> tuple[str, ...]:
    async def resolver(host: str, port: int) -> Sequence[str]:
        if not answer:
            raise OSError("no such name")
        return answer

    return asyncio.run(
        checked_addresses(
            httpx2.URL(url),
            resolver=resolver,
            trusted=trusted,
            redirected=redirected,
            asked=ASKED,
        )
    )


def test_every_address_of_a_name_is_checked() -> None:
    with pytest.raises(FetchError, match="leads to a private address"):
        check("https://a.example/", ["93.184.215.14", "10.0.0.1"])


def test_a_redirect_to_a_private_address_is_called_one() -> None:
    with pytest.raises(FetchError, match="redirects to a private address"):
        check("https://a.example/", ["10.0.0.1"], redirected=True)


def test_addresses_come_back_ipv4_first_without_doubles() -> None:
    answer = ["2606:4700:4700::1111", "1.1.1.1", "1.1.1.1"]

    assert check("https://a.example/", answer) == ("1.1.1.1", "2606:4700:4700::1111")


@pytest.mark.parametrize("url", ["http://a.example:8080/", "https://a.example:22/"])
def test_other_ports_than_the_webs_are_refused(url: str) -> None:
    with pytest.raises(FetchError, match="only 80 and 443 are allowed"):
        check(url, ["1.1.1.1"])


def test_a_trusted_origin_may_be_private_and_on_any_port() -> None:
    trusted = Origin("a.example", 8080)

    assert check("http://a.example:8080/", ["127.0.0.1"], trusted=trusted) == ("127.0.0.1",)


@pytest.mark.parametrize("url", ["http://a.example/", "http://b.example/"])
def test_trust_is_for_one_host_and_port(url: str) -> None:
    with pytest.raises(FetchError, match="private address"):
        check(url, ["127.0.0.1"], trusted=Origin("a.example", 8080))


def test_even_a_trusted_origin_may_not_be_the_metadata_service() -> None:
    with pytest.raises(FetchError, match="private address"):
        check("http://a.example/", ["169.254.169.254"], trusted=Origin("a.example", 80))


def test_a_name_without_an_address_is_named() -> None:
    with pytest.raises(FetchError, match=r"the name a\.example does not resolve"):
        check("http://a.example/", [])


def test_an_answer_that_is_no_address_is_refused() -> None:
    with pytest.raises(FetchError, match="resolves to no usable address"):
        check("http://a.example/", ["nonsense"])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("ftp://a.example/", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("/relative", "only http and https"),
        ("http://", "only http and https"),
        ("http://u:p@a.example/", "user name or password"),
        ("http://a.example:99999/", "not a usable URL"),
        ("http://a\x00b/", "not a usable URL"),
    ],
)
def test_only_plain_web_addresses_are_asked(text: str, cause: str) -> None:
    with pytest.raises(FetchError, match=cause):
        parse_url(text, asked=ASKED)


def test_an_origin_has_the_default_port_filled_in() -> None:
    assert origin_of(httpx2.URL("https://a.example/")) == Origin("a.example", 443)
    assert origin_of(httpx2.URL("http://a.example:8080/")) == Origin("a.example", 8080)


def test_an_empty_answer_is_a_name_that_does_not_resolve() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        return []

    with pytest.raises(FetchError, match="does not resolve"):
        asyncio.run(
            checked_addresses(
                httpx2.URL("http://a.example/"),
                resolver=resolver,
                trusted=None,
                redirected=False,
                asked=ASKED,
            )
        )


def test_the_system_resolver_gives_addresses() -> None:
    assert "127.0.0.1" in asyncio.run(resolve_name("127.0.0.1", 80))
