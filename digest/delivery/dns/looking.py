"""Ask DNS for all that concerns our mail, and judge it once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from digest.delivery.dns.dkim import decide_dkim, key_name, signing_domains
from digest.delivery.dns.dmarc import decide_alignment, decide_dmarc
from digest.delivery.dns.records import (
    Answer,
    DnsFinding,
    LookupFailedError,
    MailDomains,
    MailRecords,
    Resolver,
    Unanswered,
    domain_and_parents,
    is_public_name,
)
from digest.delivery.dns.spf import MAX_LOOKUPS, decide_spf, names_included, spf_records


def look_at_domains(domains: MailDomains, resolver: Resolver) -> list[DnsFinding]:
    """Ask DNS for SPF, DKIM, DMARC and MX of the domains of our mail, and judge them.

    Args:
        domains: Whom our mail is from.
        resolver: Asked one name after the other; what it cannot answer is a finding.
    """
    private = [name for name in (domains.sender, domains.envelope) if not is_public_name(name)]
    if private:
        return [
            DnsFinding(
                check="domain",
                ok=False,
                detail=f"{private[0]} is no domain of the public DNS: "
                "set mail.from and mail.bounce_domain to domains of yours",
            )
        ]
    records = gather(domains, resolver)
    return [
        decide_spf(domains, records.spf),
        *decide_dkim(domains, records.dmarc, records.dkim),
        decide_dmarc(domains, records.dmarc),
        decide_alignment(domains, records.dmarc),
        decide_mx(domains, records.mx, records.mail_hosts),
    ]


def gather(domains: MailDomains, resolver: Resolver) -> MailRecords:
    """Ask for everything; each answer stands under the name it was asked for."""
    walks = dict.fromkeys(
        (*domain_and_parents(domains.sender), *domain_and_parents(domains.envelope))
    )
    dmarc = {name: _ask(resolver.txt, f"_dmarc.{name}") for name in walks}
    keys = [
        key_name(selector, domain)
        for selector in domains.selectors
        for domain in signing_domains(domains, dmarc)
    ]
    mx = _ask(resolver.mx, domains.envelope)
    hosts = mx if isinstance(mx, tuple) else ()
    return MailRecords(
        spf=_spf(domains.envelope, resolver),
        dmarc=dmarc,
        dkim={name: _ask(resolver.txt, name) for name in keys},
        mx=mx,
        mail_hosts={host: _ask(resolver.addresses, host) for host in hosts if host},
    )


def decide_mx(domains: MailDomains, answer: Answer, mail_hosts: Mapping[str, Answer]) -> DnsFinding:
    """Judge whether bounces can come back to the envelope domain."""
    domain = domains.envelope
    publish = f"{domain}. MX 10 <the host that files its mail in a Maildir>."
    if isinstance(answer, Unanswered):
        return DnsFinding(check="MX", ok=False, detail=f"{domain}: {answer.cause}")
    if not answer:
        detail = f"{domain}: no MX record: bounces cannot come back"
        return DnsFinding(check="MX", ok=False, detail=detail, publish=publish)
    if answer == ("",):
        detail = f"{domain}: a null MX: it takes no mail, so bounces cannot come back"
        return DnsFinding(check="MX", ok=False, detail=detail, publish=publish)
    for host in answer:
        addresses = mail_hosts.get(host, ())
        if isinstance(addresses, Unanswered):
            return DnsFinding(check="MX", ok=False, detail=f"{host}: {addresses.cause}")
        if not addresses:
            detail = f"{domain}: its mail host {host} has no address"
            return DnsFinding(check="MX", ok=False, detail=detail, publish=f"{host}. A <address>")
    return DnsFinding(check="MX", ok=True, detail=f"{domain}: {', '.join(answer)}")


def _spf(domain: str, resolver: Resolver) -> dict[str, Answer]:
    """Ask for an SPF record and what it includes, no further than receivers would go."""
    answers: dict[str, Answer] = {}
    waiting = [domain]
    while waiting and len(answers) <= MAX_LOOKUPS + 1:
        name = waiting.pop(0)
        if name in answers or not is_public_name(name):
            continue
        answers[name] = answer = _ask(resolver.txt, name)
        if isinstance(answer, tuple):
            for record in spf_records(answer):
                waiting += names_included(record)
    return answers


def _ask(question: Callable[[str], tuple[str, ...]], name: str) -> Answer:
    try:
        return question(name)
    except LookupFailedError as exc:
        return Unanswered(cause=exc.cause)
