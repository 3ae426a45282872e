"""Read an SPF record (RFC 7208). Pure. Whether it names the relay's address is not judged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from digest.delivery.dns.records import Answer, DnsFinding, MailDomains, Unanswered

MAX_LOOKUPS = 10
"""More, and receivers answer `permerror` (RFC 7208 §4.6.4)."""

_NAMING = re.compile(r"[+?~-]?(?:include:|redirect=)(.+)", re.IGNORECASE)
_ASKING = re.compile(r"(include:|exists:|redirect=|(a|mx|ptr)(?=$|[:/]))")


def spf_records(answer: tuple[str, ...]) -> list[str]:
    """Return those TXT records that are SPF."""
    return [text for text in answer if text.lower() == "v=spf1" or _begins(text)]


def names_included(record: str) -> list[str]:
    """Return the domains whose records this one includes or redirects to.

    Those made with macros depend on each mail; they cannot be asked for.
    """
    return [
        found[1].lower().rstrip(".")
        for term in record.split()[1:]
        if (found := _NAMING.fullmatch(term)) and "%" not in found[1]
    ]


def decide_spf(domains: MailDomains, answers: Mapping[str, Answer]) -> DnsFinding:
    """Judge the SPF record of the envelope domain."""
    domain = domains.envelope
    answer = answers[domain]
    if isinstance(answer, Unanswered):
        return DnsFinding(check="SPF", ok=False, detail=f"{domain}: {answer.cause}")
    records = spf_records(answer)
    problem = _problem(records)
    if problem:
        publish = f'{domain}. TXT "v=spf1 {_who(domains.relay)} -all"'
        return DnsFinding(check="SPF", ok=False, detail=f"{domain}: {problem}", publish=publish)
    lookups, missing = _walk(domain, answers, seen=())
    if missing:
        problem = f"includes {missing[0]}, which has no SPF record or gives no answer"
    elif lookups > MAX_LOOKUPS:
        problem = (
            f"needs {lookups} look-ups, {MAX_LOOKUPS} are allowed: "
            "replace some includes by addresses"
        )
    return DnsFinding(check="SPF", ok=not problem, detail=f"{domain}: {problem or records[0]}")


def _problem(records: Sequence[str]) -> str:
    """Say what is wrong with the record itself, "" where nothing is."""
    if not records:
        return "no SPF record: receivers cannot tell whether the relay may send for it"
    if len(records) > 1:
        return f"{len(records)} SPF records; with more than one none counts"
    terms = [term.lower() for term in records[0].split()[1:]]
    if {"all", "+all", "?all"} & set(terms):
        return f"`{records[0]}` lets everybody send for it"
    if not any(term in ("-all", "~all") or term.startswith("redirect=") for term in terms):
        return f"`{records[0]}` does not end in -all or ~all: it forbids nobody"
    return ""


def _walk(
    domain: str, answers: Mapping[str, Answer], *, seen: tuple[str, ...]
) -> tuple[int, list[str]]:
    """Count look-ups over all includes, and name those that lead nowhere."""
    answer = answers.get(domain)
    records = spf_records(answer) if isinstance(answer, tuple) else []
    if len(records) != 1 or domain in seen:
        return 0, [domain]
    terms = [term.lower().lstrip("+-~?") for term in records[0].split()[1:]]
    lookups = sum(_ASKING.match(term) is not None for term in terms)
    missing: list[str] = []
    for name in names_included(records[0]):
        if lookups > MAX_LOOKUPS:
            break
        inner, lost = _walk(name, answers, seen=(*seen, domain))
        lookups += inner
        missing += lost
    return lookups, missing


def _begins(text: str) -> bool:
    return text.lower().startswith("v=spf1 ")


def _who(relay: str) -> str:
    """Say how a record would name the relay."""
    if not relay or relay.startswith("127.") or relay in ("localhost", "::1"):
        return "a mx"
    if ":" in relay:
        return f"ip6:{relay}"
    return f"ip4:{relay}" if relay.replace(".", "").isdigit() else f"a:{relay}"
