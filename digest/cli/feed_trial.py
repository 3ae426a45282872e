"""What `digest feeds test` says of a feed."""

from __future__ import annotations

from typing import Any

from digest.cli import output
from digest.cli.cards import say_authors
from digest.papers.trial import Trial


def trial_text(trial: Trial) -> str:
    """Say it to a person: what was read, and a line a paper."""
    parsed = trial.parsed
    lines = [
        (
            f"{output.printable(parsed.title) or '(no title)'}: {parsed.format}, "
            f"{output.count(len(parsed.entries), 'entry', 'entries')}, "
            f"{output.count(len(trial.papers), 'paper')}"
        ),
        *(f"  note: {output.printable(warning)}" for warning in parsed.warnings),
    ]
    if trial.papers:
        columns = [
            output.Column(heading="paper", max_width=36),
            output.Column(heading="upvotes", align="right"),
            output.Column(heading="authors", max_width=32),
            output.Column(heading="title", max_width=80),
        ]
        rows = [
            (
                paper.aliases[0] if paper.aliases else None,
                paper.upvotes,
                say_authors(paper.authors, at_most=1),
                paper.title,
            )
            for paper in trial.papers
        ]
        lines += ["", output.table(columns, rows)]
    return "\n".join(lines)


def trial_document(source: str, trial: Trial) -> dict[str, Any]:
    """Say it to a program."""
    return {
        "source": source,
        "format": trial.parsed.format,
        "title": trial.parsed.title,
        "warnings": list(trial.parsed.warnings),
        "entries": len(trial.parsed.entries),
        "papers": [
            {
                "id": next(iter(paper.aliases), None),
                "aliases": list(paper.aliases),
                "title": paper.title,
                "abstract": paper.abstract,
                "authors": list(paper.authors),
                "venue": paper.venue,
                "url": paper.url,
                "tags": list(paper.tags),
                "published_on": paper.published_on,
                "version": paper.version,
                "listed_on": paper.listed_on,
                "upvotes": paper.upvotes,
            }
            for paper in trial.papers
        ],
    }
