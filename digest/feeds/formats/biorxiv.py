"""bioRxiv and medRxiv, the JSON of `https://api.biorxiv.org/details/…`. Pure.

See https://api.biorxiv.org/. Every version of a preprint is a row of its own; `published`
is the DOI of the journal's version once there is one, "NA" before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from digest.errors import ParseError
from digest.feeds.formats.dates import parse_date
from digest.feeds.formats.entries import MAX_ABSTRACT, clip, count, make_entry, web_url
from digest.feeds.formats.highwire import without_highwire
from digest.model import Entry, Link, ParsedFeed

_SITES = {"biorxiv": "bioRxiv", "medrxiv": "medRxiv"}


def is_biorxiv(document: object) -> bool:
    """Tell whether this is an answer of the bioRxiv API."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("messages"), list)
        and isinstance(document.get("collection"), list)
    )


def parse_biorxiv(document: object, *, max_entries: int) -> ParsedFeed:
    """Read one page of the answer. A span without posts is valid and empty.

    Raises:
        ParseError: If it is something else, or the server reports an error.
    """
    said = _said(document)
    status = clip(said.get("status"), 200)
    rows = document.get("collection") if isinstance(document, dict) else None
    # Errors come with status 200, some of them without a list.
    if not rows and status not in ("ok", "") and not status.startswith("no posts found"):
        raise ParseError(f"the server reports an error: {status}")
    if not isinstance(rows, list):
        raise ParseError("this is not the JSON of the bioRxiv API: no list of preprints")
    entries = [_entry(row) if isinstance(row, dict) else None for row in rows[:max_entries]]
    untitled = entries.count(None)
    warnings = []
    if untitled:
        warnings.append(f"{untitled} of {len(rows)} rows are no preprints and were left out")
    if len(rows) > max_entries:
        warnings.append(f"only the first {max_entries} of {len(rows)} rows were read")
    if rows and untitled == len(entries):
        raise ParseError("this is not the JSON of the bioRxiv API: no row is a preprint")
    return ParsedFeed(
        format="biorxiv",
        title="bioRxiv and medRxiv",
        entries=tuple(entry for entry in entries if entry is not None),
        warnings=tuple(warnings),
        rows=len(rows),
        total=count(said.get("total")),
    )


def _said(document: object) -> Mapping[str, Any]:
    messages = document.get("messages") if isinstance(document, dict) else None
    found = messages if isinstance(messages, list) else []
    return next((one for one in found if isinstance(one, dict)), {})


def _entry(row: Mapping[str, Any]) -> Entry | None:
    doi = clip(row.get("doi"), 300)
    version = count(row.get("version"))
    named = f"{doi}v{version}" if doi and version else doi
    server = clip(row.get("server"), 30)
    site = _SITES.get(server.lower(), server)
    host = f"https://www.{server.lower()}.org" if server.lower() in _SITES else ""
    journal = clip(row.get("published"), 300)
    is_published = journal.startswith("10.")
    pdf = web_url(f"{host}/content/{named}.full.pdf") if host and version else None
    links = [Link(label="PDF", url=pdf)] if pdf else []
    if is_published:
        journal_page = web_url(f"https://doi.org/{journal}")
        links += [Link(label="journal", url=journal_page)] if journal_page else []
    return make_entry(
        title=row.get("title"),
        source_id=None,
        url=web_url(f"{host}/content/{named}") if host and doi else None,
        abstract=without_highwire(clip(row.get("abstract"), 2 * MAX_ABSTRACT)),
        authors=[row.get("authors")],
        venue=site,
        tags=[row.get("category")],
        identifiers=[f"doi:{named}" if doi else "", f"doi:{journal}" if is_published else ""],
        links=links,
        published_at=parse_date(row.get("date")),
    )
