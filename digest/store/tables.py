"""The tables. They are not domain values: `table=True` skips validation.

Repositories turn rows into the values of `digest.model`. Instants are aware UTC.
A change here needs a migration; `tests/migration` compares the two.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Date, Index, MetaData, UniqueConstraint
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


NEVER_REUSED = {"sqlite_autoincrement": True}
"""An id names the same thing for ever: past digests, merges and files in the outbox hold it.
Without this SQLite gives the id of a deleted newest row to the next one."""


class Table(SQLModel):
    """Base of our tables, with metadata and constraint names of our own."""

    metadata = MetaData(naming_convention=NAMING)


def _day_of(context: Any) -> date:
    """Give the day of a new paper: of its publication, else when we first saw it."""
    given = context.get_current_parameters()
    day: date = given.get("published_on") or given["first_seen_at"].date()
    return day


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
    __table_args__ = {"sqlite_with_rowid": False}

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


class PaperRow(Table, table=True):
    """A paper as it reads now. Never pruned.

    Ids are never given twice: past deliveries name papers that were merged away.
    """

    __tablename__ = "paper"
    __table_args__ = (
        Index("ix_paper_dated_on", "dated_on", "id"),
        Index("ix_paper_upvotes", "upvotes", "id"),
        {"sqlite_autoincrement": True},
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

    old_id: int = Field(primary_key=True)
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
    __table_args__ = {"sqlite_with_rowid": False}

    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    tag_id: int = Field(foreign_key="tag.id", primary_key=True, index=True)
    topic: bool = False


class ListingRow(Table, table=True):
    """A paper seen on a feed on a day, with that day's score."""

    __tablename__ = "listing"
    __table_args__ = (Index("ix_listing_day", "day"), {"sqlite_with_rowid": False})

    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    feed_id: int = Field(foreign_key="feed.id", primary_key=True)
    day: date = Field(primary_key=True)
    upvotes: int | None = None
    comments: int | None = None
    stars: int | None = None


class ScoreRow(Table, table=True):
    """A paper's counts on a feed as read on a day; old ones are thinned out."""

    __tablename__ = "score"
    __table_args__ = (Index("ix_score_day", "day"), {"sqlite_with_rowid": False})

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
        {"sqlite_with_rowid": False},
    )

    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    feed_id: int = Field(foreign_key="feed.id", primary_key=True)
    listed_at: datetime
    opened_at: datetime | None = None
    backfilled: bool = False


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
    __table_args__ = {"sqlite_with_rowid": False}

    key: str = Field(primary_key=True)
    window_at: datetime = Field(primary_key=True)
    used: int = 0


class DeliveryRow(Table, table=True):
    """The ledger row of one digest: what was to be sent, and what became of it."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "period"),
        Index("ix_delivery_state", "state", "next_attempt_at"),
        CheckConstraint(
            "state IN ('ready','claimed','sending','sent','failed','bounced','unknown','skipped')",
            name="state",
        ),
        NEVER_REUSED,
    )

    id: int | None = Field(default=None, primary_key=True)
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

    Releasing a paper deletes its row (docs/adr/0003).
    """

    __tablename__ = "delivery_paper"
    __table_args__ = (
        Index("ix_delivery_paper_paper_id", "paper_id"),
        {"sqlite_with_rowid": False},
    )

    subscriber_id: int = Field(foreign_key="subscriber.id", primary_key=True)
    paper_id: int = Field(foreign_key="paper.id", primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id")


class FactRow(Table, table=True):
    """Small facts of the service itself, such as when it last ticked."""

    __tablename__ = "fact"

    name: str = Field(primary_key=True)
    at: datetime | None = None
    value: str = ""
