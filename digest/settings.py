"""One frozen Settings, read once, given to the composition root and to nobody else.

A TOML file (`--config`, `DIGEST_CONFIG`, else `config/digest.toml`), overridden by the
environment: `DIGEST_<SECTION>__<KEY>`. Secrets may also be named as `…_FILE`. Unknown
keys are errors, and all problems are told at once, each with its key.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from digest.errors import ConfigError
from digest.model import FeedKind, FeedSpec
from digest.resources import resource_dir

_SECRETS = (
    ("service", "secret_key"),
    ("service", "secret_keys_old"),
    ("smtp", "password"),
    ("database", "url"),
)
_ENV_PREFIX = "DIGEST_"
_KEY_LENGTH = 32
_ADDRESS = r"[^\s<>@,;:\"()]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"{_ADDRESS}|[^<>@\x00-\x1f\x7f]*<{_ADDRESS}>")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_FEED_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServiceSettings(_Section):
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


class DatabaseSettings(_Section):
    """Where the store is."""

    url: str = ""

    @field_validator("url")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            if value:
                make_url(value)
        except (ArgumentError, ValueError):
            # The value may hold a password: it is not repeated, nor chained.
            raise ValueError("is not a database URL, such as sqlite:///var/digest.db") from None
        return value


class MailSettings(_Section):
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

    @field_validator("list_id", "bounce_domain")
    @classmethod
    def _domain_name(cls, value: str) -> str:
        if value and not _DOMAIN.fullmatch(value):
            raise ValueError("must be a domain name, such as papers.example.org")
        return value

    @model_validator(mode="after")
    def _somebody_sends(self) -> Self:
        if not self.from_:
            raise ValueError("from must be an address")
        if not self.list_id:
            raise ValueError("list_id must be a domain name that stays the same for ever")
        return self


class SmtpSettings(_Section):
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


class DigestSettings(_Section):
    """What digests are like unless a subscriber says otherwise."""

    eligibility_days: int = Field(default=14, ge=1, le=120)
    retention_days: int = Field(default=90, ge=3)
    max_papers: int = Field(default=20, ge=1, le=100)
    default_hour: int = Field(default=8, ge=0, le=23)
    unknown_policy: Literal["hold", "resend"] = "hold"

    @model_validator(mode="after")
    def _retention_covers_eligibility(self) -> Self:
        if self.retention_days < 3 * self.eligibility_days:
            raise ValueError("retention_days must be at least three times eligibility_days")
        return self


class FeedsSettings(_Section):
    """Manners and guards of fetching."""

    user_agent: str = ""
    timeout_s: float = Field(default=30.0, gt=0, le=300)
    max_bytes: int = Field(default=5_000_000, ge=10_000)
    max_entries: int = Field(default=2000, ge=1)
    interval_s: int = Field(default=3600, ge=60)
    allow_private_addresses: bool = False


class MatchingSettings(_Section):
    """What matching knows besides the saved queries."""

    topics_file: Path | None = None
    synonyms_file: Path | None = None


class WebSettings(_Section):
    """Where the site listens."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    signups_per_network: int = Field(default=20, ge=1)
    signups_per_hour: int = Field(default=1000, ge=1)


class FeedSettings(_Section):
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


class Settings(_Section):
    """Everything an operator can set. Relative paths are relative to the working directory."""

    service: ServiceSettings = ServiceSettings()
    database: DatabaseSettings = DatabaseSettings()
    mail: MailSettings = MailSettings()
    smtp: SmtpSettings = SmtpSettings()
    digest: DigestSettings = DigestSettings()
    feeds: FeedsSettings = FeedsSettings()
    matching: MatchingSettings = MatchingSettings()
    web: WebSettings = WebSettings()
    feed: tuple[FeedSettings, ...] = ()

    @model_validator(mode="after")
    def _one_name_one_feed(self) -> Self:
        names = [feed.name for feed in self.feed]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"feed: the name {twice[0]!r} stands twice")
        return self

    @model_validator(mode="after")
    def _mail_leaves_safely(self) -> Self:
        problem = clear_text_problem(self.smtp) if self.mail.transport == "smtp" else None
        if problem:
            raise ValueError(problem)
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


