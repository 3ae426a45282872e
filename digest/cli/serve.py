"""`digest run`, and its parts `scheduler`, `worker` and `web`: the processes that stay."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Hang the commands into the command tree."""
