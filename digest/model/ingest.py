"""The values of ingest: what is known of papers, and what is to be written.

Ids below zero stand for papers that the same plan inserts; the store replaces them by
the ids it gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from digest.model.ids import Alias, FeedId, PaperId
from digest.model.papers import Paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A feed's first listing of a paper; `opened_at` is None where it opens no window.

    A `backfilled` one was found by looking back: it opens nothing, and gives way to the
    first listing that a poll finds.
    """

    paper_id: PaperId
    feed_id: FeedId
    listed_at: datetime
    opened_at: datetime | None
    backfilled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A paper on a feed on a day, with that day's score; None where the feed gives none."""

    paper_id: PaperId
    feed_id: FeedId
    day: date
    upvotes: int | None = None
    comments: int | None = None
    stars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A paper's counts on a feed as read on a day (UTC), whatever day it was listed on."""

    paper_id: PaperId
    feed_id: FeedId
    day: date
    upvotes: int | None = None
    comments: int | None = None
    stars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A later version of a known paper; `changed` names the texts that differ."""

    paper_id: PaperId
    version: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Two papers turned out to be one: `old_id` goes, `paper_id` stays."""

    old_id: PaperId
    paper_id: PaperId


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPaper:
    """A stored paper with what ingest has to know of it.

    `scores` are those of the last weeks only.
    """

    paper: Paper
    aliases: frozenset[Alias]
    windows: tuple[Window, ...] = ()
    scores: tuple[Score, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPapers:
    """The owners of aliases that were asked for, and their papers.

    An alias that is not a key of `owners` is new; one whose owner is None is disputed
    and belongs to no paper.
    """

    owners: Mapping[Alias, PaperId | None] = field(default_factory=dict)
    papers: Mapping[PaperId, KnownPaper] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPlan:
    """What one feed document changes, to be written in one transaction.

    Merges come first, in order. `windows` and `aliases` replace what is stored under
    the same key. `unidentified` counts entries that name no paper.
    """

    inserts: tuple[Paper, ...] = ()
    updates: tuple[Paper, ...] = ()
    merges: tuple[Merge, ...] = ()
    aliases: tuple[tuple[Alias, PaperId | None], ...] = ()
    tags: tuple[tuple[PaperId, str], ...] = ()
    revisions: tuple[Revision, ...] = ()
    listings: tuple[Listing, ...] = ()
    scores: tuple[Score, ...] = ()
    windows: tuple[Window, ...] = ()
    unidentified: int = 0
