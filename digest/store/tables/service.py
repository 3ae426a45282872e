"""What the service keeps for itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field

from digest.store.tables.base import KEY_IS_ROW, Table


class IntakeRow(Table, table=True):
    """A request from the site that waits to be looked at.

    Sign-ups and logins are only written down while the visitor waits: what is answered,
    and how fast, then says nothing about whether the address is known.
    """

    __tablename__ = "intake"

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    content: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    at: datetime


class QuotaRow(Table, table=True):
    """How often something was asked for in one window of time.

    `key` is a keyed hash of a network, or names a total; no address is kept.
    """

    __tablename__ = "quota"
    __table_args__ = KEY_IS_ROW

    key: str = Field(primary_key=True)
    window_at: datetime = Field(primary_key=True)
    used: int = 0


class FactRow(Table, table=True):
    """Small facts of the service itself, such as when it last ticked."""

    __tablename__ = "fact"

    name: str = Field(primary_key=True)
    at: datetime | None = None
    value: str = ""


class SendLimitRow(Table, table=True):
    """What holds back the mail to one domain, or all mail (`relay`); kept over restarts."""

    __tablename__ = "send_limit"

    key: str = Field(primary_key=True)
    held_until_at: datetime | None = None
    holds: int = 0
    reason: str = ""
    tokens: float | None = None
    filled_at: datetime | None = None
