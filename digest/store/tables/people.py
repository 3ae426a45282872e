"""Subscribers, their consent, and what they saved."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from digest.store.tables.base import NEVER_REUSED, Table


class SubscriberRow(Table, table=True):
    """One person, one address. `email_key` is the address as compared."""

    __tablename__ = "subscriber"
    __table_args__ = (
        Index("ix_subscriber_due", "state", "next_digest_at"),
        CheckConstraint("hour BETWEEN 0 AND 23", name="hour"),
        CheckConstraint("weekdays BETWEEN 1 AND 127", name="weekdays"),
        NEVER_REUSED,
    )

    id: int | None = Field(default=None, primary_key=True)
    email: str
    email_key: str = Field(unique=True)
    state: str
    timezone: str
    hour: int
    weekdays: int
    """Bit 0 is Monday."""
    pause_until: datetime | None = None
    max_papers: int
    min_upvotes: int = 0
    created_at: datetime
    consented_at: datetime | None = None
    next_digest_at: datetime | None = None
    welcome_due_at: datetime | None = Field(default=None, index=True)
    wants_welcome: bool = False
    text_only: bool = False
    link_epoch: int = 0
    """Signed addresses of private feeds carry it: raising it makes all of them worthless."""
    erased_at: datetime | None = None
    """When the person asked to be forgotten; `email` is then a marker that names nobody."""


class ForgottenRow(Table, table=True):
    """A suppressed address whose person was erased: only a keyed hash of it is kept.

    `state` is what the subscriber was (unsubscribed, bounced, complained), so that a
    later import does not mail them again.
    """

    __tablename__ = "forgotten"

    address_hash: str = Field(primary_key=True)
    state: str
    at: datetime


class ConsentRow(Table, table=True):
    """Dated facts about consent: only ever added."""

    __tablename__ = "consent"

    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True)
    kind: str
    at: datetime
    evidence: str = ""


class QueryRow(Table, table=True):
    """A distinct query in canonical form. Never pruned: past deliveries name it."""

    __tablename__ = "query"
    __table_args__ = NEVER_REUSED

    id: int | None = Field(default=None, primary_key=True)
    canonical: str = Field(unique=True)


class InterestRow(Table, table=True):
    """What a subscriber saved."""

    __tablename__ = "interest"
    __table_args__ = (UniqueConstraint("subscriber_id", "kind", "query_id"),)

    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id")
    kind: str
    text: str
    query_id: int = Field(foreign_key="query.id", index=True)
    created_at: datetime


class TokenRow(Table, table=True):
    """A one-use token, kept as its SHA-256 in hexadecimal."""

    __tablename__ = "token"

    digest: str = Field(primary_key=True)
    purpose: str
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True)
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    content: str = ""
    """What the token stands for beyond its purpose, such as a new address."""
