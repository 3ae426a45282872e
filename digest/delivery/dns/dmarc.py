"""Read DMARC records (RFC 7489; the walk up the tree is that of its successor). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from digest.delivery.dns.records import (
    Answer,
    DnsFinding,
    MailDomains,
    Unanswered,
    domain_and_parents,
)

Tags = dict[str, str]


def tags_of(record: str) -> Tags:
    """Read `v=DMARC1; p=none` and the like; names and values in their own case, trimmed."""
    tags: Tags = {}
    for piece in record.split(";"):
        name, equals, value = piece.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    return tags


def dmarc_records(answer: Answer) -> list[Tags]:
    """Return those TXT records that are DMARC."""
    if isinstance(answer, Unanswered):
        return []
    return [tags for text in answer if (tags := tags_of(text)).get("v", "").upper() == "DMARC1"]


def organisation_of(domain: str, answers: Mapping[str, Answer]) -> str:
    """Return the organisational domain: the shortest one above that has a DMARC record."""
    found = [one for one in domain_and_parents(domain) if dmarc_records(answers.get(one, ()))]
    return found[-1] if found else domain


def policy_of(domain: str, answers: Mapping[str, Answer]) -> tuple[str, Tags] | None:
    """Return where the DMARC record of a domain stands, and its tags; None without one."""
    for one in domain_and_parents(domain):
        records = dmarc_records(answers.get(one, ()))
        if len(records) == 1:
            return one, records[0]
    return None


def decide_dmarc(domains: MailDomains, answers: Mapping[str, Answer]) -> DnsFinding:
    """Judge the DMARC record of the sender's domain."""
    domain = domains.sender
    reports = f"; rua=mailto:{domains.reports_to}" if domains.reports_to else ""
    publish = f'_dmarc.{domain}. TXT "v=DMARC1; p=none{reports}"'

    def wrong(detail: str, mend: str = publish) -> DnsFinding:
        return DnsFinding(check="DMARC", ok=False, detail=f"{domain}: {detail}", publish=mend)

    for one in domain_and_parents(domain):
        answer = answers.get(one, ())
        if isinstance(answer, Unanswered):
            return wrong(f"_dmarc.{one} could not be looked up ({answer.cause}): try again", "")
        if len(dmarc_records(answer)) > 1:
            return wrong(f"_dmarc.{one} has several DMARC records; then none counts")
    found = policy_of(domain, answers)
    if found is None:
        return wrong("no DMARC record: large providers refuse bulk mail without one")
    where, tags = found
    policy = tags.get("p", "") if where == domain else tags.get("sp", tags.get("p", ""))
    if policy.lower() not in ("none", "quarantine", "reject"):
        return wrong(f"_dmarc.{where} has no policy of none, quarantine or reject")
    return DnsFinding(check="DMARC", ok=True, detail=f"{domain}: policy {policy} at _dmarc.{where}")


def decide_alignment(domains: MailDomains, answers: Mapping[str, Answer]) -> DnsFinding:
    """Judge whether SPF speaks for the domain that readers see in From."""
    sender, envelope = domains.sender, domains.envelope
    asked = (*domain_and_parents(sender), *domain_and_parents(envelope))
    unanswered = first_unanswered(asked, answers)
    if sender != envelope and unanswered is not None:
        name, cause = unanswered
        return DnsFinding(
            check="alignment",
            ok=False,
            detail=f"_dmarc.{name} could not be looked up ({cause}): try again",
        )
    found = policy_of(sender, answers)
    strict = found is not None and found[1].get("aspf", "r").lower() == "s"
    aligned = sender == envelope or (
        not strict and organisation_of(sender, answers) == organisation_of(envelope, answers)
    )
    if aligned:
        detail = f"the envelope is from {envelope}, which goes with {sender}"
        return DnsFinding(check="alignment", ok=True, detail=detail)
    why = "aspf=s asks for the very same domain" if strict else "they share no DMARC record"
    return DnsFinding(
        check="alignment",
        ok=False,
        detail=f"the envelope is from {envelope}, From from {sender}: {why}; "
        f"set mail.bounce_domain to {sender} or a domain below it",
    )


def first_unanswered(names: Iterable[str], answers: Mapping[str, Answer]) -> tuple[str, str] | None:
    """Name a domain whose DMARC look-up DNS did not answer, and why; None where it did."""
    for name in names:
        answer = answers.get(name, ())
        if isinstance(answer, Unanswered):
            return name, answer.cause
    return None
