"""What the JSON API takes and gives; keys may be added, never taken away."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from digest.model import InterestKind, Paper, Reason


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class LinkOut(_Value):
    """Where else a paper can be read."""

    label: str
    url: str


class ReasonOut(_Value):
    """Why a query wants a paper."""

    term: str
    field: str


class PaperOut(_Value):
    """A paper as it reads now; `id` is its canonical alias."""

    id: str
    title: str
    abstract: str
    authors: list[str]
    venue: str
    url: str
    page: str
    tags: list[str]
    feeds: list[str]
    links: list[LinkOut]
    published_on: date | None
    version: int | None
    first_seen_at: datetime
    upvotes: int | None
    upvotes_change: int | None
    comments: int | None
    stars: int | None
    reasons: list[ReasonOut] = []


class PapersOut(_Value):
    """One page of papers; `next` is the value of `after` for the page that follows."""

    total: int
    total_is_exact: bool
    looked_through: int | None = None
    next: str | None
    papers: list[PaperOut]


class EditionOut(_Value):
    """The papers listed on one day, sorted by that day's upvotes."""

    day: date
    total: int
    feeds: int
    papers: list[PaperOut]


class DayOut(_Value):
    """A day with listings."""

    day: date
    papers: int


class EditionsOut(_Value):
    """Days with listings, newest first."""

    editions: list[DayOut]


class TagOut(_Value):
    """A tag and how many papers carry it; `topic` marks those that a query of ours gives."""

    name: str
    papers: int
    topic: bool = False


class TagsOut(_Value):
    """Tags, those on most papers first."""

    tags: list[TagOut]


class BacktestOut(_Value):
    """What a query would have matched in the last days."""

    query: str
    days: int
    total: int
    papers: list[PaperOut]


Text = Annotated[str, Field(max_length=1_000)]


class InterestsIn(_Value):
    """All interests, as they shall be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: list[Text] = Field([], max_length=500)
    keywords: list[Text] = Field([], max_length=500)
    muted: list[Text] = Field([], max_length=500)


class InterestsOut(_Value):
    """All interests, as written."""

    tags: list[str]
    keywords: list[str]
    muted: list[str]


class ErrorOut(_Value):
    """What went wrong; `position` and `suggestion` where a query cannot be understood."""

    error: str
    position: int | None = None
    suggestion: str | None = None


def paper_out(paper: Paper, page: str, reasons: tuple[Reason, ...] = ()) -> PaperOut:
    """Give a paper to a program."""
    return PaperOut(
        id=paper.alias,
        title=paper.title,
        abstract=paper.abstract,
        authors=list(paper.authors),
        venue=paper.venue,
        url=paper.url,
        page=page,
        tags=list(paper.tags),
        feeds=list(paper.feeds),
        links=[LinkOut(label=link.label, url=link.url) for link in paper.links],
        published_on=paper.published_on,
        version=paper.version,
        first_seen_at=paper.first_seen_at,
        upvotes=paper.upvotes,
        upvotes_change=paper.upvotes_change,
        comments=paper.comments,
        stars=paper.stars,
        reasons=[ReasonOut(term=one.term, field=one.field) for one in reasons],
    )


def interests_out(texts: dict[InterestKind, tuple[str, ...]]) -> InterestsOut:
    """Give interests to a program."""
    return InterestsOut(
        tags=list(texts[InterestKind.TAG]),
        keywords=list(texts[InterestKind.KEYWORD]),
        muted=list(texts[InterestKind.MUTED]),
    )
