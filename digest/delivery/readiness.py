"""Whether what mails say of us would hold once a relay sends them to people. Pure."""

from __future__ import annotations

from email.utils import parseaddr
from urllib.parse import urlsplit

from digest.delivery.dns.records import is_public_name
from digest.settings import Settings, is_loopback

_CATCHER_PORT = 1025
"""Where mail catchers listen by custom; none listens for anything else."""


def stays_here(settings: Settings) -> str:
    """Say why no mail reaches people ("" where it does): an outbox, this machine, a catcher."""
    smtp = settings.smtp
    if settings.mail.transport == "outbox":
        return "mail stays in the outbox"
    if is_loopback(smtp.host):
        return f"the relay {smtp.host} is this machine"
    if smtp.port == _CATCHER_PORT and "." not in smtp.host:
        return f"the relay {smtp.host}:{smtp.port} is a mail catcher"
    return ""


def address_problems(settings: Settings) -> list[str]:
    """Say what readers could not follow, or receivers would not believe; each with its key."""
    site = urlsplit(settings.service.base_url)
    host = site.hostname or ""
    sender = parseaddr(settings.mail.from_)[1].rpartition("@")[2]
    problems = []
    if is_loopback(host) or host.endswith(".localhost"):
        problems.append(
            f"service.base_url: {settings.service.base_url} leads to the reader's own machine: "
            "set it to where the site is reached, such as https://papers.example.org"
        )
    elif site.scheme != "https":
        problems.append(
            f"service.base_url: {settings.service.base_url} is not https, and providers "
            "unsubscribe by https alone: serve the site over TLS, and set it to its https address"
        )
    if not is_public_name(settings.mail.list_id):
        problems.append(
            f"mail.list_id: {settings.mail.list_id} is nobody's: set it once to a name below a "
            "domain of yours, such as daily-papers.example.org; people filter by it"
        )
    if not is_public_name(sender):
        problems.append(
            f"mail.from: {sender} is no domain that a reader could answer to: "
            'set it to an address of yours, such as "Daily papers <digest@example.org>"'
        )
    return problems
