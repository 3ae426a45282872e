"""`digest bounces`: what came back by mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli import output
from digest.cli.frame import Frame, command, new_group
from digest.errors import ReportError

if TYPE_CHECKING:
    from digest.delivery.returns.ingest import Taken
    from digest.delivery.returns.mailbox import MailFile
    from digest.service import Service

group = new_group(name="bounces", help_text="What came back by mail: bounces, complaints.")


def register(app: typer.Typer) -> None:
    """Hang the group into the command tree."""
    app.add_typer(group)


@command(group, "ingest", example="digest bounces ingest ~/Maildir/.bounces")
def ingest(
    frame: Frame,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Mails as files, Maildirs, or - for stdin."),
    ],
    *,
    seen: Annotated[
        bool,
        typer.Option(
            "--seen", help="Also the mails of a Maildir that are marked seen.", show_default=False
        ),
    ] = False,
) -> None:
    """Take in bounces, complaints and requests to leave; the same mail twice is taken once."""
    documents: list[dict[str, Any]] = []
    rows: list[tuple[output.Cell, ...]] = []
    counts: Counter[str] = Counter()
    with frame.service() as service:
        for name in files:
            for file, taken in _take(frame, service, name, seen=seen):
                documents.append(_document(file, taken))
                rows.append(_row(file, taken))
                counts[taken.effect.value if taken else "unreadable"] += 1
    columns = [
        output.Column(heading="effect"),
        output.Column(heading="kind"),
        output.Column(heading="status"),
        output.Column(heading="delivery", align="right"),
        output.Column(heading="subscriber", max_width=40),
        output.Column(heading="detail", max_width=70),
        output.Column(heading="file", max_width=60),
    ]
    said = ", ".join(f"{number:,} {what}" for what, number in sorted(counts.items()))
    frame.show(
        {"files": documents, "counts": dict(sorted(counts.items()))},
        "\n\n".join([output.table(columns, rows), said]) if rows else "nothing new",
    )


def _take(
    frame: Frame, service: Service, name: str, *, seen: bool
) -> Iterator[tuple[MailFile, Taken | None]]:
    """Take in all that a name means; what cannot be read is told, and stops nothing."""
    from digest.delivery.returns.mailbox import mail_files

    try:
        for file in mail_files(name, seen=seen):
            yield file, _take_in(frame, service, file)
    except ReportError as exc:
        frame.problem(f"{name}: {exc}")


def _take_in(frame: Frame, service: Service, file: MailFile) -> Taken | None:
    from digest.delivery.returns.ingest import take_in

    kept_for = timedelta(days=service.settings.digest.retention_days)
    taken = None
    try:
        data = file.read()
    except ReportError as exc:  # it may be there again next time
        frame.problem(f"{file.name}: {exc}")
        return None
    try:
        taken = take_in(service.store, service.signer, data, now=service.clock(), kept_for=kept_for)
    except ReportError as exc:
        frame.problem(f"{file.name}: {exc}")
    try:
        file.set_aside(readable=taken is not None)
    except ReportError as exc:
        frame.problem(f"{file.name}: {exc}")
    return taken


def _row(file: MailFile, taken: Taken | None) -> tuple[output.Cell, ...]:
    if taken is None:
        return ("unreadable", None, None, None, None, None, file.name)
    return (
        taken.effect,
        taken.kind,
        taken.status,
        taken.delivery,
        taken.email,
        _detail(taken),
        file.name,
    )


def _detail(taken: Taken) -> str:
    return f"{taken.detail}; the unknown delivery was sent" if taken.resolved else taken.detail


def _document(file: MailFile, taken: Taken | None) -> dict[str, Any]:
    if taken is None:
        return {"file": file.name, "effect": "unreadable"}
    return {
        "file": file.name,
        "effect": taken.effect,
        "kind": taken.kind,
        "status": taken.status,
        "delivery": taken.delivery,
        "email": taken.email,
        "resolved": taken.resolved,
        "detail": taken.detail,
    }
