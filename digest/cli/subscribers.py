"""`digest subscribers`: who gets digests, and of what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli import output
from digest.cli.doubts import say_hints, say_unknown_tags
from digest.cli.frame import Frame, UsageProblemsError, command, new_group
from digest.cli.progress import Progress
from digest.cli.returned import (
    report_document,
    report_table,
    suppression_document,
    suppression_facts,
)
from digest.errors import NotFoundError, UsageError
from digest.model import InterestKind, Subscriber, SubscriberId, SubscriberState

if TYPE_CHECKING:
    from sqlmodel import Session

    from digest.subscribers.signup import SignupResult

_PAGE = 1_000

group = new_group(name="subscribers", help_text="Who gets digests, and of what.")

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="Their address.")]
ConfirmedFlag = Annotated[
    bool,
    typer.Option(
        "--confirmed",
        help="Consent is on record elsewhere: ask nobody to confirm.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Hang the group into the command tree."""
    app.add_typer(group)


@command(
    group,
    "add",
    example="digest subscribers add ada@example.org --keyword 'agents -survey' --confirmed",
)
def add(
    frame: Frame,
    email: EmailArgument,
    *,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="T", help="A tag; may be repeated.")
    ] = None,
    keyword: Annotated[
        list[str] | None, typer.Option("--keyword", metavar="Q", help="A query; may be repeated.")
    ] = None,
    muted: Annotated[
        list[str] | None,
        typer.Option("--muted", metavar="Q", help="A query never to match; may be repeated."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="Z", help="IANA zone: Europe/Paris.")
    ] = None,
    hour: Annotated[
        int | None, typer.Option("--hour", metavar="H", help="Local hour, 0 to 23.")
    ] = None,
    days: Annotated[
        str | None,
        typer.Option("--days", metavar="D", help="daily, weekdays, weekly, or mon,thu."),
    ] = None,
    max_papers: Annotated[
        int | None, typer.Option("--max-papers", metavar="N", help="At most so many a digest.")
    ] = None,
    min_upvotes: Annotated[
        int | None, typer.Option("--min-upvotes", metavar="N", help="Only papers with so many.")
    ] = None,
    confirmed: ConfirmedFlag = False,
) -> None:
    """Add a subscriber, or change one. Without --confirmed they get a mail to confirm."""
    from digest.subscribers.signup import add_subscriber, find_subscriber
    from digest.subscribers.wanted import LineError, SubscriberLine

    line = SubscriberLine(
        email=email,
        tags=tuple(tag) if tag else None,
        keywords=tuple(keyword) if keyword else None,
        muted=tuple(muted) if muted else None,
        timezone=timezone,
        hour=hour,
        days=days,
        max_papers=max_papers,
        min_upvotes=min_upvotes,
    )
    with frame.service() as service:
        try:
            say_hints(frame, [*(keyword or ()), *(muted or ())])
            result = add_subscriber(
                service.store,
                service.signup_rules,
                line,
                now=service.clock(),
                confirmed=confirmed,
            )
        except LineError as exc:
            raise UsageProblemsError(exc.problems) from exc
        say_unknown_tags(frame, service, tag or ())
        with service.store.read() as tx:
            subscriber = find_subscriber(tx, email)
    _show_added(frame, email, result, subscriber)


def _show_added(
    frame: Frame, email: str, result: SignupResult, subscriber: Subscriber | None
) -> None:
    document = {
        "action": result.action,
        "reason": result.reason,
        "letter": result.letter,
        "subscriber": _document(subscriber) if subscriber else None,
    }
    lines = [f"{result.action} {subscriber.email if subscriber else email}"]
    if result.letter:
        lines.append("a mail that asks to confirm goes out with the next `digest deliver`")
    elif result.reason:
        lines.append(result.reason)
    elif subscriber and subscriber.next_digest_at:
        lines.append(f"next digest {output.say(subscriber.next_digest_at)}")
    frame.show(document, "\n".join(lines))
    if result.action == "refused":
        frame.problem(f"{email}: {result.reason}")


