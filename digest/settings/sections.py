"""The tables of the configuration, each with what holds for its keys alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from digest.model import FeedKind

_KEY_LENGTH = 32
_DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql+psycopg"})
_ADDRESS = r"[^\s<>@,;:\"()]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"{_ADDRESS}|[^<>@\x00-\x1f\x7f]*<{_ADDRESS}>")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_FEED_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


class Section(BaseModel):
    """A table of the file: frozen, and nothing in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServiceSettings(Section):
    """Who we are and where we keep things."""

    base_url: str = "http://127.0.0.1:8000"
    secret_key: str = ""
    secret_keys_old: tuple[str, ...] = ()
    data_dir: Path = Path("var")
    operator_email: str = ""
    name: str = "Daily papers"

    @field_validator("operator_email")
    @classmethod
    def _reachable(cls, value: str) -> str:
        if value and not re.fullmatch(_ADDRESS, value):
            raise ValueError("must be an address, such as you@example.org")
        return value

    @field_validator("base_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                "must be an absolute http or https URL, such as https://papers.example.org"
            )
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if value and len(value) < _KEY_LENGTH:
            raise ValueError(f"must have {_KEY_LENGTH} characters or more")
        return value

    @field_validator("secret_keys_old", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        return tuple(re.split(r"[;\s]+", value.strip("; \n"))) if isinstance(value, str) else value

    @field_validator("secret_keys_old")
    @classmethod
    def _all_long_enough(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        kept = tuple(key for key in value if key)
        if any(len(key) < _KEY_LENGTH for key in kept):
            raise ValueError(f"each must have {_KEY_LENGTH} characters or more")
        return kept


class DatabaseSettings(Section):
    """Where the store is."""

    url: str = ""

    @field_validator("url")
    @classmethod
    def _readable(cls, value: str) -> str:
        if not value:
            return value
        try:
            driver = make_url(value).drivername
        except (ArgumentError, ValueError):
            # The value may hold a password: it is not repeated, nor chained.
            raise ValueError("is not a database URL, such as sqlite:///var/digest.db") from None
        if driver not in _DRIVERS:
            raise ValueError(
                f"{driver} is not supported; use sqlite:///PATH or "
                "postgresql+psycopg://USER:PASSWORD@HOST/NAME"
            )
        return value


class MailSettings(Section):
    """Who the mail is from, and how it leaves."""

    from_: str = Field(default="Daily papers <digest@localhost>", alias="from")
    reply_to: str = ""
    list_id: str = "daily-papers.localhost"
    transport: Literal["outbox", "smtp"] = "outbox"
    outbox_dir: Path | None = None
    bounce_domain: str = ""
    dkim_selectors: tuple[str, ...] = ()
    """What the relay signs with: only `digest check --dns` asks for it."""

    @field_validator("dkim_selectors", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        return tuple(re.split(r"[;,\s]+", value.strip())) if isinstance(value, str) else value

    @field_validator("dkim_selectors")
    @classmethod
    def _dns_labels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        kept = tuple(selector for selector in value if selector)
        if not all(_DOMAIN.fullmatch(selector) for selector in kept):
            raise ValueError("each must be a selector, such as the s= of a DKIM-Signature")
        return kept

    @field_validator("from_", "reply_to")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if value and not _MAILBOX.fullmatch(value):
            raise ValueError('must be one address, such as "Daily papers <digest@example.org>"')
        return value

    @field_validator("from_")
    @classmethod
    def _somebody_sends(cls, value: str) -> str:
        if not value:
            raise ValueError('must be an address, such as "Daily papers <digest@example.org>"')
        return value

    @field_validator("list_id")
    @classmethod
    def _a_list_has_a_name(cls, value: str) -> str:
        if not value:
            raise ValueError("must be a domain name that stays the same for ever")
        return value

    @field_validator("list_id", "bounce_domain")
    @classmethod
    def _domain_name(cls, value: str) -> str:
        if value and not _DOMAIN.fullmatch(value):
            raise ValueError("must be a domain name, such as papers.example.org")
        return value


class SmtpSettings(Section):
    """The relay."""

    host: str = "127.0.0.1"
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "starttls"
    username: str = ""
    password: str = ""
    connections: int = Field(default=4, ge=1, le=50)
    messages_per_connection: int = Field(default=100, ge=1)
    rate_per_second: float = Field(default=0.0, ge=0)
    per_domain_connections: int = Field(default=0, ge=0)
    per_domain_per_minute: float = Field(default=0.0, ge=0)
    allow_clear_text: bool = False
    """Lets `security = "none"` reach another host, or log in on this one; never both."""


class DigestSettings(Section):
    """What digests are like unless a subscriber says otherwise."""

    eligibility_days: int = Field(default=14, ge=1, le=120)
    retention_days: int = Field(default=90, ge=3)
    max_papers: int = Field(default=20, ge=1, le=100)
    default_hour: int = Field(default=8, ge=0, le=23)
    unknown_policy: Literal["hold", "resend"] = "hold"


class FeedsSettings(Section):
    """Manners and guards of fetching."""

    user_agent: str = ""
    timeout_s: float = Field(default=30.0, gt=0, le=300)
    max_bytes: int = Field(default=5_000_000, ge=10_000)
    max_entries: int = Field(default=2000, ge=1)
    interval_s: int = Field(default=3600, ge=60)
    allow_private_addresses: bool = False


class MatchingSettings(Section):
    """What matching knows besides the saved queries."""

    topics_file: Path | None = None
    synonyms_file: Path | None = None


class WebSettings(Section):
    """Where the site listens."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    signups_per_network: int = Field(default=20, ge=1)
    signups_per_hour: int = Field(default=1000, ge=1)
    previews_per_minute: int = Field(default=120, ge=1)


class FeedSettings(Section):
    """One `[[feed]]`."""

    name: str
    url: str
    kind: FeedKind = FeedKind.AUTO
    tags: tuple[str, ...] = ()
    cross: bool = True
    """Whether the cross-lists of an arXiv feed come in."""

    @field_validator("name")
    @classmethod
    def _short_name(cls, value: str) -> str:
        if not _FEED_NAME.match(value):
            raise ValueError("must be 1 to 64 letters, digits, dots, hyphens or underscores")
        return value

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https URL")
        return value
