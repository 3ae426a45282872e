"""`digest why`: the trace of one paper for one subscriber."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli import output
from digest.cli.frame import Frame, command
from digest.cli.papers import alias_of
from digest.cli.subscribers import existing_subscriber


def register(app: typer.Typer) -> None:
    """Hang the command into the command tree."""
    command(app, "why", example="digest why ada@example.org 2501.12948")(why)


def why(
    frame: Frame,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="A subscriber.")],
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Any alias of the paper.")],
) -> None:
    """Trace why a paper is, or is not, in somebody's digest. Exit 0 whatever the verdict."""
    from digest.explain import explain

    alias = alias_of(paper)
    with frame.service() as service, service.store.read() as tx:
        subscriber = existing_subscriber(tx, email)
        found, trace = explain(
            tx,
            subscriber,
            alias,
            now=service.clock(),
            settings=service.settings.digest,
            synonyms=service.annotator.synonyms,
        )
    columns = [
        output.Column(heading="check"),
        output.Column(heading="ok"),
        output.Column(heading="detail"),
    ]
    rows = [(step.check, "yes" if step.ok else "no", step.detail) for step in trace.steps]
    named = found.alias if found else alias
    heading = [output.printable(found.title)] if found else []
    heading += [f"{subscriber.email}, {named}: {trace.verdict}", ""]
    frame.show(
        {
            "email": subscriber.email,
            "paper": named,
            "title": found.title if found else None,
            "verdict": trace.verdict,
            "steps": [
                {"check": step.check, "ok": step.ok, "detail": step.detail} for step in trace.steps
            ],
        },
        "\n".join([*heading, output.table(columns, rows)]),
    )
