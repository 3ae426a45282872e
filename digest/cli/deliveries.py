"""`digest deliveries`: the ledger, read and mended."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from digest.cli import limits, output
from digest.cli.frame import Frame, command, new_group
from digest.cli.returned import report_document, report_table
from digest.cli.subscribers import existing_subscriber
from digest.errors import NotFoundError, UsageError
from digest.model import WELCOME, DeliveryId, DeliveryState, Period

if TYPE_CHECKING:
    from digest.store.ledger import LedgerEntry

group = new_group(
    name="deliveries", help_text="The ledger: what was owed to whom, and what became of it."
)

IdArgument = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="Number of the delivery.")
]


def register(app: typer.Typer) -> None:
    """Hang the group into the command tree."""
    limits.register(group)
    app.add_typer(group)


@command(group, "list", example="digest deliveries list --state unknown")
def list_(
    frame: Frame,
    state: Annotated[
        DeliveryState | None,
        typer.Option("--state", help="Only those in this state.", show_default=False),
    ] = None,
    email: Annotated[
        str | None,
        typer.Option("--email", metavar="EMAIL", help="Only those of one subscriber."),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option("--period", metavar="DAY", help="Only those of one day, or `welcome`."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="At most so many.", show_default="all"),
    ] = None,
) -> None:
    """List deliveries, newest first."""
    from digest.store.ledger import count_deliveries, list_entries

    with frame.service() as service, service.store.read() as tx:
        subscriber_id = existing_subscriber(tx, email).id if email else None
        entries = list_entries(
            tx,
            state=state,
            subscriber_id=subscriber_id,
            period=_period(period) if period else None,
            limit=limit,
        )
        counts = count_deliveries(tx)
    columns = [
        output.Column(heading="id", align="right"),
        output.Column(heading="period"),
        output.Column(heading="state"),
        output.Column(heading="papers", align="right"),
        output.Column(heading="attempts", align="right"),
        output.Column(heading="subscriber", max_width=40),
        output.Column(heading="reply", max_width=70),
    ]
    rows = [
        (
            str(entry.delivery.id),
            entry.delivery.period,
            entry.delivery.state,
            len(entry.aliases),
            entry.delivery.attempts,
            entry.email,
            entry.delivery.reply,
        )
        for entry in entries
    ]
    summary = (
        f"{counts.prepared:,} prepared = {counts.sent:,} sent + {counts.bounced:,} bounced + "
        f"{counts.failed:,} failed + {counts.skipped:,} skipped + {counts.unknown:,} unknown + "
        f"{counts.queued:,} queued"
    )
    text = "\n\n".join([output.table(columns, rows), summary]) if rows else "no deliveries"
    frame.show({"deliveries": [_entry_document(entry) for entry in entries]}, text)


@command(group, "show", example="digest deliveries show 12")
def show(frame: Frame, delivery_id: IdArgument) -> None:
    """Show one delivery: what became of it, its papers, what came back, what can be done."""
    from digest.delivery.advice import next_attempt_at, next_step
    from digest.store.ledger import list_entries
    from digest.store.papers import get_papers
    from digest.store.reports import reports_of_delivery
    from digest.store.subscribers import subscribers_by_ids

    with frame.service() as service, service.store.read() as tx:
        entries = list_entries(tx, delivery_id=DeliveryId(delivery_id))
        if not entries:
            raise NotFoundError(f"there is no delivery {delivery_id}")
        entry = entries[0]
        subscriber_id = entry.delivery.subscriber_id
        subscriber = subscribers_by_ids(tx, [subscriber_id])[subscriber_id]
        reports = reports_of_delivery(tx, entry.delivery.id)
        papers = get_papers(tx, [paper.paper_id for paper in entry.delivery.papers])
    delivery = entry.delivery
    step = next_step(delivery, subscriber.state, reports, now=frame.clock())
    attempt_at = next_attempt_at(delivery, service.settings.digest.unknown_policy)
    titles = [
        {"id": papers[one.paper_id].alias, "title": papers[one.paper_id].title}
        for one in delivery.papers
        if one.paper_id in papers
    ]
    doubted = delivery.doubted_fence is not None and delivery.state is not DeliveryState.UNKNOWN
    columns = [output.Column(heading="paper"), output.Column(heading="title", max_width=90)]
    known = output.facts(
        [
            ("delivery", str(delivery.id)),
            ("subscriber", f"{entry.email} ({subscriber.state})"),
            ("period", delivery.period),
            ("state", delivery.state),
            ("scheduled", delivery.scheduled_at),
            ("open until", delivery.closes_at),
            ("prepared", delivery.prepared_at),
            ("finished", delivery.finished_at),
            ("next attempt", attempt_at),
            ("attempts", delivery.attempts),
            ("left over", delivery.left_over),
            ("message id", delivery.message_id),
            ("in hand until", delivery.lease_until_at),
            ("in doubt", "an earlier hand-off may have arrived" if doubted else None),
            ("reply", delivery.reply or None),
            ("next", step),
        ]
    )
    listed = output.table(columns, [(one["id"], one["title"]) for one in titles])
    frame.show(
        {
            "delivery": {
                **_entry_document(entry),
                "closes_at": delivery.closes_at,
                "prepared_at": delivery.prepared_at,
                "next_attempt_at": attempt_at,
                "notices": list(delivery.notices),
                "titles": titles,
                "reports": [report_document(one) for one in reports],
                "next": step,
            }
        },
        "\n\n".join(
            [known, *([report_table(reports)] if reports else []), *([listed] if titles else [])]
        ),
    )


@command(group, "resend", example="digest deliveries resend 12")
def resend(frame: Frame, delivery_id: IdArgument) -> None:
    """Make a failed, bounced or unknown delivery ready again, as the same message."""
    from digest.store.ledger import resend as resend_delivery
    from digest.store.papers import get_papers

    with frame.service() as service, service.store.write() as tx:
        resent = resend_delivery(tx, DeliveryId(delivery_id), service.clock())
        taken = [paper.alias for paper in get_papers(tx, resent.not_free).values()]
    lines = [f"delivery {delivery_id} is ready; `digest deliver` hands it off"]
    if resent.not_free:
        lines.append(f"left out, sent in another digest since: {', '.join(taken)}")
    frame.show(
        {"id": delivery_id, "state": resent.delivery.state, "not_free": taken}, "\n".join(lines)
    )


@command(group, "resolve", example="digest deliveries resolve 12 --as sent")
def resolve(
    frame: Frame,
    delivery_id: IdArgument,
    outcome: Annotated[Literal["sent", "failed"], typer.Option("--as", help="What became of it.")],
) -> None:
    """Say what became of an unknown delivery; `failed` gives back its papers."""
    from digest.store.ledger import Resolution
    from digest.store.ledger import resolve as resolve_delivery

    with frame.service() as service, service.store.write() as tx:
        delivery = resolve_delivery(
            tx, DeliveryId(delivery_id), Resolution(outcome), service.clock()
        )
    frame.show(
        {"id": delivery_id, "state": delivery.state},
        f"delivery {delivery_id} is {delivery.state}",
    )


def _period(text: str) -> Period:
    """Read a period.

    Raises:
        UsageError: If it is neither a day nor `welcome`.
    """
    try:
        return WELCOME if text == WELCOME else Period(date.fromisoformat(text).isoformat())
    except ValueError as exc:
        raise UsageError(f"--period: {text} is neither a day (2026-02-03) nor welcome") from exc


def _entry_document(entry: LedgerEntry) -> dict[str, Any]:
    delivery = entry.delivery
    return {
        "id": delivery.id,
        "email": entry.email,
        "period": delivery.period,
        "state": delivery.state,
        "papers": list(entry.aliases),
        "message_id": delivery.message_id,
        "attempts": delivery.attempts,
        "reply": delivery.reply,
        "left_over": delivery.left_over,
        "scheduled_at": delivery.scheduled_at,
        "finished_at": delivery.finished_at,
    }