@command(group, "import", example="digest subscribers import readers.csv --confirmed")
def import_(
    frame: Frame,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSONL or CSV.")],
    confirmed: ConfirmedFlag = False,
) -> None:
    """Import subscribers; a bad line is reported with its number, the rest is imported."""
    from digest.subscribers.importing import import_lines

    with frame.service() as service, Progress("importing") as progress:
        try:
            with file.open("rb") as source:
                counts = import_lines(
                    service.store,
                    service.signup_rules,
                    source,
                    now=service.clock(),
                    confirmed=confirmed,
                    progress=lambda line: progress.step(done=line),
                )
        except OSError as exc:
            raise UsageError(f"{file}: cannot be read: {exc.strerror}") from exc
    frame.show(
        {
            "imported": counts.imported,
            "updated": counts.updated,
            "rejected": [
                {"line": one.line, "email": one.email, "error": one.error}
                for one in counts.rejected
            ],
        },
        f"{counts.imported:,} imported, {counts.updated:,} updated, "
        f"{len(counts.rejected):,} rejected",
    )
    for one in counts.rejected:
        frame.problem(f"{file} line {one.line}: {one.error}")


@command(group, "list", example="digest subscribers list --state active")
def list_(
    frame: Frame,
    state: Annotated[
        SubscriberState | None,
        typer.Option("--state", help="Only those in this state.", show_default=False),
    ] = None,
) -> None:
    """List the subscribers."""
    from digest.store.subscribers import list_subscribers

    found: list[Subscriber] = []
    with frame.service() as service, service.store.read() as tx:
        while page := list_subscribers(
            tx, state=state, after=found[-1].id if found else None, limit=_PAGE
        ):
            found += page
    columns = [
        output.Column(heading="subscriber", max_width=44),
        output.Column(heading="state"),
        output.Column(heading="interests", align="right"),
        output.Column(heading="muted", align="right"),
        output.Column(heading="when"),
        output.Column(heading="next digest"),
    ]
    rows = [
        (
            one.email,
            one.state,
            sum(interest.kind is not InterestKind.MUTED for interest in one.interests),
            sum(interest.kind is InterestKind.MUTED for interest in one.interests),
            _when(one),
            one.next_digest_at,
        )
        for one in found
    ]
    frame.show(
        {"subscribers": [_document(one) for one in found]},
        output.table(columns, rows) if rows else "no subscribers",
    )


@command(group, "show", example="digest subscribers show ada@example.org")
def show(frame: Frame, email: EmailArgument) -> None:
    """Show one subscriber: interests, schedule, consent."""
    from digest.store.consents import consents_of
    from digest.store.reports import reports_of_subscriber
    from digest.subscribers.suppressed import describe_suppression

    with frame.service() as service, service.store.read() as tx:
        subscriber = existing_subscriber(tx, email)
        consents = consents_of(tx, subscriber.id)
        reports = reports_of_subscriber(tx, subscriber.id)
    stopped = next(
        (one for one in reversed(consents) if one.kind.value == subscriber.state.value), None
    )
    suppression = describe_suppression(
        subscriber.email,
        subscriber.state,
        since=stopped.at if stopped else None,
        evidence=stopped.evidence if stopped else "",
    )
    parts = [
        output.facts(
            [
                ("subscriber", subscriber.email),
                ("state", subscriber.state),
                ("when", _when(subscriber)),
                ("paused until", subscriber.schedule.pause_until),
                ("next digest", subscriber.next_digest_at),
                ("max papers", subscriber.max_papers),
                ("min upvotes", subscriber.min_upvotes),
                ("since", subscriber.created_at),
            ]
        )
    ]
    if suppression is not None:
        parts.append(suppression_facts(suppression))
    if subscriber.interests:
        columns = [output.Column(heading="interest"), output.Column(heading="query")]
        rows = [(interest.kind, interest.text) for interest in subscriber.interests]
        parts.append(output.table(columns, rows))
    columns = [
        output.Column(heading="consent"),
        output.Column(heading="at"),
        output.Column(heading="evidence"),
    ]
    parts.append(output.table(columns, [(one.kind, one.at, one.evidence) for one in consents]))
    if reports:
        parts.append(report_table(reports))
    document = _document(subscriber)
    document["consents"] = [
        {"kind": one.kind, "at": one.at, "evidence": one.evidence} for one in consents
    ]
    document["suppression"] = None if suppression is None else suppression_document(suppression)
    document["reports"] = [report_document(one) for one in reports]
    frame.show({"subscriber": document}, "\n\n".join(parts))


