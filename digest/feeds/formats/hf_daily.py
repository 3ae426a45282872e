"""Hugging Face Daily Papers, the JSON of `https://huggingface.co/api/daily_papers`. Pure.

The outer `publishedAt` means different things in different years (the posting time in
2024, US Eastern in 2026), so the day of listing is `paper.submittedOnDailyAt` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from digest.errors import ParseError
from digest.feeds.formats import arxiv
from digest.feeds.formats.dates import parse_date
from digest.feeds.formats.entries import clip, make_entry, web_url
from digest.model import Entry, Link, ParsedFeed


def is_hf_daily(document: object) -> bool:
    """Tell whether this is a list of daily papers."""
    return (
        isinstance(document, list)
        and bool(document)
        and any(isinstance(row, dict) and isinstance(row.get("paper"), dict) for row in document)
    )


def parse_hf_daily(document: object, *, max_entries: int) -> ParsedFeed:
    """Read the document. A day without papers is an empty list, and valid.

    Raises:
        ParseError: If it is something else.
    """
    if not isinstance(document, list):
        raise ParseError("this is not the JSON of Hugging Face Daily Papers: no list of papers")
    entries: list[Entry] = []
    left_out = 0
    for row in document[:max_entries]:
        entry = _entry(row) if isinstance(row, dict) else None
        if entry is None:
            left_out += 1
        else:
            entries.append(entry)
    warnings = []
    if left_out:
        warnings.append(f"{left_out} of {len(document)} rows are no papers and were left out")
    if len(document) > max_entries:
        warnings.append(f"only the first {max_entries} of {len(document)} rows were read")
    if document and not entries:
        raise ParseError("this is not the JSON of Hugging Face Daily Papers: no row is a paper")
    return ParsedFeed(
        format="hf-daily",
        title="Hugging Face Daily Papers",
        entries=tuple(entries),
        warnings=tuple(warnings),
        rows=len(document),
    )


def _entry(row: Mapping[str, Any]) -> Entry | None:
    paper = row.get("paper")
    if not isinstance(paper, dict):
        return None
    paper_id = clip(paper.get("id"), 100)
    known = arxiv.is_arxiv_id(paper_id)
    page = web_url(f"https://huggingface.co/papers/{paper_id}") if paper_id else None
    submitted_at = parse_date(paper.get("submittedOnDailyAt"))
    links = [
        Link(label="Hugging Face", url=page) if page and known else None,
        _link("code", paper.get("githubRepo")),
        _link("project", paper.get("projectPage")),
    ]
    return make_entry(
        title=paper.get("title") or row.get("title"),
        source_id=paper_id,
        url=f"https://arxiv.org/abs/{arxiv.without_version(paper_id)}" if known else page,
        abstract=paper.get("summary") or row.get("summary"),
        authors=_names(paper.get("authors")),
        tags=_texts(paper.get("ai_keywords")),
        identifiers=[f"arXiv:{paper_id}" if known else "", page],
        links=[link for link in links if link is not None],
        published_at=parse_date(paper.get("publishedAt")),
        listed_on=submitted_at.date() if submitted_at else None,
        upvotes=paper.get("upvotes"),
        comments=row.get("numComments"),
        stars=paper.get("githubStars"),
    )


def _names(authors: object) -> list[object]:
    if not isinstance(authors, list):
        return []
    return [author.get("name") for author in authors if isinstance(author, dict)]


def _texts(values: object) -> list[object]:
    return list(values) if isinstance(values, list) else []


def _link(label: str, target: object) -> Link | None:
    url = web_url(target)
    return Link(label=label, url=url) if url else None
