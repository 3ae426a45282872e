"""One item of an RSS, Atom or RDF document, as feedparser gives it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from digest.feeds.formats import arxiv
from digest.feeds.formats.dates import eastern_day, parse_date
from digest.feeds.formats.entries import MAX_ABSTRACT, clip, make_entry, web_url
from digest.feeds.formats.highwire import is_highwire, without_highwire
from digest.feeds.formats.labelled import Labelled, after_abstract_heading, read_labelled
from digest.feeds.formats.mend import IDENTIFIERS_JOINED_BY
from digest.model import Entry, Link

Row = dict[str, Any]

# RDF feeds fill only `updated`; arXiv's `updated` is when the feed was made.
_DATE_KEYS = ("published", "created", "updated", "prism_publicationdate", "prism_coverdate")
_CODE_URL = re.compile(r"https?://(?:www\.)?(?:github|gitlab)\.com/[\w.-]+/[\w.-]*\w")
# An id that is made anew for every visitor names nothing.
_SESSION_TOKEN = re.compile(r"[?&][^=&#]*=[\w-]{100,}")
_CUT_SHORT = re.compile(r"(?:\.\.\.|…)\s*$")
_DOI = re.compile(r"\b10\.\d{4,9}/")


def read_item(row: Row, feed: Row, url: str) -> Entry | None:
    """Read one item; None when it has no title.

    Args:
        row: The item as feedparser gives it, as a plain dict.
        feed: The feed's own elements, as a plain dict.
        url: Where the document came from, for relative links.
    """
    title = arxiv.read_title(clip(row.get("title"), 2_000))
    link = web_url(row.get("link"), url)
    source_id = clip(row.get("id"), 2_000)
    summary = _longest_summary(row)
    if link and is_highwire(link):
        summary = without_highwire(summary)
    body = arxiv.read_description(summary)
    facts = read_labelled(body.text)
    announce = (
        arxiv.announce_type(row.get("arxiv_announce_type")) or body.announce or title.announce
    )
    published_at = next(
        (found for key in _DATE_KEYS if (found := parse_date(row.get(key))) is not None), None
    )
    arxiv_id = (
        body.arxiv_id
        or title.arxiv_id
        or arxiv.id_of_page(source_id)
        or arxiv.id_of_page(link or "")
    )
    if arxiv_id and link and "rss.arxiv.org/" in link:
        link = f"https://arxiv.org/abs/{arxiv.without_version(arxiv_id)}"
    listed_on = None
    if announce is not None:
        dated = published_at or parse_date(feed.get("published"))
        listed_on = eastern_day(dated) if dated else None
    return make_entry(
        title=title.text,
        source_id=None if _SESSION_TOKEN.search(source_id) else source_id,
        url=link,
        abstract=_abstract(body.text, facts),
        authors=_authors(row, facts),
        venue=_venue(row, facts),
        tags=[title.category, *_tags(row)],
        identifiers=_identifiers(row, arxiv_id, source_id, link, facts),
        links=_links(row, url),
        published_at=published_at,
        listed_on=listed_on,
        announce=announce,
        upvotes=facts.upvotes,
        comments=row.get("slash_comments"),
    )


def _longest_summary(row: Row) -> str:
    """Choose between an entry's summary and its full content.

    The summary wins, as the content of a blog is the whole post, unless there is none,
    it is cut short, or the content has an abstract under a heading of its own.
    """
    summary = clip(row.get("summary"), 4 * MAX_ABSTRACT)
    for content in _parts(row, "content"):
        value = clip(content.get("value"), 4 * MAX_ABSTRACT)
        cut_short = _CUT_SHORT.search(summary) and value.startswith(summary[:40])
        if value and (cut_short or not summary or after_abstract_heading(value)):
            return value
    return summary


def _parts(row: Row, key: str) -> list[Row]:
    """Return a list that feedparser makes of elements.

    A document may have an element of the list's own name (`<links>`): then its text
    stands there.
    """
    found = row.get(key)
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _abstract(text: str, facts: Labelled) -> str:
    return facts.abstract or after_abstract_heading(text) or facts.rest


def _authors(row: Row, facts: Labelled) -> Iterable[object]:
    names = [name for author in _parts(row, "authors") if (name := author.get("name"))]
    return names or [facts.authors]


def _venue(row: Row, facts: Labelled) -> str:
    title = clip(row.get("title"), 2_000)
    # Taylor & Francis write the title of the paper where the journal's name belongs.
    for key in ("prism_publicationname", "prism_publicationtitle", "dc_source"):
        name = clip(row.get(key), 300)
        if name and name != title and not web_url(name):
            return name
    return clip(row.get("arxiv_journal_ref"), 300) or facts.venue


def _tags(row: Row) -> list[object]:
    return [tag.get("term") for tag in _parts(row, "tags")]


def _identifiers(
    row: Row, arxiv_id: str, source_id: str, link: str | None, facts: Labelled
) -> list[str]:
    """Collect what may name the paper: arXiv, DOI, PubMed, then the rest."""
    dois = [clip(row.get(key), 300) for key in ("prism_doi", "arxiv_doi")]
    dois += clip(row.get("dc_identifier"), 2_000).split(IDENTIFIERS_JOINED_BY)
    found = [f"arXiv:{arxiv_id}" if arxiv_id else "", source_id, *dois, facts.doi, link or ""]
    return sorted(filter(None, found), key=_strength)


def _strength(identifier: str) -> int:
    lowered = identifier.lower()
    if "arxiv" in lowered:
        return 0
    if _DOI.search(lowered):
        return 1
    return 2 if "pubmed" in lowered or "pmid" in lowered else 3


def _links(row: Row, base: str) -> list[Link]:
    found: list[Link] = []
    for link in _parts(row, "links"):
        target = web_url(link.get("href"), base)
        if target and link.get("type") == "application/pdf":
            found.append(Link(label="PDF", url=target))
    comment = clip(row.get("arxiv_comment"), 2_000)
    code = _CODE_URL.search(comment)
    if code:
        found.append(Link(label="code", url=code[0]))
    return found
