"""`digest db`: the schema of the database."""

from __future__ import annotations

import typer

from digest.cli import output
from digest.cli.frame import Frame, command, new_group

group = new_group(name="db", help_text="Make the database, bring it up to date, look at it.")


def register(app: typer.Typer) -> None:
    """Hang the group into the command tree."""
    app.add_typer(group)


@command(group, "upgrade", example="digest db upgrade")
def upgrade(frame: Frame) -> None:
    """Bring the schema to the newest revision; an empty database gets all of it."""
    from digest.service import open_service
    from digest.store.engine import head_revision

    service = open_service(frame.settings(), clock=frame.clock)
    try:
        before = service.store.schema_revision()
        service.store.upgrade()
        after = service.store.schema_revision()
    finally:
        service.close()
    done = "nothing to do" if before == after else f"from {before or 'empty'}"
    frame.show(
        {"before": before, "revision": after, "newest": head_revision()},
        f"schema is at {after} ({done})",
    )


@command(group, "status", example="digest db status --json")
def status(frame: Frame) -> None:
    """Show the schema revision and what the database holds; exit 1 if it does not fit."""
    from sqlmodel import func, select

    from digest.service import open_service
    from digest.store.engine import head_revision
    from digest.store.tables import Table

    service = open_service(frame.settings(), clock=frame.clock)
    shown = service.database_shown
    rows: dict[str, int] = {}
    try:
        revision, newest = service.store.schema_revision(), head_revision()
        if revision == newest:
            with service.store.read() as tx:
                for name, table in sorted(Table.metadata.tables.items()):
                    rows[name] = tx.exec(select(func.count()).select_from(table)).one()
    finally:
        service.close()
    columns = [output.Column(heading="table"), output.Column(heading="rows", align="right")]
    lines = [
        output.facts(
            [
                ("database", shown),
                ("schema", revision or "empty"),
                ("newest", newest),
            ]
        )
    ]
    if rows:
        lines += ["", output.table(columns, list(rows.items()))]
    frame.show(
        {
            "database": shown,
            "revision": revision,
            "newest": newest,
            "rows": rows,
        },
        "\n".join(lines),
    )
    if revision not in (None, newest):
        frame.problem(f"the schema is at {revision}, not {newest}: run `digest db upgrade`")
