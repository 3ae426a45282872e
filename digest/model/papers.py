"""The values of papers: what an entry says of one, and how it reads now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from digest.model.feeds import Link
from digest.model.ids import Alias, PaperId


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
