"""The values of feeds: from a configured feed to its parsed entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from digest.model.ids import FeedId


class FeedKind(StrEnum):
    """How a feed's document is read."""

    AUTO = "auto"
    FEED = "feed"
    HF_DAILY = "hf-daily"
    ARXIV_API = "arxiv-api"
    BIORXIV = "biorxiv"
    CROSSREF = "crossref"
    HN = "hn"


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
    """A feed as the operator wrote it.

    `cross` says whether the cross-lists of an arXiv feed come in.
    """

    name: str
    url: str
    kind: FeedKind = FeedKind.AUTO
    tags: tuple[str, ...] = ()
    cross: bool = True


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
    `warnings` are plain words on what had to be mended or left out. Of an answer that
    comes in pages, `rows` counts this page's rows as the server sent them, `total` those
    of all pages where it says so, and `cursor` names the next page where it must be named.
    `breaks_off` says that the document ends in the middle of an entry.
    """

    format: str
    title: str
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...] = ()
    rows: int = 0
    total: int | None = None
    cursor: str | None = None
    breaks_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PollState:
    """What is remembered of a feed from poll to poll.

    `answered_at` is the last valid reply, `changed_at` the last one with a new document,
    `new_paper_at` the last one that brought a paper nobody had. `failing_since_at` is
    None unless the last poll failed; `error` is its cause in plain words. `moved_to`
    is where permanent redirects lead. `entries` counts the last document read.
    `usual_gap_days` is how many working days usually pass until the next new paper, None
    while nobody knows.
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
    usual_gap_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDay:
    """What a feed brought on one day (UTC): the memory of what to expect of a weekday.

    `entries` is the largest document of the day, None when none was read: the server
    had nothing but the one we know, or all `failures`.
    """

    day: date
    polls: int
    failures: int = 0
    entries: int | None = None
    new_papers: int = 0


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
    cross: bool = True
    from_config: bool = False
    paused: bool = False
    created_at: datetime
    baseline_at: datetime | None = None
