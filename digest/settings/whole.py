"""All that can be set, and what must hold between keys of several tables."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import model_validator

from digest.model import FeedSpec
from digest.settings.sections import (
    DatabaseSettings,
    DigestSettings,
    FeedSettings,
    FeedsSettings,
    MailSettings,
    MatchingSettings,
    Section,
    ServiceSettings,
    SmtpSettings,
    WebSettings,
)


class Tables(Section):
    """Every table of the file, each right by itself."""

    service: ServiceSettings = ServiceSettings()
    database: DatabaseSettings = DatabaseSettings()
    mail: MailSettings = MailSettings()
    smtp: SmtpSettings = SmtpSettings()
    digest: DigestSettings = DigestSettings()
    feeds: FeedsSettings = FeedsSettings()
    matching: MatchingSettings = MatchingSettings()
    web: WebSettings = WebSettings()
    feed: tuple[FeedSettings, ...] = ()


class Settings(Tables):
    """Everything an operator can set. Relative paths are relative to the working directory."""

    @model_validator(mode="after")
    def _nothing_clashes(self) -> Self:
        found = [clash.said for clash in clashes(self, [feed.name for feed in self.feed])]
        if found:
            raise ValueError("; ".join(found))
        return self

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL; SQLite in `data_dir` unless set."""
        return self.database.url or f"sqlite:///{self.service.data_dir / 'digest.db'}"

    @property
    def outbox_dir(self) -> Path:
        """Folder of the `outbox` transport."""
        return self.mail.outbox_dir or self.service.data_dir / "outbox"

    @property
    def feed_specs(self) -> tuple[FeedSpec, ...]:
        """The `[[feed]]` tables as values."""
        return tuple(
            FeedSpec(name=feed.name, url=feed.url, kind=feed.kind, tags=feed.tags, cross=feed.cross)
            for feed in self.feed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Keys that cannot hold together, and what to do; the line begins with one of them."""

    keys: frozenset[tuple[str, str]]
    said: str


def clashes(tables: Tables, feed_names: Sequence[str]) -> Iterator[Clash]:
    """Say what cannot hold together, though each key is right by itself."""
    digest = tables.digest
    if digest.retention_days < 3 * digest.eligibility_days:
        yield Clash(
            keys=frozenset({("digest", "retention_days"), ("digest", "eligibility_days")}),
            said=f"digest.retention_days: must be at least three times digest.eligibility_days "
            f"({digest.eligibility_days}), so {3 * digest.eligibility_days} or more",
        )
    for name in sorted({name for name in feed_names if feed_names.count(name) > 1}):
        yield Clash(keys=frozenset(), said=f"feed: the name {name!r} stands twice")
    problem = clear_text_problem(tables.smtp) if tables.mail.transport == "smtp" else None
    if problem:
        smtp = ("host", "security", "username", "allow_clear_text")
        keys = frozenset({("mail", "transport"), *(("smtp", key) for key in smtp)})
        yield Clash(keys=keys, said=problem)


def clear_text_problem(smtp: SmtpSettings) -> str | None:
    """Say what mail, or a password, would cross a network in clear; None when nothing would."""
    if smtp.security != "none":
        return None
    here = is_loopback(smtp.host)
    if smtp.username and not (here and smtp.allow_clear_text):
        return 'smtp.security: "none" would send the password in clear: use "tls" or "starttls"'
    if not here and not smtp.allow_clear_text:
        return (
            f'smtp.security: "none" would send mail in clear to {smtp.host}: '
            'use "tls" or "starttls", or set smtp.allow_clear_text = true'
        )
    return None


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
