"""The resolver against a real DNS server on loopback, and the fake beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from digest.delivery.dns.records import LookupFailedError, Resolver
from digest.delivery.dns.resolver import DnsResolver
from digest.errors import ConfigError
from tests.support.dns_server import BROKEN, SILENT, FakeResolver, Zone, serve_zone

ZONE: Zone = {
    ("example.org", "TXT"): ('"v=spf1 mx" " -all"', '"other"'),
    ("example.org", "MX"): ("20 b.example.org.", "10 A.example.org."),
    ("null.example.org", "MX"): ("0 .",),
    ("a.example.org", "A"): ("192.0.2.1", "192.0.2.2"),
    ("a.example.org", "AAAA"): ("2001:db8::1",),
    ("silent.example.org", "TXT"): SILENT,
    ("broken.example.org", "TXT"): BROKEN,
}


@pytest.fixture(params=["fake", "real"])
def resolver(request: pytest.FixtureRequest) -> Resolver:
    if request.param == "fake":
        return FakeResolver(ZONE)
    return DnsResolver(["127.0.0.1"], port=request.getfixturevalue("port"), timeout_s=0.5)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serve_zone(ZONE) as served:
        yield served


def test_strings_of_one_record_are_joined(resolver: Resolver) -> None:
    assert sorted(resolver.txt("example.org")) == ["other", "v=spf1 mx -all"]


def test_mail_hosts_come_best_first(resolver: Resolver) -> None:
    assert resolver.mx("example.org") == ("a.example.org", "b.example.org")


def test_a_null_mx_is_an_empty_name(resolver: Resolver) -> None:
    assert resolver.mx("null.example.org") == ("",)


def test_addresses_are_of_both_families(resolver: Resolver) -> None:
    assert sorted(resolver.addresses("a.example.org")) == [
        "192.0.2.1",
        "192.0.2.2",
        "2001:db8::1",
    ]


def test_a_name_that_is_not_there_and_one_without_such_records_have_none(
    resolver: Resolver,
) -> None:
    assert resolver.txt("nobody.example.org") == ()
    assert resolver.txt("a.example.org") == ()


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("silent.example.org", "no answer within 0.5 s"),
        ("broken.example.org", "no usable answer (NoNameservers)"),
    ],
)
def test_no_answer_is_told_and_not_taken_for_none(
    resolver: Resolver, name: str, cause: str
) -> None:
    with pytest.raises(LookupFailedError) as caught:
        resolver.txt(name)

    assert caught.value.cause == cause


def test_a_name_that_cannot_be_asked_for_is_told() -> None:
    with pytest.raises(LookupFailedError, match="no usable answer"):
        DnsResolver(["127.0.0.1"], port=9).txt("a" * 70 + ".example.org")


def test_what_is_no_nameserver_is_a_problem_of_configuration() -> None:
    with pytest.raises(ConfigError, match="nameserver"):
        DnsResolver(["not an address"])
