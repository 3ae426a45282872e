"""`digest subscribers suppressed`: who is not mailed, and why."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from digest.cli import output, subscribers
from digest.cli.frame import Frame, command
from digest.cli.returned import suppression_document
from digest.errors import UsageError
from digest.model import SubscriberState

_PAGE = 1_000
_KEYS = ("email", "state", "since", "why", "evidence", "undo")


def register(_app: typer.Typer) -> None:
    """Hang the command into the group of subscribers."""
    example = "digest subscribers suppressed --csv > suppressed.csv"
    command(subscribers.group, "suppressed", example=example)(suppressed)


def suppressed(
    frame: Frame,
    state: Annotated[
        Literal["unsubscribed", "bounced", "complained"] | None,
        typer.Option("--state", help="Only those in this state.", show_default=False),
    ] = None,
    *,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Write CSV with a heading.", show_default=False)
    ] = False,
) -> None:
    """List who is not mailed: since when, why, by which evidence."""
    from digest.store.consents import StoppedSubscriber, stopped_subscribers
    from digest.subscribers.suppressed import SUPPRESSED, describe_suppression

    if as_csv and frame.as_json:
        raise UsageError("--csv and --json: one of the two")
    states = SUPPRESSED if state is None else (SubscriberState(state),)
    found: list[StoppedSubscriber] = []
    with frame.service() as service, service.store.read() as tx:
        while page := stopped_subscribers(
            tx, states, after=found[-1].id if found else None, limit=_PAGE
        ):
            found += page
    documents = [
        {"email": one.email, **suppression_document(said)}
        for one in found
        if (
            said := describe_suppression(
                one.email, one.state, since=one.since, evidence=one.evidence
            )
        )
        is not None
    ]
    if as_csv:
        frame.show({}, output.csv_lines(_KEYS, documents))
        return
    columns = [
        output.Column(heading="subscriber", max_width=44),
        output.Column(heading="state"),
        output.Column(heading="since"),
        output.Column(heading="evidence", max_width=80),
    ]
    rows = [(one["email"], one["state"], one["since"], one["evidence"]) for one in documents]
    frame.show(
        {"suppressed": documents},
        output.table(columns, rows) if rows else "nobody is suppressed",
    )
