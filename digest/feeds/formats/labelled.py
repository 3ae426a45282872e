"""Descriptions that hold a paper's facts as labelled paragraphs. Pure.

Many publishers and private feeds write `<p><b>Authors:</b> …</p><p>Abstract: …</p>`
where a feed has elements of its own. We read the labels we know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from digest.feeds.formats.entries import count, plain

_LABELS = {
    "author": "authors",
    "authors": "authors",
    "author(s)": "authors",
    "upvotes": "upvotes",
    "summary": "abstract",
    "abstract": "abstract",
    "摘要": "abstract",
    "doi": "doi",
    "source": "venue",
    "publication date": "date",
}
_BLOCK = re.compile(r"<(?:p|div|li|h[1-6])\b[^<>]*>|<br\s*/?>", re.IGNORECASE)
_LABEL = re.compile(
    r"^\s*(?:<(?:b|strong|em|i)\b[^<>]*>\s*)*(?P<label>[\w() ]{2,20}?)\s*[:：]\s*"
    r"(?:</(?:b|strong|em|i|h[1-6])>\s*)*(?P<value>.*)$",
    re.DOTALL,
)
_END_OF_BLOCK = re.compile(r"\s*</(?:p|div|li|h[1-6])>.*$", re.DOTALL | re.IGNORECASE)
# A heading of its own: `<div class="boxTitle">Abstract</div>`, `<b>ABSTRACT</b></p><p>`.
# CNKI: names with semicolons, a line break, the abstract.
_NAMES_FIRST = re.compile(r"^((?:[^<>;]{2,60};){1,100})\s*</?br\s*/?>(.*)$", re.DOTALL)
_CITATION = re.compile(r"(?:[^.]{0,80}, )?(?:Volume \d+, Issue .{0,120}|EarlyView\.?)", re.DOTALL)
_ABSTRACT_HEADING = re.compile(
    r"(?:^|>)\s*abstract\s*(?:(?:</?[a-z0-9]+\b[^<>]*>\s*)+|\n)", re.IGNORECASE
)
_HEADING_REACH = 3_000
_MAX_SCRAPS = 200
_MAX_CITATION = 1_000
"""Of markup: the words of a citation are at most a third of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The facts found; "" and None where there was no such label."""

    authors: str = ""
    abstract: str = ""
    doi: str = ""
    venue: str = ""
    upvotes: int | None = None
    rest: str = ""
    """What no label claimed: an abstract, unless it is only scraps."""


def read_labelled(markup: str) -> Labelled:
    """Read the labelled paragraphs of a description.

    The abstract keeps its markup up to the end of its paragraph, the rest is plain.
    """
    if "<" not in markup and not _LABEL.match(markup):
        # Plain text, as most of what arXiv announces.
        return Labelled(rest=_rest(markup, {}, []))
    names_first = _NAMES_FIRST.match(markup)
    if names_first:
        return Labelled(authors=names_first[1].strip(" ;"), rest=names_first[2].strip())
    facts: dict[str, str] = {}
    unclaimed: list[str] = []
    for block in _BLOCK.split(markup):
        match = _LABEL.match(block)
        fact = _LABELS.get(match["label"].strip().lower()) if match else None
        if match is None or fact is None or facts.get(fact):
            unclaimed.append(block)
            continue
        value = match["value"]
        facts[fact] = _END_OF_BLOCK.sub("", value).strip() if fact == "abstract" else plain(value)
    return Labelled(
        authors=facts.get("authors", ""),
        abstract=facts.get("abstract", ""),
        doi=facts.get("doi", ""),
        venue=facts.get("venue", ""),
        upvotes=count(facts.get("upvotes", "")),
        rest=_rest(markup, facts, unclaimed),
    )


def after_abstract_heading(markup: str) -> str:
    """Return what follows a heading "Abstract" near the start of a text, or ""."""
    if "abstract" not in markup[:_HEADING_REACH].lower():
        return ""
    match = _ABSTRACT_HEADING.search(markup, 0, _HEADING_REACH)
    return markup[match.end() :].strip() if match else ""


def _rest(markup: str, facts: dict[str, str], unclaimed: list[str]) -> str:
    if not facts:
        is_citation = len(markup) < _MAX_CITATION and _CITATION.fullmatch(plain(markup))
        return "" if is_citation else markup
    rest = "<p>".join(unclaimed).strip()
    return rest if len(plain(rest)) > _MAX_SCRAPS else ""
