"""`digest match`: what a query would have caught."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli import output
from digest.cli.cards import match_card, match_document
from digest.cli.frame import Frame, command

if TYPE_CHECKING:
    from digest.lookback import LookBack, Narrowing

DaysOption = Annotated[
    int, typer.Option("--days", metavar="N", min=1, max=3660, help="How far to look back.")
]

LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit", metavar="N", min=0, help="Show only so many, the best.", show_default="all"
    ),
]
_MAX_NARROWINGS = 2


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
    limit: LimitOption = None,
) -> None:
    """Show the papers of the last days that a query matches, and why."""
    from digest.lookback import look_back
    from digest.matching.hints import hints
    from digest.matching.query import canonical, parse_query
    from digest.store.fulltext import count_seen

    parsed = parse_query(query)
    doubts = hints(parsed)
    for hint in doubts:
        frame.note(f"digest: {hint.told}")
    with frame.service() as service:
        now = service.clock()
        since = now - timedelta(days=days)
        with service.store.read() as tx:
            looked_at = count_seen(tx, since, now)
            found = look_back(
                tx,
                parsed,
                service.annotator,
                since=since,
                until=now,
                show=limit,
            )
    if not looked_at:
        frame.note(
            "digest: no papers of these days are here; a longer --days finds older ones, "
            "`digest feeds poll` fetches new ones"
        )
    frame.show(
        {
            "query": query,
            "canonical": canonical(parsed),
            "hints": [
                {"cause": one.cause, "position": one.position, "suggestion": one.suggestion}
                for one in doubts
            ],
            "days": days,
            "looked_at": looked_at,
            "total": found.total,
            "papers": [match_document(one) for one in found.matches],
            "narrower": [
                {"excluded": one.excluded, "query": one.query, "total": one.total}
                for one in found.narrowings
            ],
        },
        _told(found, canonical(parsed), looked_at, days),
    )


def _told(found: LookBack, canonical: str, looked_at: int, days: int) -> str:
    papers = f"{output.count(looked_at, 'paper')} of the last {output.count(days, 'day')}"
    lines = [
        f"{found.total:,} of {papers} {'matches' if found.total == 1 else 'match'} {canonical}"
    ]
    if len(found.matches) < found.total:
        shown = len(found.matches)
        lines[0] += f"; here {'is' if shown == 1 else 'are'} {shown:,}"
    if found.narrowings:
        gives = [f"{_narrower(one)} gives {one.total:,}" for one in found.narrowings]
        lines[0] += "\n" + "; ".join(gives[:_MAX_NARROWINGS])
    return "\n\n".join([*lines, *(match_card(one) for one in found.matches)])


def _narrower(one: Narrowing) -> str:
    return f"adding `-{one.excluded}`" if one.instead is None else f"`{one.instead}`"
