"""`digest match`: what a query would have caught."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from digest.cli import output
from digest.cli.cards import match_card, match_document
from digest.cli.frame import Frame, command

DaysOption = Annotated[
    int, typer.Option("--days", metavar="N", min=1, max=3660, help="How far to look back.")
]


def register(app: typer.Typer) -> None:
    """Hang the command into the command tree."""
    command(
        app,
        "match",
        example="""digest match '"sparse autoencoder*" -survey' --days 30""",
        loose_options=True,
    )(match)


def match(
    frame: Frame,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="See docs/query-language.md.")],
    days: DaysOption = 7,
) -> None:
    """Show the papers of the last days that a query matches, and why."""
    from digest.matching.backtest import backtest
    from digest.matching.query import canonical, hints, parse_query
    from digest.store.papers import recent_papers

    parsed = parse_query(query)
    for hint in hints(parsed):
        frame.note(f"digest: {hint.cause}; did you mean `{hint.suggestion}`?")
    with frame.service() as service:
        now = service.clock()
        with service.store.read() as tx:
            papers = recent_papers(tx, now - timedelta(days=days), now)
    matches = backtest(parsed, papers)
    looked_at = f"{output.count(len(papers), 'paper')} of the last {output.count(days, 'day')}"
    heading = (
        f"{len(matches):,} of {looked_at} {'matches' if len(matches) == 1 else 'match'} "
        f"{canonical(parsed)}"
    )
    if not papers:
        frame.note("digest: no papers of these days are here; `digest feeds poll` fetches some")
    frame.show(
        {
            "query": query,
            "canonical": canonical(parsed),
            "days": days,
            "looked_at": len(papers),
            "total": len(matches),
            "papers": [match_document(one) for one in matches],
        },
        "\n\n".join([heading, *(match_card(one) for one in matches)]),
    )
