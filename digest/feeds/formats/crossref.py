"""Crossref works, the JSON of `https://api.crossref.org/works?…`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from digest.errors import ParseError
from digest.feeds.formats.entries import clip, count, make_entry, web_url
from digest.model import Entry, Link, ParsedFeed

_DATE_KEYS = ("published-online", "published-print", "published", "issued", "created")


def is_crossref(document: object) -> bool:
    """Tell whether this is an answer of the Crossref API."""
    return isinstance(document, dict) and str(document.get("message-type")) in (
        "work",
        "work-list",
    )


def parse_crossref(document: Mapping[str, Any], *, max_entries: int) -> ParsedFeed:
    """Read one work, or a list of works.

    Raises:
        ParseError: If there are none where they belong.
    """
    message = document.get("message")
    works = message.get("items") if isinstance(message, dict) and "items" in message else [message]
    if not isinstance(works, list) or not all(isinstance(work, dict) for work in works):
        raise ParseError("this answer of the Crossref API holds no works")
    entries = [_entry(work) for work in works[:max_entries]]
    warnings = []
    untitled = entries.count(None)
    if untitled:
        warnings.append(f"{untitled} of {len(entries)} works have no title and were left out")
    if len(works) > max_entries:
        warnings.append(f"only the first {max_entries} of {len(works)} works were read")
    return ParsedFeed(
        format="crossref",
        title="Crossref works",
        entries=tuple(entry for entry in entries if entry is not None),
        warnings=tuple(warnings),
        rows=len(works),
        total=count(message.get("total-results")) if isinstance(message, dict) else None,
        cursor=clip(message.get("next-cursor"), 2_000) or None
        if isinstance(message, dict)
        else None,
    )


def _entry(work: Mapping[str, Any]) -> Entry | None:
    doi = clip(work.get("DOI"), 300)
    authors = work.get("author")
    subjects = work.get("subject")
    return make_entry(
        title=_first(work.get("title")),
        source_id=doi,
        url=web_url(work.get("URL")) or (web_url(f"https://doi.org/{doi}") if doi else None),
        abstract=_without_heading(work.get("abstract")),
        authors=[_name(one) for one in authors] if isinstance(authors, list) else (),
        venue=_first(work.get("container-title")),
        tags=subjects if isinstance(subjects, list) else (),
        identifiers=[f"doi:{doi}" if doi else "", *_other_versions(work)],
        links=_links(work),
        published_at=_published_at(work),
    )


def _first(texts: object) -> object:
    return texts[0] if isinstance(texts, list) and texts else texts


def _without_heading(abstract: object) -> str:
    text = clip(abstract, 40_000)
    heading = "<jats:title>Abstract</jats:title>"
    return text.removeprefix(heading).strip()


def _name(author: object) -> str:
    if not isinstance(author, dict):
        return ""
    parts = (clip(author.get("given"), 200), clip(author.get("family"), 200))
    return " ".join(part for part in parts if part) or clip(author.get("name"), 300)


def _other_versions(work: Mapping[str, Any]) -> list[str]:
    """Return the DOIs of the preprint of this work, or of the work of this preprint."""
    relation = work.get("relation")
    if not isinstance(relation, dict):
        return []
    found: list[str] = []
    for key in ("has-preprint", "is-preprint-of"):
        rows = relation.get(key)
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("id-type") == "doi":
                doi = clip(row.get("id"), 300)
                found += [f"doi:{doi}"] if doi else []
    return found[:4]


def _links(work: Mapping[str, Any]) -> list[Link]:
    found = work.get("link")
    rows = found if isinstance(found, list) else []
    pdfs = (
        web_url(row.get("URL"))
        for row in rows
        if isinstance(row, dict) and row.get("content-type") == "application/pdf"
    )
    return [Link(label="PDF", url=url) for url in pdfs if url][:1]


def _published_at(work: Mapping[str, Any]) -> datetime | None:
    """Return the first complete date; one of a year or a month alone is none."""
    for key in _DATE_KEYS:
        value = work.get(key)
        parts = value.get("date-parts") if isinstance(value, dict) else None
        match parts:
            case [[int(year), int(month), int(day), *_], *_]:
                try:
                    return datetime(year, month, day, tzinfo=UTC)
                except ValueError:
                    continue
            case _:
                continue
    return None
