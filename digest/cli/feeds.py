"""`digest feeds`: which feeds are polled, and polling them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli import output
from digest.cli.frame import Frame, command, new_group
from digest.errors import UsageError
from digest.model import FeedKind

if TYPE_CHECKING:
    from digest.model import FeedRecord
    from digest.papers.backfill import Backfill, BackfillPage
    from digest.papers.poll import FeedPoll

group = new_group(name="feeds", help_text="Which feeds are polled, and polling them.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the feed.")]


def register(app: typer.Typer) -> None:
    """Hang the group into the command tree."""
    app.add_typer(group)


@command(group, "list", example="digest feeds list")
def list_(frame: Frame) -> None:
    """List the feeds and what their last polls were like."""
    from digest.feeds.health import expected_new, new_on
    from digest.store.feed_days import all_feed_days
    from digest.store.feeds import list_feeds

    with frame.service() as service:
        service.sync_feeds()
        with service.store.read() as tx:
            records = list_feeds(tx)
            days = all_feed_days(tx)
        day = service.clock().date()
    columns = [
        output.Column(heading="feed"),
        output.Column(heading="status"),
        output.Column(heading="entries", align="right"),
        output.Column(heading="new today", align="right"),
        output.Column(heading="usual", align="right"),
        output.Column(heading="last poll"),
        output.Column(heading="next poll"),
        output.Column(heading="last error", max_width=60),
        output.Column(heading="url", max_width=60),
    ]
    rows = [
        (
            feed.name,
            _status(feed),
            feed.entries,
            new_on(days.get(feed.id, ()), day=day),
            expected_new(days.get(feed.id, ()), day=day),
            feed.polled_at,
            None if feed.paused or feed.gone_at else feed.next_poll_at,
            feed.error or "-",
            feed.url,
        )
        for feed in records
    ]
    text = output.table(columns, rows) if rows else "no feeds: add one with `digest feeds add`"
    documents = [
        {
            **_feed_document(feed),
            "new_today": new_on(days.get(feed.id, ()), day=day),
            "usual_today": expected_new(days.get(feed.id, ()), day=day),
        }
        for feed in records
    ]
    frame.show({"feeds": documents}, text)


@command(
    group,
    "add",
    example="digest feeds add bair https://bair.berkeley.edu/blog/feed.xml --tag robotics",
)
def add(
    frame: Frame,
    name: NameArgument,
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="[URL]", help="Its URL; a name of the catalogue needs none.", show_default=False
        ),
    ] = None,
    *,
    kind: Annotated[
        FeedKind | None,
        typer.Option("--kind", help="How the document is read.", show_default="auto"),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="T", help="Tag all its papers; may be repeated."),
    ] = None,
    no_cross: Annotated[
        bool,
        typer.Option("--no-cross", help="Leave out what arXiv lists from other categories."),
    ] = False,
) -> None:
    """Add a feed. It is not fetched yet: `digest feeds poll NAME` does that."""
    from digest.cli.catalogue import feed_spec
    from digest.store.feeds import add_feed

    spec = feed_spec(name, url=url, kind=kind, tags=tuple(tag or ()), cross=not no_cross)
    with frame.service() as service:
        service.sync_feeds()
        with service.store.write() as tx:
            record = add_feed(tx, spec, service.clock())
    frame.show(
        {"feed": _feed_document(record)},
        f"added {record.name}: {record.url}\nits first poll is the baseline: stored, not mailed",
    )


@command(group, "import", example="digest feeds import subscriptions.opml")
def import_(
    frame: Frame,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="An OPML file, as feed readers export it.")
    ],
) -> None:
    """Add the feeds of an OPML file. Those that are polled already are left alone."""
    from digest.cli.feed_lists import import_feeds

    import_feeds(frame, source)


@command(group, "export", example="digest feeds export > feeds.opml")
def export(frame: Frame) -> None:
    """Write the feeds as OPML. Feed readers and other instances import it."""
    from digest.cli.feed_lists import export_feeds

    export_feeds(frame)


@command(group, "remove", example="digest feeds remove bair")
def remove(frame: Frame, name: NameArgument) -> None:
    """Poll a feed no longer. Its papers stay."""
    from digest.store.feeds import remove_feed

    with frame.service() as service:
        service.sync_feeds()
        with service.store.write() as tx:
            remove_feed(tx, name, service.clock())
    frame.show({"removed": name}, f"removed {name}")


@command(group, "pause", example="digest feeds pause hf-daily")
def pause(frame: Frame, name: NameArgument) -> None:
    """Poll a feed no longer, until `digest feeds resume`."""
    _set_paused(frame, name, paused=True)


@command(group, "resume", example="digest feeds resume hf-daily")
def resume(frame: Frame, name: NameArgument) -> None:
    """Poll a paused or gone feed again, at once."""
    _set_paused(frame, name, paused=False)


def _set_paused(frame: Frame, name: str, *, paused: bool) -> None:
    from digest.store.feeds import set_paused

    with frame.service() as service:
        service.sync_feeds()
        with service.store.write() as tx:
            record = set_paused(tx, name, paused=paused, now=service.clock())
    done = f"paused {name}" if paused else f"resumed {name}: it is due now"
    frame.show({"feed": _feed_document(record)}, done)


@command(group, "poll", example="digest feeds poll hf-daily arxiv-cs.CL")
def poll(
    frame: Frame,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Feeds to poll; all when none is named."),
    ] = None,
) -> None:
    """Poll the named or all feeds, due or not. Exit 1 only if one failed."""
    from digest.cli.progress import Progress

    with frame.service() as service, Progress("polling") as progress:
        service.sync_feeds()

        def on_done(feed: FeedPoll) -> None:
            progress.step(feed.name)

        polls = asyncio.run(service.poll_feeds(names or None, on_done=on_done))
    columns = [
        output.Column(heading="feed"),
        output.Column(heading="status"),
        output.Column(heading="http", align="right"),
        output.Column(heading="entries", align="right"),
        output.Column(heading="new papers", align="right"),
        output.Column(heading="revised", align="right"),
    ]
    rows = [
        (
            feed.name,
            feed.status,
            None if feed.http_status is None else str(feed.http_status),
            feed.entries,
            feed.new_papers,
            feed.revised_papers,
        )
        for feed in polls
    ]
    new_papers = sum(feed.new_papers for feed in polls)
    frame.show(
        {"feeds": [_poll_document(feed) for feed in polls], "new_papers": new_papers},
        output.table(columns, rows) if rows else "no feeds: add one with `digest feeds add`",
    )
    for feed in polls:
        if feed.status == "failed":
            frame.problem(f"feed {feed.name}: {feed.error}")
        elif feed.error:
            frame.note(f"digest: feed {feed.name} is {feed.status}: {feed.error}")


@command(group, "backfill", example="digest feeds backfill arxiv-cs.CL --since 2026-01-01")
def backfill(
    frame: Frame,
    name: NameArgument,
    since: Annotated[
        datetime,
        typer.Option("--since", metavar="DATE", formats=["%Y-%m-%d"], help="The first day."),
    ],
) -> None:
    """Read the past of a feed, up to yesterday. Nothing of it is mailed.

    It can be stopped at any time: the same command goes on where it stopped.
    """
    from digest.cli.progress import Progress

    day = since.date()
    with frame.service() as service, Progress("reading back") as progress:
        if day >= service.clock().date():
            raise UsageError(f"--since {day} is not in the past")
        service.sync_feeds()

        def on_page(page: BackfillPage) -> None:
            progress.step(f"{page.step.first_day}, {page.new_papers} new")

        done = asyncio.run(service.backfill_feed(name, since=day, on_page=on_page))
    frame.show(
        {
            "name": name,
            "since": done.since,
            "until": done.until,
            "next_day": done.next_day,
            "pages": done.pages,
            "entries": done.entries,
            "new_papers": done.new_papers,
            "error": done.error,
        },
        _backfill_text(name, done),
    )
    if done.error:
        frame.problem(
            f"stopped at {done.next_day}: {done.error}; run the same command again to go on"
        )


def _backfill_text(name: str, done: Backfill) -> str:
    if not done.pages and not done.error:
        return f"{name}: nothing to do, it was read from {done.since} to {done.until} before"
    return (
        f"{name}: {output.count(done.pages, 'page')}, "
        f"{output.count(done.entries, 'entry', 'entries')}, "
        f"{output.count(done.new_papers, 'new paper')} from {done.since} to "
        f"{done.next_day - timedelta(days=1)}"
    )


@command(group, "test", example="digest feeds test https://rss.arxiv.org/rss/cs.CL")
def try_out(
    frame: Frame,
    source: Annotated[
        str, typer.Argument(metavar="URL-or-FILE", help="A feed on the web or on this disk.")
    ],
    kind: Annotated[
        FeedKind, typer.Option("--kind", help="How the document is read.")
    ] = FeedKind.AUTO,
) -> None:
    """Show what a feed would bring in. Nothing is written."""
    from digest.cli.feed_trial import trial_document, trial_text
    from digest.service import open_service

    service = open_service(frame.settings(), clock=frame.clock)
    try:
        trial = asyncio.run(service.try_feed(source, kind=kind))
    finally:
        service.close()
    frame.show(trial_document(source, trial), trial_text(trial))


def _status(feed: FeedRecord) -> str:
    if feed.paused:
        return "paused"
    since = {"stale": feed.new_paper_at, "failed": feed.failing_since_at, "gone": feed.gone_at}
    status = feed.status.value if feed.status else "new"
    at = since.get(status)
    word = "failing" if status == "failed" else status
    return f"{word} since {at:%Y-%m-%d}" if at else status


def _feed_document(feed: FeedRecord) -> dict[str, Any]:
    return {
        "name": feed.name,
        "url": feed.url,
        "kind": feed.kind,
        "tags": list(feed.tags),
        "cross": feed.cross,
        "from_config": feed.from_config,
        "paused": feed.paused,
        "status": feed.status,
        "http_status": feed.http_status,
        "entries": feed.entries,
        "error": feed.error,
        "failing_since_at": feed.failing_since_at,
        "new_paper_at": feed.new_paper_at,
        "baseline_at": feed.baseline_at,
        "polled_at": feed.polled_at,
        "next_poll_at": feed.next_poll_at,
    }


def _poll_document(feed: FeedPoll) -> dict[str, Any]:
    return {
        "name": feed.name,
        "status": feed.status,
        "http_status": feed.http_status,
        "entries": feed.entries,
        "new_papers": feed.new_papers,
        "revised_papers": feed.revised_papers,
        "error": feed.error,
    }
