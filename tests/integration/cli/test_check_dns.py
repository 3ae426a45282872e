"""`digest check --dns` against a DNS server on loopback."""

from __future__ import annotations

import base64

import pytest

from tests.support.command_line import CommandLine
from tests.support.dns_server import Zone, serve_zone

KEY = base64.b64encode(bytes(32)).decode()
ZONE: Zone = {
    ("example.org", "TXT"): ('"v=spf1 mx -all"',),
    ("example.org", "MX"): ("10 mx.example.org.",),
    ("mx.example.org", "A"): ("192.0.2.1",),
    ("_dmarc.example.org", "TXT"): ('"v=DMARC1; p=none"',),
    ("s1._domainkey.example.org", "TXT"): (f'"k=ed25519; p={KEY}"',),
}


@pytest.fixture
def from_example_org(digest: CommandLine) -> CommandLine:
    digest.configure('[mail]\nfrom = "Papers <digest@example.org>"\ndkim_selectors = ["s1"]\n')
    return digest


def test_a_domain_that_is_set_up_well_passes(from_example_org: CommandLine) -> None:
    with serve_zone(ZONE) as port:
        said = from_example_org("check", "--dns", "--nameserver", f"127.0.0.1:{port}", "--json")

    assert said.code == 0
    assert said.document["ok"] is True
    assert said.document["publish"] == []
    assert [one["check"] for one in said.document["checks"]][-5:] == [
        "SPF",
        "DKIM s1",
        "DMARC",
        "alignment",
        "MX",
    ]


def test_what_is_missing_is_said_with_what_to_publish(from_example_org: CommandLine) -> None:
    missing = {key: value for key, value in ZONE.items() if key[0] != "_dmarc.example.org"}

    with serve_zone(missing) as port:
        said = from_example_org("check", "--dns", "--nameserver", f"127.0.0.1:{port}")

    assert said.code == 1
    assert said.causes == [
        "digest: DMARC: example.org: no DMARC record: large providers refuse bulk mail without one"
    ]
    assert said.out.splitlines()[-2:] == [
        "to publish:",
        '_dmarc.example.org. TXT "v=DMARC1; p=none"',
    ]


def test_without_configuration_the_domain_is_told_to_be_private(digest: CommandLine) -> None:
    said = digest("check", "--dns", "--nameserver", "127.0.0.1:9", "--json")

    assert said.code == 1
    assert said.document["checks"][-1] == {
        "check": "domain",
        "ok": False,
        "detail": "localhost is no domain of the public DNS: "
        "set mail.from and mail.bounce_domain to domains of yours",
        "warns": False,
    }


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("--nameserver", "127.0.0.1"), "digest: --nameserver: only with --dns"),
        (("--dns", "--nameserver", "ns1"), "digest: --nameserver: ns1 is not an IP address"),
        (("--dns", "--nameserver", "127.0.0.1:x"), "digest: --nameserver: x is not a port"),
    ],
)
def test_a_nameserver_that_is_none_is_wrong_usage(
    digest: CommandLine, words: tuple[str, ...], cause: str
) -> None:
    said = digest("check", *words)

    assert (said.code, said.causes) == (2, [cause])


def test_a_plain_check_asks_no_dns(
    from_example_org: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dns.resolver

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("asked DNS")

    monkeypatch.setattr(dns.resolver.Resolver, "resolve", refuse)

    assert from_example_org("check").code == 0
