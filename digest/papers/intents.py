"""What one entry says of a paper, cleaned: the unit of ingest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from digest.model import Alias, Announce, Entry, FeedRecord, Link, PaperIntent
from digest.papers.authors import split_authors
from digest.papers.identity import aliases_of, scheme_of, url_of, version_of
from digest.papers.own_ids import tidy_url
from digest.papers.text import clean_abstract, clean_text, clean_title

MAX_LINKS = 12
_MAX_TAGS = 40
_MAX_TAG_CHARS = 80
_MAX_VENUE_CHARS = 120
_MAX_COUNT = 2**31 - 1
_FARTHEST_AHEAD = timedelta(days=400)  # journals date issues ahead
_REPLACED = frozenset({Announce.REPLACE, Announce.REPLACE_CROSS})
_ARXIV_CATEGORY = re.compile(
    r"(?:astro-ph|cond-mat|cs|econ|eess|gr-qc|hep-(?:ex|lat|ph|th)|math|math-ph|nlin|"
    r"nucl-(?:ex|th)|physics|q-bio|q-fin|quant-ph|stat)(?:\.[A-Za-z]{2}|\.[a-z]+-[a-z]+)?"
)
_SITES = {
    "arxiv.org": "arXiv",
    "huggingface.co": "Hugging Face",
    "hf.co": "Hugging Face",
    "alphaxiv.org": "alphaXiv",
    "biorxiv.org": "bioRxiv",
    "medrxiv.org": "medRxiv",
    "pubmed.ncbi.nlm.nih.gov": "PubMed",
    "doi.org": "DOI",
    "dx.doi.org": "DOI",
    "github.com": "code",
    "gitlab.com": "code",
    "tldr.takara.ai": "Takara TLDR",
    "openreview.net": "OpenReview",
    "aclanthology.org": "ACL Anthology",
    "youtube.com": "video",
    "news.ycombinator.com": "Hacker News",
}


def intent_of(
    entry: Entry, *, feed: FeedRecord, feed_title: str, baseline: bool, now: datetime
) -> PaperIntent | None:
    """Clean an entry and name its paper; None when it has no title.

    Args:
        entry: As parsed.
        feed: The feed it stands in; its tags are added.
        feed_title: The document's own title, the venue of last resort.
        baseline: Whether this is the feed's first valid document.
        now: Aware UTC instant of the poll.
    """
    title = clean_title(entry.title)
    if not title:
        return None
    authors = split_authors(entry.authors)
    aliases = aliases_of(entry, feed_name=feed.name, title=title, authors=authors)
    tags = clean_tags((*entry.tags, *feed.tags))
    url = tidy_url(entry.url)
    venue = _venue_of(entry, aliases, title=title, url=url, feed_title=feed_title)
    return PaperIntent(
        aliases=aliases,
        title=title,
        abstract=clean_abstract(entry.abstract),
        authors=authors,
        venue=venue or feed.name,
        url=url or url_of(aliases[0]) or "",
        tags=tags,
        links=_links_of(entry.links),
        published_on=_published_on(entry.published_at, now=now),
        version=version_of(entry),
        listed_on=_listed_on(entry.listed_on, now=now),
        opens_window=not baseline and entry.announce not in _REPLACED,
        upvotes=_count(entry.upvotes),
        comments=_count(entry.comments),
        stars=_count(entry.stars),
    )


def clean_tags(raw: Iterable[str]) -> tuple[str, ...]:
    """Clean tags, each once, compared without case; at most 40."""
    tags: dict[str, str] = {}
    for text in raw:
        tag = clean_text(text[: 4 * _MAX_TAG_CHARS], max_chars=_MAX_TAG_CHARS)
        if tag:
            tags.setdefault(tag.casefold(), tag)
        if len(tags) == _MAX_TAGS:
            break
    return tuple(tags.values())


def site_label(url: str) -> str:
    """Name the site of a URL in a word or two: "Hugging Face", "code", "example.org"."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    return _SITES.get(host) or _SITES.get(host.partition(".")[2]) or host


def _links_of(links: Sequence[Link]) -> tuple[Link, ...]:
    kept: dict[str, Link] = {}
    for link in links[: 4 * MAX_LINKS]:
        url = tidy_url(link.url)
        if url is not None:
            label = clean_text(link.label, max_chars=40) or site_label(url)
            kept.setdefault(url, Link(label=label, url=url))
    return tuple(kept.values())[:MAX_LINKS]


def _venue_of(
    entry: Entry, aliases: Sequence[Alias], *, title: str, url: str | None, feed_title: str
) -> str:
    given = clean_text(entry.venue or "", max_chars=_MAX_VENUE_CHARS)
    # Taylor & Francis put the article's title where the journal's name belongs.
    if given and given.casefold() != title.casefold():
        return given
    if scheme_of(aliases[0]) == "arxiv":
        category = next((tag for tag in entry.tags if _ARXIV_CATEGORY.fullmatch(tag)), "")
        return f"arXiv {category}".rstrip()
    site = site_label(url) if url else ""
    if site in {"bioRxiv", "medRxiv"}:
        return site
    return clean_text(feed_title, max_chars=_MAX_VENUE_CHARS)


def _published_on(at: datetime | None, *, now: datetime) -> date | None:
    """Return the day of publication, None where the date cannot be meant."""
    if at is None or at.year <= 1970 or at.date() > (now + _FARTHEST_AHEAD).date():
        return None
    return at.date()


def _listed_on(day: date | None, *, now: datetime) -> date:
    """Return the batch day a feed gives, the day of the poll where it gives none.

    A batch more than a day ahead is no batch yet: time zones explain one day.
    """
    today = now.date()
    return today if day is None or day > today + timedelta(days=1) else day


def _count(number: int | None) -> int | None:
    return None if number is None else max(0, min(number, _MAX_COUNT))
