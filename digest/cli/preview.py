"""`digest preview`: the digest somebody would get now."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.cards import match_document
from digest.cli.frame import Frame, command
from digest.cli.subscribers import existing_subscriber


def register(app: typer.Typer) -> None:
    """Hang the command into the command tree."""
    command(app, "preview", example="digest preview ada@example.org --html > digest.html")(preview)


def preview(
    frame: Frame,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="A subscriber.")],
    html: Annotated[
        bool, typer.Option("--html", help="Write the HTML part.", show_default=False)
    ] = False,
) -> None:
    """Show the digest they would get now; nothing is written and nothing sent."""
    from digest.explain import preview as make_preview

    with frame.service() as service, service.store.read() as tx:
        found = make_preview(
            tx,
            service.composer,
            existing_subscriber(tx, email),
            now=service.clock(),
            settings=service.settings.digest,
        )
    rendered = found.rendered
    text = f"Subject: {rendered.subject}\n\n{rendered.text}"
    if not found.digest.matches:
        frame.note("digest: nothing new: this digest would not be sent")
    frame.show(
        {
            "email": found.digest.subscriber.email,
            "period": found.digest.period,
            "subject": rendered.subject,
            "left_over": found.digest.left_over,
            "papers": [match_document(match) for match in found.digest.matches],
            "text": rendered.text,
            "html": rendered.html,
        },
        rendered.html if html else text.rstrip("\n"),
    )