def clear_text_problem(smtp: SmtpSettings) -> str | None:
    """Say what mail, or a password, would cross a network in clear; None when nothing would."""
    if smtp.security != "none":
        return None
    here = _is_loopback(smtp.host)
    if smtp.username and not (here and smtp.allow_clear_text):
        return 'smtp.security: "none" would send the password in clear: use "tls" or "starttls"'
    if not here and not smtp.allow_clear_text:
        return (
            f'smtp.security: "none" would send mail in clear to {smtp.host}: '
            'use "tls" or "starttls", or set smtp.allow_clear_text = true'
        )
    return None


def load_settings(config: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the configuration.

    Args:
        config: File named by `--config`, or None for `DIGEST_CONFIG`, then
            `config/digest.toml` of the working directory, then the bundled one.
        environ: The environment.

    Raises:
        ConfigError: With all problems at once, each with its key.
    """
    path = config or _default_file(environ)
    data = _read_toml(path)
    problems: list[str] = []
    _apply_environment(data, environ, problems)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(data)
    except ValidationError as exc:
        problems.extend(_plain(error, path) for error in exc.errors())
    if problems or settings is None:
        raise ConfigError(problems)
    return settings


def ensure_secret_key(settings: Settings) -> str:
    """Return the secret key, making one in `data_dir` the first time none is set.

    Raises:
        ConfigError: If the key file cannot be read or written.
    """
    if settings.service.secret_key:
        return settings.service.secret_key
    path = settings.service.data_dir / "secret_key"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.touch(mode=0o600)
            temporary.write_text(secrets.token_urlsafe(48) + "\n", encoding="ascii")
            try:
                os.link(temporary, path)  # fails where another process was first
            except FileExistsError:
                return path.read_text(encoding="ascii").strip()
            finally:
                temporary.unlink()
        key = path.read_text(encoding="ascii").strip()
    except OSError as exc:
        raise ConfigError([f"service.secret_key: {path} cannot be used: {exc.strerror}"]) from exc
    if len(key) < 32:
        raise ConfigError([f"service.secret_key: {path} holds fewer than 32 characters"])
    return key


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _default_file(environ: Mapping[str, str]) -> Path:
    named = environ.get("DIGEST_CONFIG")
    if named:
        return Path(named)
    local = Path("config/digest.toml")
    return local if local.is_file() else resource_dir("config") / "digest.toml"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as exc:
        raise ConfigError([f"{path}: cannot be read: {exc.strerror}"]) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError([f"{path}: is not TOML: {exc}"]) from exc


def _apply_environment(
    data: dict[str, Any], environ: Mapping[str, str], problems: list[str]
) -> None:
    """Lay `DIGEST_SECTION__KEY` over the file's values; JSON for lists."""
    for name, given in sorted(environ.items()):
        value = given
        if not name.startswith(_ENV_PREFIX) or "__" not in name:
            continue
        section, _, key = name[len(_ENV_PREFIX) :].lower().partition("__")
        if key.endswith("_file") and (section, key[: -len("_file")]) in _SECRETS:
            key = key[: -len("_file")]
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except OSError as exc:
                problems.append(f"{name}: {value} cannot be read: {exc.strerror}")
                continue
        table = data.setdefault(section, {})
        if not isinstance(table, dict):
            problems.append(f"{name}: {section} is not a section that the environment can set")
            continue
        table[key] = value
    for section, key in _SECRETS:
        table = data.get(section)
        if isinstance(table, dict) and f"{key}_file" in table:
            source = table.pop(f"{key}_file")
            try:
                table[key] = Path(str(source)).read_text(encoding="utf-8").strip()
            except OSError as exc:
                problems.append(f"{section}.{key}_file: {source} cannot be read: {exc.strerror}")


def _plain(error: Any, path: Path) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key in {path} or the environment"
    message = str(error["msg"]).removeprefix("Value error, ")
    message = f"{message[0].lower()}{message[1:]}"
    return f"{key}: {message}" if key else message
