"""`digest deliveries limits`: what holds mail back, and lifting it."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli import output
from digest.cli.frame import Frame, command
from digest.errors import NotFoundError


def register(group: typer.Typer) -> None:
    """Hang the command into `digest deliveries`."""
    command(group, "limits", example="digest deliveries limits --clear relay")(limits)


def limits(
    frame: Frame,
    clear: Annotated[
        str | None,
        typer.Option(
            "--clear",
            metavar="KEY",
            help="Lift one: a domain, or `relay`.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List what holds mail back now: the relay after it refused us, domains that asked for it."""
    from digest.store.send_limits import clear_limit, held_limits

    with frame.service() as service:
        if clear is not None:
            with service.store.write() as tx:
                if not clear_limit(tx, clear.lower()):
                    raise NotFoundError(f"nothing is known to hold back {clear}")
        with service.store.read() as tx:
            held = held_limits(tx, service.clock())
    columns = [
        output.Column(heading="held"),
        output.Column(heading="until"),
        output.Column(heading="because", max_width=90),
    ]
    rows = [(one.key, one.held_until_at, one.reason) for one in held]
    frame.show(
        {
            "limits": [
                {"key": one.key, "until": one.held_until_at, "reason": one.reason} for one in held
            ],
            "cleared": clear,
        },
        output.table(columns, rows) if rows else "nothing is held back",
    )
