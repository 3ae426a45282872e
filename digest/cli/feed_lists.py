"""`digest feeds import` and `export`: lists of feeds as OPML."""

from __future__ import annotations

from pathlib import Path

from digest.cli import output
from digest.cli.frame import Frame
from digest.errors import DigestError, UsageError
from digest.feeds.opml import Subscriptions, parse_opml, write_opml
from digest.model import FeedSpec
from digest.store.feeds import add_feed, list_feeds


def import_feeds(frame: Frame, source: Path) -> None:
    """Add the feeds of a file; each that cannot be added is named, the rest is added."""
    found = _read(source)
    added: list[FeedSpec] = []
    known: list[str] = []
    problems = list(found.problems)
    with frame.service() as service:
        service.sync_feeds()
        with service.store.write() as tx:
            there = list_feeds(tx)
            urls = {feed.url for feed in there}
            names = {feed.name: feed.url for feed in there}
            for spec in found.feeds:
                if spec.url in urls:
                    known.append(spec.name)
                elif spec.name in names:
                    problems.append(
                        f"{spec.name}: a feed of that name has another URL ({names[spec.name]})"
                    )
                else:
                    add_feed(tx, spec, service.clock())
                    added.append(spec)
    said = (
        f"added {output.count(len(added), 'feed')}, {len(known)} known already, "
        f"{len(problems)} left out"
    )
    frame.show(
        {"added": [spec.name for spec in added], "known": known, "rejected": problems},
        "\n".join([said, *(f"  {spec.name}: {spec.url}" for spec in added)]),
    )
    for problem in problems:
        frame.problem(output.printable(problem))


def export_feeds(frame: Frame) -> None:
    """Show all feeds as one OPML document."""
    with frame.service() as service:
        service.sync_feeds()
        with service.store.read() as tx:
            feeds = list_feeds(tx)
        title = service.settings.service.name
    specs = [
        FeedSpec(name=one.name, url=one.url, kind=one.kind, tags=one.tags, cross=one.cross)
        for one in feeds
    ]
    text = write_opml(specs, title=title)
    frame.show({"opml": text}, text.rstrip("\n"))


def _read(source: Path) -> Subscriptions:
    try:
        return parse_opml(source.read_bytes())
    except OSError as exc:
        raise UsageError(f"{source}: cannot be read: {exc.strerror}") from exc
    except DigestError as exc:
        raise UsageError(f"{source}: {exc}") from exc
