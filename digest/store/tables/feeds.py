"""Feeds, and what each of them brought."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field

from digest.store.tables.base import KEY_IS_ROW, NEVER_REUSED, Table


class FeedRow(Table, table=True):
    """A polled feed, and what its last polls were like."""

    __tablename__ = "feed"
    __table_args__ = NEVER_REUSED

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    url: str
    kind: str
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    cross: bool = True
    from_config: bool = False
    paused: bool = False
    created_at: datetime
    baseline_at: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    next_poll_at: datetime = Field(index=True)
    polled_at: datetime | None = None
    answered_at: datetime | None = None
    changed_at: datetime | None = None
    new_paper_at: datetime | None = None
    failing_since_at: datetime | None = None
    gone_at: datetime | None = None
    failures: int = 0
    status: str | None = None
    http_status: int | None = None
    entries: int | None = None
    error: str | None = None
    moved_to: str | None = None
    """Where permanent redirects lead; forgotten when that place fails."""
    usual_gap_days: int | None = None
    removed_at: datetime | None = None
    """Removed feeds stay: listings and windows name them. The name revives the row."""


class FeedDayRow(Table, table=True):
    """What a feed brought on one day; kept for some weeks."""

    __tablename__ = "feed_day"
    __table_args__ = KEY_IS_ROW

    feed_id: int = Field(foreign_key="feed.id", primary_key=True)
    day: date = Field(primary_key=True)
    polls: int = 0
    failures: int = 0
    entries: int | None = None
    new_papers: int = 0


class BackfillRow(Table, table=True):
    """How far a feed was read back: everything from `since` to before `next_day`."""

    __tablename__ = "backfill"

    feed_id: int = Field(foreign_key="feed.id", primary_key=True)
    since: date
    next_day: date
    new_papers: int = 0
    updated_at: datetime
