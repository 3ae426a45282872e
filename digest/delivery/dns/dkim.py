"""Read DKIM keys (RFC 6376, RFC 8301, RFC 8463). Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from digest.delivery.dns.dmarc import first_unanswered, organisation_of, policy_of, tags_of
from digest.delivery.dns.records import (
    Answer,
    DnsFinding,
    MailDomains,
    Unanswered,
    domain_and_parents,
)

_WEAK_BITS = 1024
_ED25519_BYTES = 32


def key_name(selector: str, domain: str) -> str:
    """Return where the key of a selector stands."""
    return f"{selector}._domainkey.{domain}"


def signing_domains(domains: MailDomains, dmarc: Mapping[str, Answer]) -> tuple[str, ...]:
    """Return the domains whose signature goes with From: the very one, or its organisation."""
    found = policy_of(domains.sender, dmarc)
    strict = found is not None and found[1].get("adkim", "r").lower() == "s"
    organisation = organisation_of(domains.sender, dmarc)
    if strict or organisation == domains.sender:
        return (domains.sender,)
    return (domains.sender, organisation)


def decide_dkim(
    domains: MailDomains, dmarc: Mapping[str, Answer], answers: Mapping[str, Answer]
) -> list[DnsFinding]:
    """Judge the key of each selector; without selectors nothing can be known."""
    if not domains.selectors:
        return [
            DnsFinding(
                check="DKIM",
                ok=False,
                detail="cannot be looked up: set mail.dkim_selectors to the selectors that your "
                "relay signs with (the s= of a DKIM-Signature)",
            )
        ]
    at = signing_domains(domains, dmarc)
    found = [_decide_selector(selector, at, answers) for selector in domains.selectors]
    unanswered = first_unanswered(domain_and_parents(domains.sender), dmarc)
    if unanswered is None:
        return found
    # A key may stand at a domain above that only the record not seen would have named.
    name, cause = unanswered
    again = f"_dmarc.{name} could not be looked up ({cause}): try again"
    return [
        one if one.ok or not one.publish else DnsFinding(check=one.check, ok=False, detail=again)
        for one in found
    ]


def _decide_selector(
    selector: str, signing: tuple[str, ...], answers: Mapping[str, Answer]
) -> DnsFinding:
    check = f"DKIM {selector}"
    home = key_name(selector, signing[0])
    publish = f'{home}. TXT "v=DKIM1; k=rsa; p=<the public key of your relay>"'
    for domain in signing:
        name = key_name(selector, domain)
        answer = answers.get(name, ())
        if isinstance(answer, Unanswered):
            return DnsFinding(check=check, ok=False, detail=f"{name}: {answer.cause}")
        keys = [tags for text in answer if "p" in (tags := tags_of(text))]
        if keys:
            problem = _problem(keys)
            if problem:
                return DnsFinding(
                    check=check, ok=False, detail=f"{name}: {problem}", publish=publish
                )
            return DnsFinding(check=check, ok=True, detail=f"{name}: {_describe(keys[0])}")
    return DnsFinding(check=check, ok=False, detail=f"{home}: no key there", publish=publish)


def _problem(keys: list[dict[str, str]]) -> str:
    if len(keys) > 1:
        return "several keys; a selector has one"
    tags = keys[0]
    kind = tags.get("k", "rsa").lower()
    bits = _bits(tags)
    problems = (
        (tags.get("v", "DKIM1") != "DKIM1", f"v={tags.get('v')} is no version of DKIM"),
        (not tags["p"], "the key is revoked (p= is empty)"),
        (
            "y" in tags.get("t", "").split(":"),
            "t=y says that it is a test: receivers treat the mail as unsigned",
        ),
        (kind not in ("rsa", "ed25519"), f"k={kind} is no known sort of key"),
        (bits is None, "p= is no public key"),
        (
            bits is not None and kind == "rsa" and bits < _WEAK_BITS,
            f"an RSA key of {bits} bits is too short: make one of 2048",
        ),
    )
    return next((said for wrong, said in problems if wrong), "")


def _describe(tags: dict[str, str]) -> str:
    kind = tags.get("k", "rsa").lower()
    return kind if kind == "ed25519" else f"RSA, {_bits(tags)} bits"


def _bits(tags: dict[str, str]) -> int | None:
    """Return the length of a public key in bits, None if it is none."""
    try:
        der = base64.b64decode("".join(tags["p"].split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if tags.get("k", "rsa").lower() == "ed25519":
        return 256 if len(der) == _ED25519_BYTES else None
    modulus = _rsa_modulus(der)
    return None if modulus is None else int.from_bytes(modulus, "big").bit_length()


def _rsa_modulus(der: bytes) -> bytes | None:
    """Return the modulus of an RSA key: a SubjectPublicKeyInfo, or the bare key (RFC 8017)."""
    outer = _element(der, 0x30)
    if outer is None:
        return None
    algorithm = _element(outer, 0x30)
    if algorithm is None:
        return _element(outer, 0x02)
    bit_string = _element(outer[_length(outer) :], 0x03)
    key = None if bit_string is None else _element(bit_string[1:], 0x30)
    return None if key is None else _element(key, 0x02)


def _element(der: bytes, tag: int) -> bytes | None:
    """Return the content of the DER element that `der` begins with, None if it is another."""
    if len(der) < 2 or der[0] != tag:
        return None
    head = _head(der)
    return der[head : _length(der)] if 0 < head < _length(der) <= len(der) else None


def _head(der: bytes) -> int:
    return 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)


def _length(der: bytes) -> int:
    head = _head(der)
    inside = der[1] if der[1] < 0x80 else int.from_bytes(der[2:head], "big")
    return head + inside
