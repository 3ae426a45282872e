"""The ledger of digests, the memory of what was sent, and other mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, UniqueConstraint
from sqlmodel import Field

from digest.store.tables.base import KEY_IS_ROW, NEVER_REUSED, LongId, Table


class DeliveryRow(Table, table=True):
    """The ledger row of one digest: what was to be sent, and what became of it."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "period"),
        Index("ix_delivery_state", "state", "next_attempt_at", "id"),
        CheckConstraint(
            "state IN ('ready','claimed','sending','sent','failed','bounced','unknown','skipped')",
            name="state",
        ),
        NEVER_REUSED,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=LongId)
    subscriber_id: int = Field(foreign_key="subscriber.id")
    period: str
    state: str
    scheduled_at: datetime
    closes_at: datetime
    prepared_at: datetime
    content: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """{"papers": [[paper_id, [query_id…]]…], "rest": [paper_id…], "carried", "left_over",
    "notices": […]}"""
    message_id: str = Field(unique=True)
    message_date_at: datetime
    attempts: int = 0
    """Those that count against the subscriber."""
    tries: int = 0
    """All that the backoff grows by: also those that the relay or its policy ended."""
    next_attempt_at: datetime | None = None
    fence: int = 0
    doubted_fence: int | None = None
    """The first hand-off of which nobody knows whether it arrived."""
    lease_until_at: datetime | None = None
    finished_at: datetime | None = None
    released_at: datetime | None = None
    """When the papers were given back after a permanent failure."""
    reply: str = ""


class DeliveryPaperRow(Table, table=True):
    """The memory of what was sent to whom: at most one row a subscriber and paper.

    Releasing a paper deletes its row (docs/adr/0003). On PostgreSQL the rows lie in
    partitions, `delivery_paper_0` to `_15`, which only the migrations know.
    """

    __tablename__ = "delivery_paper"
    __table_args__ = (
        Index("ix_delivery_paper_paper_id", "paper_id"),
        {**KEY_IS_ROW, "postgresql_partition_by": "HASH (subscriber_id)"},
    )

    subscriber_id: int = Field(foreign_key="subscriber.id", primary_key=True)
    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", sa_type=LongId)


class LetterRow(Table, table=True):
    """A mail that is not a digest (a request to confirm), owed until it is sent."""

    __tablename__ = "letter"
    __table_args__ = (Index("ix_letter_due", "state", "next_attempt_at"), NEVER_REUSED)

    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True)
    kind: str
    state: str
    email: str | None = None
    """Where it goes, if not to the address on record: a new one that is to be confirmed."""
    created_at: datetime
    next_attempt_at: datetime
    attempts: int = 0
    lease_until_at: datetime | None = None
    finished_at: datetime | None = None
    reply: str = ""


class ReportRow(Table, table=True):
    """What came back about a delivery: dated evidence, once a delivery and kind.

    `fingerprint` names the report itself, so that one that comes twice is known.
    """

    __tablename__ = "report"
    __table_args__ = (
        Index("ix_report_subscriber_id", "subscriber_id"),
        Index("ix_report_delivery_id", "delivery_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    fingerprint: str = Field(unique=True)
    subscriber_id: int = Field(foreign_key="subscriber.id")
    delivery_id: int | None = Field(default=None, foreign_key="delivery.id")
    kind: str
    at: datetime
    handed_off_at: datetime | None = None
    source: str
    status: str | None = None
    said: str = ""
