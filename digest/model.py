"""The values that all rooms speak.

Frozen, slotted, keyword-only. They hold what is known and decide nothing. Instants
are aware UTC and end in `_at`; dates end in `_day` or `_on`; units stand in names.
Nothing here imports a store, a network library or asyncio.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

PaperId = NewType("PaperId", int)
FeedId = NewType("FeedId", int)
QueryId = NewType("QueryId", int)
SubscriberId = NewType("SubscriberId", int)
DeliveryId = NewType("DeliveryId", int)

Alias = NewType("Alias", str)
"""One identifier of a paper with its scheme: `arxiv:2501.12345`, `doi:10.1/x`,
`pmid:123`, `feed:<feed name>:<its own id>`, `title:<key>`."""


# ---- feeds: bytes -> Entry


class FeedKind(StrEnum):
    """How a feed's document is read."""

    AUTO = "auto"
    FEED = "feed"
    HF_DAILY = "hf-daily"
    ARXIV_API = "arxiv-api"


class FeedStatus(StrEnum):
    """What the last poll of a feed was like."""

    OK = "ok"
    UNCHANGED = "unchanged"
    STALE = "stale"
    FAILED = "failed"
    GONE = "gone"


class Announce(StrEnum):
    """arXiv's announce type of an entry."""

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSpec:
    """A feed as the operator wrote it."""

    name: str
    url: str
    kind: FeedKind = FeedKind.AUTO
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFeed:
    """One reply of a feed's server.

    `body` is decompressed and at most `feeds.max_bytes`; it is None for 304.
    `moved_to` is the URL to store when every redirect was permanent (301, 308).
    """

    url: str
    http_status: int
    body: bytes | None
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None
    max_age_s: float | None = None
    retry_after_s: float | None = None
    moved_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A place related to a paper: `label` is a short word ("code", "PDF")."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of one feed document, as parsed and not yet cleaned.

    Texts may hold markup, entities and LaTeX. `identifiers` are raw strings that may
    name the paper (DOIs, arXiv ids with prefix, `pubmed:` guids, URLs), best first.
    `listed_on` is the batch date the feed itself gives (Hugging Face
    `submittedOnDailyAt`, arXiv's date in US Eastern), or None.
    """

    title: str
    source_id: str | None = None
    url: str | None = None
    abstract: str = ""
    authors: tuple[str, ...] = ()
    venue: str | None = None
    tags: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    published_at: datetime | None = None
    listed_on: date | None = None
    announce: Announce | None = None
    upvotes: int | None = None
    comments: int | None = None
    stars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """A feed document, read.

    `format` names what it was ("rss20", "atom10", "rss10", "json-feed", "hf-daily").
    `warnings` are plain words on what had to be mended or left out.
    """

    format: str
    title: str
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PollState:
    """What is remembered of a feed from poll to poll.

    `answered_at` is the last valid reply, `changed_at` the last one with a new document,
    `new_paper_at` the last one that brought a paper nobody had. `failing_since_at` is
    None unless the last poll failed; `error` is its cause in plain words. `moved_to`
    is where permanent redirects lead. `entries` counts the last document read.
    """

    next_poll_at: datetime
    status: FeedStatus | None = None
    http_status: int | None = None
    error: str | None = None
    entries: int | None = None
    polled_at: datetime | None = None
    answered_at: datetime | None = None
    changed_at: datetime | None = None
    new_paper_at: datetime | None = None
    failing_since_at: datetime | None = None
    gone_at: datetime | None = None
    failures: int = 0
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    moved_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRecord(PollState):
    """A feed that we poll, with the state of its last poll.

    `baseline_at` is when its first valid document was stored, None before: the entries
    of that document open no eligibility.
    """

    id: FeedId
    name: str
    url: str
    kind: FeedKind
    tags: tuple[str, ...] = ()
    from_config: bool = False
    paused: bool = False
    created_at: datetime
    baseline_at: datetime | None = None


# ---- papers: Entry -> Paper


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperIntent:
    """What one entry says of one paper, cleaned: the unit of ingest.

    `aliases` stand strongest first; the first is the canonical one. `version` is the
    arXiv or bioRxiv version the entry names, else None. `opens_window` is False for an
    unseen `replace` entry and for every entry of a feed's baseline document.
    """

    aliases: tuple[Alias, ...]
    title: str
    abstract: str
    authors: tuple[str, ...]
    venue: str
    url: str
    tags: tuple[str, ...]
    links: tuple[Link, ...]
    published_on: date | None
    version: int | None
    listed_on: date
    opens_window: bool
    upvotes: int | None
    comments: int | None
    stars: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One scholarly work, as it reads now.

    `upvotes` is the newest known count, None when no feed gives one;
    `upvotes_change` is its change since the listing day before, None when there is no
    earlier listing. `feeds` are the names of the feeds that list it, `links` where
    else it can be read ("also on").
    """

    id: PaperId
    alias: Alias
    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    venue: str = ""
    url: str = ""
    tags: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    published_on: date | None = None
    version: int | None = None
    first_seen_at: datetime
    upvotes: int | None = None
    upvotes_change: int | None = None
    comments: int | None = None
    stars: int | None = None


# ---- subscribers and their interests


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
    open after it make a paper eligible.
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


# ---- matching: Paper × Interest -> Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a query wants a paper: one term, and where it was found.

    `term` is as the person wrote it ("sparse autoencoder", "E. Noether", "cs.CL");
    `field` is "title", "abstract", "author", "tag", "feed" or "upvotes"; `query` is the
    canonical query. `without` lists the excluded terms of the query ("survey").
    """

    term: str
    field: str
    query: str = ""
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A paper an interest wants, with the reasons."""

    paper: Paper
    reasons: tuple[Reason, ...]


# ---- digests: Match -> Digest -> Rendered -> Message

Period = NewType("Period", str)
"""The local date of a digest's scheduled instant, `2026-02-03`, or `welcome`."""

WELCOME = Period("welcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one subscriber is sent for one period.

    `left_over` counts the papers that matched and found no room, `carried` those of
    them that stand a chance in the next digest. `notices` are plain sentences that
    explain a thin day.
    """

    subscriber: Subscriber
    period: Period
    scheduled_at: datetime
    matches: tuple[Match, ...]
    left_over: int = 0
    carried: int = 0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLinks:
    """The personal addresses that one digest carries, all absolute."""

    web: str
    manage: str
    unsubscribe: str
    unsubscribe_mailto: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A mail's three texts, from the triple `name.subject.txt`, `name.txt`, `name.html`."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A mail ready for a transport.

    `content` is the complete message in wire form: CRLF line ends, every line at most
    998 bytes. `envelope_from` is the bounce address of this delivery.
    """

    envelope_from: str
    recipient: str
    message_id: str
    content: bytes


# ---- delivery


class DeliveryState(StrEnum):
    """States of a delivery; `docs/architecture.md` draws them."""

    READY = "ready"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


QUEUED_STATES = frozenset({DeliveryState.READY, DeliveryState.CLAIMED, DeliveryState.SENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPaper:
    """A paper of a delivery and the ids of the queries that wanted it."""

    paper_id: PaperId
    query_ids: tuple[QueryId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPlan:
    """What compose decided for one owed period of one subscriber.

    `papers` are to be sent, in order. `rest` are the best of those that found no room
    (at most 200, the first `carried` of them may come next time); `left_over` counts
    all of those. With `skip_reason` the period is recorded as skipped, without papers.
    `closes_at` is the end of the period.
    """

    subscriber_id: SubscriberId
    period: Period
    scheduled_at: datetime
    closes_at: datetime
    papers: tuple[PlannedPaper, ...] = ()
    rest: tuple[PaperId, ...] = ()
    carried: int = 0
    left_over: int = 0
    notices: tuple[str, ...] = ()
    skip_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the ledger, as read."""

    id: DeliveryId
    subscriber_id: SubscriberId
    period: Period
    state: DeliveryState
    scheduled_at: datetime
    closes_at: datetime
    prepared_at: datetime
    papers: tuple[PlannedPaper, ...]
    rest: tuple[PaperId, ...] = ()
    carried: int = 0
    left_over: int = 0
    notices: tuple[str, ...] = ()
    message_id: str
    message_date_at: datetime
    attempts: int = 0
    next_attempt_at: datetime | None = None
    fence: int = 0
    lease_until_at: datetime | None = None
    finished_at: datetime | None = None
    reply: str = ""


class OutcomeKind(StrEnum):
    """What became of one hand-off."""

    SENT = "sent"
    RETRY = "retry"
    BOUNCED = "bounced"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one hand-off, with the server's own words.

    `reply` is what the server said, or in plain words what happened; at most 500
    characters. `WITHDRAWN` means that the intent was refused by the ledger (lease lost,
    subscriber suppressed): nothing was sent and nothing is recorded.
    """

    kind: OutcomeKind
    reply: str
    code: int | None = None
    enhanced: str | None = None
    relay_trouble: bool = field(default=False)
    """True when the trouble is the relay's (connect, TLS, AUTH, 5.7.x), not the recipient's."""
