"""`digest papers`: what is known of papers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from digest.cli import output
from digest.cli.cards import match_document, paper_document, paper_page
from digest.cli.frame import Frame, command, new_group
from digest.errors import NotFoundError, UsageError
from digest.model import Alias

group = new_group(name="papers", help_text="Look at the papers that feeds brought.")


def register(app: typer.Typer) -> None:
    """Hang the group into the command tree."""
    app.add_typer(group)


@command(group, "show", example="digest papers show 2501.12948")
def show(
    frame: Frame,
    paper_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Any alias: 2501.12345, arxiv:2501.12345v2, doi:…, a URL."
        ),
    ],
) -> None:
    """Show all that is known of one paper."""
    from digest.papers.trend import velocity
    from digest.store.papers import get_paper, paper_revisions
    from digest.store.scores import paper_scores

    alias = alias_of(paper_id)
    with frame.service() as service, service.store.read() as tx:
        paper = get_paper(tx, alias)
        revisions = paper_revisions(tx, paper.id) if paper else []
        scores = paper_scores(tx, paper.id) if paper else []
        today = service.clock().date()
    if paper is None:
        raise NotFoundError(f"no feed has brought {alias}")
    pace = velocity(scores, until=today)
    document = {
        **paper_document(paper),
        "upvotes_per_day": pace.upvotes,
        "comments_per_day": pace.comments,
        "stars_per_day": pace.stars,
        "versions": [
            {"version": one.version, "seen_at": at, "changed": list(one.changed)}
            for at, one in revisions
        ],
    }
    lines = [paper_page(paper)]
    lines += [
        f"  version {one.version}, seen {at:%Y-%m-%d}: "
        f"{', '.join(one.changed) or 'nothing of these texts'} changed"
        for at, one in revisions
    ]
    if pace.upvotes is not None:
        lines.append(f"  {pace.upvotes:+.1f} upvotes a day in the last week")
    frame.show({"paper": document}, "\n".join(lines))


def alias_of(text: str) -> Alias:
    """Return the alias that a person wrote.

    Raises:
        UsageError: If it is no identifier.
    """
    from digest.papers.identity import parse_alias

    alias = parse_alias(text)
    if alias is None:
        raise UsageError(
            f"{text} is no identifier: write 2501.12345, doi:10.…, pmid:… or a URL of these"
        )
    return alias


@command(
    group, "search", example="digest papers search 'protein -survey' --days 90", loose_options=True
)
def search(
    frame: Frame,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="See docs/query-language.md.")],
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=3660, help="How far to look back.")
    ] = 90,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="How many to show.")
    ] = 50,
) -> None:
    """List the papers of the last months that a query matches, best first."""
    from digest.lookback import look_back
    from digest.matching.query import parse_query

    parsed = parse_query(query)
    with frame.service() as service:
        now = service.clock()
        with service.store.read() as tx:
            found = look_back(
                tx,
                parsed,
                service.annotator,
                since=now - timedelta(days=days),
                until=now,
                show=limit,
                narrow=False,
            )
    columns = [
        output.Column(heading="paper", max_width=36),
        output.Column(heading="upvotes", align="right"),
        output.Column(heading="first seen"),
        output.Column(heading="title", max_width=90),
    ]
    rows = [
        (one.paper.alias, one.paper.upvotes, one.paper.first_seen_at.date(), one.paper.title)
        for one in found.matches
    ]
    more = found.total - len(rows)
    lines = [output.table(columns, rows) if rows else "no paper matches"]
    if more:
        lines.append(f"and {more:,} more: raise --limit")
    frame.show(
        {
            "query": query,
            "total": found.total,
            "papers": [match_document(one) for one in found.matches],
        },
        "\n".join(lines),
    )
