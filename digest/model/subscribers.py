"""The values of subscribers: people, their schedules and interests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digest.model.ids import QueryId, SubscriberId


class InterestKind(StrEnum):
    """What a saved interest is: each is a query in the end (`tag:cs.CL`)."""

    TAG = "tag"
    KEYWORD = "keyword"
    MUTED = "muted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """One saved interest: `text` as the person wrote it."""

    kind: InterestKind
    text: str
    query_id: QueryId


class SubscriberState(StrEnum):
    """Only `active` subscribers are mailed digests."""

    PENDING = "pending"
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class ConsentKind(StrEnum):
    """Dated facts about a subscriber's consent; never updated, only added."""

    SIGNED_UP = "signed_up"
    IMPORTED = "imported"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a subscriber wants their digest.

    `hour` is local, 0–23, in the IANA zone `timezone`. `weekdays` holds 0 (Monday) to
    6; all seven is daily, {0} is weekly. `pause_until` is an instant before which no
    digest is owed, or None.
    """

    timezone: str
    hour: int
    weekdays: frozenset[int]
    pause_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person who asked for digests.

    `consented_at` is the newest confirmation, None while pending: only windows that
    open after it make a paper eligible. `text_only` digests have no HTML part; signed
    addresses of private feeds are worth something only with the current `link_epoch`.
    """

    id: SubscriberId
    email: str
    state: SubscriberState
    schedule: Schedule
    max_papers: int
    min_upvotes: int
    interests: tuple[Interest, ...]
    consented_at: datetime | None
    next_digest_at: datetime | None
    created_at: datetime
    text_only: bool = False
    link_epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberDraft:
    """All that is written of a subscriber when they are added or changed.

    `email_key` is the address as compared; `wants_welcome` says that confirming owes
    a welcome digest.
    """

    email: str
    email_key: str
    state: SubscriberState
    schedule: Schedule
    max_papers: int
    min_upvotes: int
    consented_at: datetime | None = None
    next_digest_at: datetime | None = None
    wants_welcome: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterHistory:
    """How many letters of a kind a subscriber was owed, and when the last one was queued."""

    count: int
    last_at: datetime
