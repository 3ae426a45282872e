"""Papers, the names they go by, and where they were seen."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Date, Index, Integer
from sqlmodel import Field

from digest.store.tables.base import KEY_IS_ROW, NEVER_REUSED, Table


def _day_of(context: Any) -> date:
    """Give the day of a new paper: of its publication, else when we first saw it."""
    given = context.get_current_parameters()
    day: date = given.get("published_on") or given["first_seen_at"].date()
    return day


class PaperRow(Table, table=True):
    """A paper as it reads now. Never pruned.

    Ids are never given twice: past deliveries name papers that were merged away.
    """

    __tablename__ = "paper"
    __table_args__ = (
        Index("ix_paper_dated_on", "dated_on", "id"),
        Index("ix_paper_upvotes", "upvotes", "id"),
        NEVER_REUSED,
    )

    id: int | None = Field(default=None, primary_key=True)
    alias: str = Field(unique=True)
    title: str
    abstract: str
    authors: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    venue: str = ""
    url: str = ""
    links: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    published_on: date | None = None
    dated_on: date = Field(sa_column=Column(Date, nullable=False, default=_day_of))
    """The day the library files it under: of publication, else when we first saw it."""
    version: int | None = None
    first_seen_at: datetime = Field(index=True)
    revised_at: datetime | None = None
    annotated_with: str | None = Field(default=None, index=True)
    """What read its words and topics last (`Annotator.fingerprint`); NULL when nothing has."""
    upvotes: int | None = None
    upvotes_change: int | None = None
    comments: int | None = None
    stars: int | None = None


class AliasRow(Table, table=True):
    """One identifier, and the paper it names.

    `paper_id` is NULL when two papers that may never merge both claim it.
    """

    __tablename__ = "alias"

    alias: str = Field(primary_key=True)
    paper_id: int | None = Field(default=None, foreign_key="paper.id", index=True)


class MergedPaperRow(Table, table=True):
    """A paper that turned out to be another one: past deliveries still name `old_id`.

    `paper_id` is always the paper that is left, however often it was merged since
    (docs/adr/0002).
    """

    __tablename__ = "merged_paper"

    old_id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    paper_id: int = Field(foreign_key="paper.id", index=True)


class RevisionRow(Table, table=True):
    """A later version of a known paper, and which of its texts changed."""

    __tablename__ = "revision"

    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    version: int = Field(primary_key=True)
    seen_at: datetime
    changed: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))


class TagRow(Table, table=True):
    """A label; `key` is its case-folded name, `name` as first seen."""

    __tablename__ = "tag"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    name: str


class PaperTagRow(Table, table=True):
    """Which papers carry which tags; `topic` marks those that a query of ours gave."""

    __tablename__ = "paper_tag"
    __table_args__ = KEY_IS_ROW

    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    tag_id: int = Field(foreign_key="tag.id", primary_key=True, index=True)
    topic: bool = False


class ListingRow(Table, table=True):
    """A paper seen on a feed on a day, with that day's score."""

    __tablename__ = "listing"
    __table_args__ = (Index("ix_listing_day", "day"), KEY_IS_ROW)

    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    feed_id: int = Field(foreign_key="feed.id", primary_key=True)
    day: date = Field(primary_key=True)
    upvotes: int | None = None
    comments: int | None = None
    stars: int | None = None


class ScoreRow(Table, table=True):
    """A paper's counts on a feed as read on a day; old ones are thinned out."""

    __tablename__ = "score"
    __table_args__ = (Index("ix_score_day", "day"), KEY_IS_ROW)

    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    feed_id: int = Field(foreign_key="feed.id", primary_key=True)
    day: date = Field(primary_key=True)
    upvotes: int | None = None
    comments: int | None = None
    stars: int | None = None


class WindowRow(Table, table=True):
    """A feed's first listing of a paper; `opened_at` is NULL where it opens no window."""

    __tablename__ = "window"
    __table_args__ = (
        Index("ix_window_opened_at", "opened_at"),
        Index("ix_window_feed_id", "feed_id", "paper_id"),
        KEY_IS_ROW,
    )

    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    feed_id: int = Field(foreign_key="feed.id", primary_key=True)
    listed_at: datetime
    opened_at: datetime | None = None
    backfilled: bool = False
