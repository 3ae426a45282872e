"""`digest demo`: the main job once, offline, and the proof that nothing comes twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli import output
from digest.cli.cards import match_document, say_reasons, upvotes_note
from digest.cli.frame import Frame, command

if TYPE_CHECKING:
    from digest.demo import DayReport, DemoReport, SentDigest
    from digest.subscribers.wanted import SubscriberLine

_TITLE_WIDTH = 54
_WHY_WIDTH = 52


def register(app: typer.Typer) -> None:
    """Hang the command into the command tree."""
    command(app, "demo", example="digest demo")(demo)


def demo(
    frame: Frame,
    folder: Annotated[
        Path,
        typer.Option("--folder", metavar="DIR", help="Where it plays; a former demo there goes."),
    ] = Path("var/demo"),
) -> None:
    """Poll sample feeds, match, render and deliver digests into a local outbox; offline.

    The demo has clocks of its own and plays three days of February 2026; `--at` does not
    change them.
    """
    from digest.demo import run_demo
    from digest.demo.people import PEOPLE

    if not frame.as_json:
        _say(_opening(PEOPLE))
    report = run_demo(folder, on_day=lambda day: None if frame.as_json else _say(_day(day)))
    frame.show(_document(report), _proof(report))


def _say(text: str) -> None:
    typer.echo(text + "\n")


def _opening(people: tuple[SubscriberLine, ...]) -> str:
    columns = [
        output.Column(heading="subscriber"),
        output.Column(heading="wants"),
        output.Column(heading="when"),
        output.Column(heading="at most", align="right"),
    ]
    rows = [
        (
            line.email,
            "; ".join(
                [
                    *(f"tag {tag}" for tag in line.tags or ()),
                    *(line.keywords or ()),
                    *(f"never {query}" for query in line.muted or ()),
                ]
            ),
            f"{line.days} {line.hour:02}:00 {line.timezone}",
            line.max_papers or "-",
        )
        for line in people
    ]
    return (
        "Three sample feeds on loopback, three subscribers, three days. No network, no mail "
        "server.\n\n" + output.table(columns, rows, indent="  ")
    )


def _day(report: DayReport) -> str:
    heading = f"{report.day:%A}, {report.day.day} {report.day:%B %Y}"
    if report.baseline:
        heading += ": each feed's first document is its baseline, stored and mailed to nobody"
    columns = [
        output.Column(heading="feed"),
        output.Column(heading="status"),
        output.Column(heading="entries", align="right"),
        output.Column(heading="new papers", align="right"),
        output.Column(heading="revised", align="right"),
    ]
    rows = [
        (feed.name, feed.status, feed.entries, feed.new_papers, feed.revised_papers)
        for feed in report.polls
    ]
    parts = [heading, output.table(columns, rows, indent="  ")]
    parts += [_digest(digest) for digest in report.digests]
    if not report.baseline:
        parts.append(f"  `digest deliver` once more: {report.prepared_again} prepared")
    return "\n\n".join(parts)


def _digest(digest: SentDigest) -> str:
    delivery = digest.delivery
    heading = f"  {digest.at:%H:%M} UTC  {digest.email}  {delivery.state}"
    if not digest.matches:
        return f"{heading}: {delivery.reply}"
    heading += f", {output.count(len(digest.matches), 'paper')}"
    if delivery.left_over:
        heading += f" ({delivery.left_over} more found no room)"
    columns = [
        output.Column(heading="upvotes", align="right"),
        output.Column(heading="paper", max_width=_TITLE_WIDTH),
        output.Column(heading="why", max_width=_WHY_WIDTH),
    ]
    rows = [
        (
            "".join(upvotes_note(match.paper)).removeprefix("▲ "),
            match.paper.title,
            say_reasons(match.reasons),
        )
        for match in digest.matches
    ]
    return heading + "\n" + output.table(columns, rows, indent="    ")


def _proof(report: DemoReport) -> str:
    tallies = output.table(
        [
            output.Column(heading="subscriber"),
            output.Column(heading="mails", align="right"),
            output.Column(heading="papers", align="right"),
            output.Column(heading="distinct", align="right"),
            output.Column(heading="twice", align="right"),
        ],
        [(one.email, one.digests, one.papers, one.distinct, one.twice) for one in report.tallies],
        indent="  ",
    )
    again = output.table(
        [
            output.Column(heading="mailed on Tuesday", max_width=_TITLE_WIDTH),
            output.Column(heading="on Wednesday"),
            output.Column(heading="readers had it"),
        ],
        [
            (one.paper.title, ", ".join(one.what), _times(one.most_copies))
            for one in report.seen_again
        ],
        indent="  ",
    )
    return "\n\n".join(
        [
            "Nothing twice, counted in the mails themselves",
            tallies,
            "These came back, and nobody who had them got them again",
            again,
            f"Look closer: DIGEST_SERVICE__DATA_DIR={report.outbox.parent} digest deliveries list",
            f"{output.count(len(report.mails), 'mail')} for any mail program: {report.outbox}",
        ]
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _document(report: DemoReport) -> dict[str, Any]:
    return {
        "days": [
            {
                "day": day.day,
                "baseline": day.baseline,
                "feeds": [
                    {
                        "name": feed.name,
                        "status": feed.status,
                        "entries": feed.entries,
                        "new_papers": feed.new_papers,
                        "revised_papers": feed.revised_papers,
                    }
                    for feed in day.polls
                ],
                "digests": [
                    {
                        "email": digest.email,
                        "period": digest.delivery.period,
                        "state": digest.delivery.state,
                        "left_over": digest.delivery.left_over,
                        "papers": [match_document(match) for match in digest.matches],
                    }
                    for digest in day.digests
                ],
                "prepared_again": day.prepared_again,
            }
            for day in report.days
        ],
        "subscribers": [
            {
                "email": one.email,
                "mails": one.digests,
                "papers": one.papers,
                "distinct": one.distinct,
                "twice": one.twice,
            }
            for one in report.tallies
        ],
        "seen_again": [
            {
                "id": one.paper.alias,
                "title": one.paper.title,
                "what": list(one.what),
                "copies": one.most_copies,
            }
            for one in report.seen_again
        ],
        "outbox": report.outbox,
    }