@command(group, "unsubscribe", example="digest subscribers unsubscribe ada@example.org")
def unsubscribe(
    frame: Frame,
    who: Annotated[
        str,
        typer.Argument(
            metavar="EMAIL-OR-TOKEN",
            help="An address, or the subject of a mail to the unsubscribe address.",
        ),
    ],
) -> None:
    """Stop all digests to somebody who asked by mail or in person."""
    import secrets

    from digest.subscribers import consent
    from digest.subscribers.tokens import ONE_USE_BYTES, SignedPurpose

    with frame.service() as service:
        if "@" in who:
            with service.store.read() as tx:
                subscriber_id = existing_subscriber(tx, who).id
        else:
            token = who.strip().removeprefix("unsubscribe-")
            subscriber_id = SubscriberId(service.signer.verify(SignedPurpose.UNSUBSCRIBE, token))
        leave = consent.unsubscribe(
            service.store,
            subscriber_id,
            now=service.clock(),
            evidence="asked by mail or in person",
            random_bytes=secrets.token_bytes(ONE_USE_BYTES),
        )
    frame.show(
        {"unsubscribed": True, "changed": leave.changed},
        "unsubscribed" if leave.changed else "not subscribed before either",
    )


@command(group, "export", example="digest subscribers export ada@example.org > ada.json")
def export(frame: Frame, email: EmailArgument) -> None:
    """Write all that is kept of a person, as JSON."""
    from digest.subscribers import privacy

    with frame.service() as service:
        kept = privacy.export(service.store, email)
    frame.show(kept, output.document(kept))


@command(group, "erase", example="digest subscribers erase ada@example.org")
def erase(frame: Frame, email: EmailArgument) -> None:
    """Remove all that names a person; what was sent stays as anonymous counts."""
    from digest.subscribers import privacy

    with frame.service() as service:
        privacy.erase(service.store, service.signer, email, now=service.clock())
    frame.show({"erased": True}, "erased")


def existing_subscriber(tx: Session, email: str) -> Subscriber:
    """Return the subscriber with this address.

    Raises:
        AddressError: If it is no address.
        NotFoundError: If nobody has it.
    """
    from digest.subscribers.signup import find_subscriber

    subscriber = find_subscriber(tx, email)
    if subscriber is None:
        raise NotFoundError(f"no subscriber has the address {email}")
    return subscriber


def _when(subscriber: Subscriber) -> str:
    from digest.subscribers.days import days_code

    schedule = subscriber.schedule
    return f"{days_code(schedule.weekdays)} {schedule.hour:02}:00 {schedule.timezone}"


def _document(subscriber: Subscriber) -> dict[str, Any]:
    from digest.subscribers.days import days_code

    texts = {
        kind: [one.text for one in subscriber.interests if one.kind is kind]
        for kind in InterestKind
    }
    return {
        "email": subscriber.email,
        "state": subscriber.state,
        "tags": texts[InterestKind.TAG],
        "keywords": texts[InterestKind.KEYWORD],
        "muted": texts[InterestKind.MUTED],
        "timezone": subscriber.schedule.timezone,
        "hour": subscriber.schedule.hour,
        "days": days_code(subscriber.schedule.weekdays),
        "max_papers": subscriber.max_papers,
        "min_upvotes": subscriber.min_upvotes,
        "next_digest_at": subscriber.next_digest_at,
        "consented_at": subscriber.consented_at,
        "created_at": subscriber.created_at,
    }
