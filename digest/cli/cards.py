"""How a paper and the reasons for it look on a terminal and in JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from digest.cli import output
from digest.model import Match, Paper, Reason

_WIDTH = 88
_MAX_AUTHORS = 4


def match_card(match: Match) -> str:
    """Show a paper in three lines: its title, where it is, why it is here."""
    paper = match.paper
    places = [paper.alias, *upvotes_note(paper), paper.url]
    return "\n".join(
        [
            textwrap.fill(
                output.printable(paper.title),
                _WIDTH,
                initial_indent="  ",
                subsequent_indent="  ",
            ),
            "    " + " · ".join(place for place in places if place),
            "    " + say_reasons(match.reasons),
        ]
    )


def upvotes_note(paper: Paper) -> list[str]:
    """Say the upvotes and their change, if there are any."""
    if paper.upvotes is None:
        return []
    change = f" ({paper.upvotes_change:+,})" if paper.upvotes_change else ""
    return [f"▲ {paper.upvotes:,}{change}"]


def say_reasons(reasons: Sequence[Reason]) -> str:
    """Say why a paper is here, in the words of the mails."""
    from digest.digests.reasons import plain_why, why_line

    return output.printable(plain_why(why_line(reasons)))


def say_authors(authors: Sequence[str], *, at_most: int = _MAX_AUTHORS) -> str:
    """Name the first authors and count the others."""
    named = list(authors[:at_most])
    others = len(authors) - len(named)
    return output.printable(", ".join(named) + (f" and {others} more" if others else ""))


def match_document(match: Match) -> dict[str, Any]:
    """Return a match as JSON."""
    return {
        "id": match.paper.alias,
        "title": match.paper.title,
        "url": match.paper.url,
        "upvotes": match.paper.upvotes,
        "reasons": [
            {
                "term": reason.term,
                "field": reason.field,
                "query": reason.query,
                "without": list(reason.without),
                "asked": reason.asked or None,
                "span": list(reason.span) if reason.span else None,
            }
            for reason in match.reasons
        ],
    }


def paper_document(paper: Paper) -> dict[str, Any]:
    """Return a paper as JSON."""
    return {
        "id": paper.alias,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "venue": paper.venue,
        "url": paper.url,
        "tags": list(paper.tags),
        "feeds": list(paper.feeds),
        "links": [{"label": link.label, "url": link.url} for link in paper.links],
        "published_on": paper.published_on,
        "version": paper.version,
        "first_seen_at": paper.first_seen_at,
        "upvotes": paper.upvotes,
        "upvotes_change": paper.upvotes_change,
        "comments": paper.comments,
        "stars": paper.stars,
    }


def paper_page(paper: Paper) -> str:
    """Show all that is known of a paper."""
    upvotes = upvotes_note(paper)
    known = output.facts(
        [
            ("paper", paper.alias),
            ("authors", say_authors(paper.authors, at_most=12) or None),
            ("venue", paper.venue or None),
            ("url", paper.url or None),
            ("tags", ", ".join(paper.tags) or None),
            ("feeds", ", ".join(paper.feeds) or None),
            ("also on", ", ".join(f"{link.label} {link.url}" for link in paper.links) or None),
            ("published", paper.published_on),
            ("version", str(paper.version) if paper.version else None),
            ("first seen", paper.first_seen_at),
            ("upvotes", upvotes[0] if upvotes else None),
            ("stars", paper.stars),
        ],
        indent="  ",
    )
    abstract = textwrap.fill(
        output.printable(paper.abstract), _WIDTH, initial_indent="  ", subsequent_indent="  "
    )
    return "\n".join([output.printable(paper.title), "", known, *(["", abstract] * bool(abstract))])
