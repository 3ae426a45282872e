"""What DNS records mean for our mail, over a zone in memory."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.dns.dkim import decide_dkim
from digest.delivery.dns.looking import look_at_domains
from digest.delivery.dns.records import DnsFinding, MailDomains, domain_and_parents
from tests.support.dns_server import BROKEN, SILENT, FakeResolver, Zone


def rsa_key(bits: int) -> str:
    """An RSA public key of so many bits: its form is right, its number is not a product."""

    def element(tag: int, content: bytes) -> bytes:
        size = len(content)
        if size < 0x80:
            return bytes([tag, size]) + content
        length = size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes([tag, 0x80 | len(length)]) + length + content

    modulus = element(0x02, b"\x00" + ((1 << bits) - 1).to_bytes(bits // 8, "big"))
    key = element(0x30, modulus + element(0x02, b"\x01\x00\x01"))
    oid = bytes.fromhex("06092a864886f70d0101010500")
    return base64.b64encode(
        element(0x30, element(0x30, oid) + element(0x03, b"\x00" + key))
    ).decode()


DOMAINS = MailDomains(
    sender="papers.example.org",
    envelope="bounces.papers.example.org",
    selectors=("s1",),
    relay="smtp.relay.example",
    reports_to="ops@example.org",
)
GOOD: Zone = {
    ("bounces.papers.example.org", "TXT"): ("v=spf1 include:spf.relay.example -all", "other"),
    ("spf.relay.example", "TXT"): ("v=spf1 ip4:192.0.2.0/24 ~all",),
    ("s1._domainkey.papers.example.org", "TXT"): (f"v=DKIM1; k=rsa; p={rsa_key(2048)}",),
    ("_dmarc.example.org", "TXT"): ("v=DMARC1; p=reject; sp=quarantine; rua=mailto:a@b.example",),
    ("bounces.papers.example.org", "MX"): ("20 mx2.example.org.", "10 mx.example.org."),
    ("mx.example.org", "A"): ("192.0.2.1",),
    ("mx2.example.org", "AAAA"): ("2001:db8::1",),
}


def look(changes: Zone, domains: MailDomains = DOMAINS) -> dict[str, DnsFinding]:
    return {one.check: one for one in look_at_domains(domains, FakeResolver({**GOOD, **changes}))}


def test_a_domain_that_is_set_up_well_is_said_to_be() -> None:
    found = look({})

    assert {check: one.detail for check, one in found.items()} == {
        "SPF": "bounces.papers.example.org: v=spf1 include:spf.relay.example -all",
        "DKIM s1": "s1._domainkey.papers.example.org: RSA, 2048 bits",
        "DMARC": "papers.example.org: policy quarantine at _dmarc.example.org",
        "alignment": "the envelope is from bounces.papers.example.org, "
        "which goes with papers.example.org",
        "MX": "bounces.papers.example.org: mx.example.org, mx2.example.org",
    }
    assert all(one.ok for one in found.values())


SPF = ("bounces.papers.example.org", "TXT")
NO_SPF = (
    "bounces.papers.example.org: no SPF record: receivers cannot tell whether the relay may "
    "send for it"
)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ((), NO_SPF),
        (("v=spf10 -all",), NO_SPF),
        (
            ("v=spf1 -all", "v=spf1 mx -all"),
            "bounces.papers.example.org: 2 SPF records; with more than one none counts",
        ),
        (
            ("v=spf1 +all",),
            "bounces.papers.example.org: `v=spf1 +all` lets everybody send for it",
        ),
        (
            ("v=spf1 a mx",),
            (
                "bounces.papers.example.org: `v=spf1 a mx` does not end in -all or ~all: "
                "it forbids nobody"
            ),
        ),
        (
            ("v=spf1 include:gone.example -all",),
            (
                "bounces.papers.example.org: includes gone.example, which has no SPF record "
                "or gives no answer"
            ),
        ),
        (
            ("v=spf1 a mx a:a.b a:b.c a:c.d a:d.e a:e.f a:f.g a:g.h exists:h.i ptr -all",),
            (
                "bounces.papers.example.org: needs 11 look-ups, 10 are allowed: replace some "
                "includes by addresses"
            ),
        ),
        (SILENT, "bounces.papers.example.org: no answer within 0.5 s"),
        (BROKEN, "bounces.papers.example.org: no usable answer (NoNameservers)"),
    ],
)
def test_an_spf_record_that_does_not_do_is_told(answer: tuple[str, ...], detail: str) -> None:
    found = look({SPF: answer})["SPF"]

    assert (found.ok, found.detail) == (False, detail)


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 a mx -all",
        "V=SPF1 IP4:192.0.2.1 ~ALL",
        "v=spf1 redirect=spf.relay.example",
        "v=spf1 include:%{i}._spf.relay.example include:spf.relay.example -all",
    ],
)
def test_an_spf_record_that_does_is_fine(record: str) -> None:
    assert look({SPF: (record,)})["SPF"].ok is True


def test_records_that_include_each_other_end() -> None:
    found = look({SPF: ("v=spf1 include:bounces.papers.example.org -all",)})["SPF"]

    assert found.ok is False


@pytest.mark.parametrize(
    ("relay", "who"),
    [
        ("smtp.relay.example", "a:smtp.relay.example"),
        ("192.0.2.25", "ip4:192.0.2.25"),
        ("2001:db8::25", "ip6:2001:db8::25"),
        ("127.0.0.1", "a mx"),
    ],
)
def test_what_to_publish_names_the_relay(relay: str, who: str) -> None:
    domains = MailDomains(sender="example.org", envelope="example.org", selectors=(), relay=relay)

    found = {one.check: one for one in look_at_domains(domains, FakeResolver({}))}

    assert found["SPF"].publish == f'example.org. TXT "v=spf1 {who} -all"'


KEY = ("s1._domainkey.papers.example.org", "TXT")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((), "no key there"),
        (("v=DKIM1; p=",), "the key is revoked (p= is empty)"),
        (("v=DKIM1; p=!!!",), "p= is no public key"),
        (("v=DKIM1; p=AAAA",), "p= is no public key"),
        (
            (f"v=DKIM1; p={rsa_key(512)}",),
            "an RSA key of 512 bits is too short: make one of 2048",
        ),
        (
            (f"v=DKIM1; t=y; p={rsa_key(2048)}",),
            "t=y says that it is a test: receivers treat the mail as unsigned",
        ),
        (("v=DKIM2; p=AAAA",), "v=DKIM2 is no version of DKIM"),
        (("k=ed25519; p=AAAA",), "p= is no public key"),
        (("p=AAAA", "p=BBBB"), "several keys; a selector has one"),
        (SILENT, "no answer within 0.5 s"),
    ],
)
def test_a_dkim_key_that_does_not_do_is_told(answer: tuple[str, ...], problem: str) -> None:
    found = look({KEY: answer})["DKIM s1"]

    assert (found.ok, found.detail) == (False, f"s1._domainkey.papers.example.org: {problem}")


def test_an_ed25519_key_is_fine() -> None:
    key = base64.b64encode(bytes(32)).decode()

    found = look({KEY: (f"v=DKIM1; k=ed25519; p={key}",)})["DKIM s1"]

    assert (found.ok, found.detail) == (True, "s1._domainkey.papers.example.org: ed25519")


def test_a_key_of_the_organisation_is_aligned_unless_dmarc_is_strict() -> None:
    moved: Zone = {KEY: (), ("s1._domainkey.example.org", "TXT"): (f"p={rsa_key(2048)}",)}
    strict: Zone = {("_dmarc.example.org", "TXT"): ("v=DMARC1; p=reject; adkim=s",)}

    assert look(moved)["DKIM s1"].ok is True
    assert look({**moved, **strict})["DKIM s1"].ok is False


def test_without_selectors_the_operator_is_told_to_set_them() -> None:
    domains = MailDomains(sender="example.org", envelope="example.org", selectors=())

    (found,) = decide_dkim(domains, {}, {})

    assert found.ok is False
    assert "set mail.dkim_selectors" in found.detail


@given(st.text(max_size=60), st.binary(max_size=80))
def test_any_key_record_is_judged(text: str, der: bytes) -> None:
    records = (text, f"p={base64.b64encode(b'0' + der).decode()}")

    for record in records:
        assert look({KEY: (record,)})["DKIM s1"].detail.startswith("s1._domainkey.")


DMARC = ("_dmarc.papers.example.org", "TXT")
NO_DMARC: Zone = {("_dmarc.example.org", "TXT"): ()}


@pytest.mark.parametrize(
    ("answer", "ok", "detail"),
    [
        ((), False, "no DMARC record: large providers refuse bulk mail without one"),
        (("v=DMARC1; p=none",), True, "policy none at _dmarc.papers.example.org"),
        (("v=DMARC1;p=reject;",), True, "policy reject at _dmarc.papers.example.org"),
        (
            ("v=DMARC1; rua=mailto:a@b.example",),
            False,
            "_dmarc.papers.example.org has no policy of none, quarantine or reject",
        ),
        (
            ("v=DMARC1; p=none", "v=DMARC1; p=reject"),
            False,
            "_dmarc.papers.example.org has several DMARC records; then none counts",
        ),
        (
            SILENT,
            False,
            "_dmarc.papers.example.org could not be looked up (no answer within 0.5 s): try again",
        ),
    ],
)
def test_dmarc_is_judged_where_it_stands(answer: tuple[str, ...], *, ok: bool, detail: str) -> None:
    found = look({**NO_DMARC, DMARC: answer})["DMARC"]

    assert (found.ok, found.detail) == (ok, f"papers.example.org: {detail}")


def test_a_missing_dmarc_record_is_spelled_out_with_the_operators_address() -> None:
    found = look({**NO_DMARC})["DMARC"]

    assert found.publish == (
        '_dmarc.papers.example.org. TXT "v=DMARC1; p=none; rua=mailto:ops@example.org"'
    )


@pytest.mark.parametrize(
    ("sender", "envelope", "policy", "aligned"),
    [
        ("example.org", "example.org", "v=DMARC1; p=none; aspf=s", True),
        ("example.org", "bounces.example.org", "v=DMARC1; p=none", True),
        ("example.org", "bounces.example.org", "v=DMARC1; p=none; aspf=s", False),
        ("papers.example.org", "bounces.example.org", "v=DMARC1; p=none", True),
        ("example.org", "example.net", "v=DMARC1; p=none", False),
    ],
)
def test_the_envelope_goes_with_from_where_dmarc_says_so(
    sender: str, envelope: str, policy: str, *, aligned: bool
) -> None:
    domains = MailDomains(sender=sender, envelope=envelope, selectors=())
    zone: Zone = {("_dmarc.example.org", "TXT"): (policy,)}

    found = {one.check: one for one in look_at_domains(domains, FakeResolver(zone))}

    assert found["alignment"].ok is aligned


MX = ("bounces.papers.example.org", "MX")


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({MX: ()}, "bounces.papers.example.org: no MX record: bounces cannot come back"),
        (
            {MX: ("0 .",)},
            "bounces.papers.example.org: a null MX: it takes no mail, so bounces cannot come back",
        ),
        (
            {("mx.example.org", "A"): ()},
            "bounces.papers.example.org: its mail host mx.example.org has no address",
        ),
        ({("mx.example.org", "A"): SILENT}, "mx.example.org: no answer within 0.5 s"),
        ({MX: BROKEN}, "bounces.papers.example.org: no usable answer (NoNameservers)"),
    ],
)
def test_a_domain_to_which_bounces_cannot_come_is_told(changes: Zone, detail: str) -> None:
    found = look(changes)["MX"]

    assert (found.ok, found.detail) == (False, detail)


@pytest.mark.parametrize("domain", ["localhost", "192.0.2.1", "printer.local", "x.localhost"])
def test_a_private_domain_is_told_and_nobody_is_asked(domain: str) -> None:
    resolver = FakeResolver({})

    (found,) = look_at_domains(
        MailDomains(sender=domain, envelope=domain, selectors=("s1",)), resolver
    )

    assert found.ok is False
    assert resolver.asked == []


def test_the_walk_up_the_tree_is_bounded() -> None:
    assert domain_and_parents("a.b.example.org") == (
        "a.b.example.org",
        "b.example.org",
        "example.org",
    )
    assert len(domain_and_parents(".".join("abcdefghijklmnop"))) == 8


@pytest.mark.parametrize("name", ["_dmarc.example.org", "_dmarc.bounces.papers.example.org"])
def test_a_dmarc_record_that_dns_does_not_answer_for_is_not_taken_for_none(name: str) -> None:
    found = look({(name, "TXT"): SILENT})["alignment"]

    assert (found.ok, found.detail, found.publish) == (
        False,
        f"{name} could not be looked up (no answer within 0.5 s): try again",
        "",
    )


def test_an_envelope_of_the_very_same_domain_needs_no_dmarc_record() -> None:
    domains = MailDomains(
        sender="papers.example.org", envelope="papers.example.org", selectors=("s1",)
    )

    assert look({("_dmarc.example.org", "TXT"): SILENT}, domains)["alignment"].ok


def test_a_dkim_key_is_not_missed_where_the_organisation_could_not_be_looked_up() -> None:
    found = look({("_dmarc.example.org", "TXT"): SILENT, KEY: ()})["DKIM s1"]

    assert (found.ok, found.detail, found.publish) == (
        False,
        "_dmarc.example.org could not be looked up (no answer within 0.5 s): try again",
        "",
    )
