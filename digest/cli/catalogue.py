"""Which feed is meant by `digest feeds add`: as given, or from the catalogue."""

from __future__ import annotations

import difflib
from dataclasses import replace

from digest.cli.frame import UsageProblemsError
from digest.errors import UsageError
from digest.model import FeedKind, FeedSpec


def feed_spec(
    name: str,
    *,
    url: str | None,
    kind: FeedKind | None,
    tags: tuple[str, ...],
    cross: bool = True,
) -> FeedSpec:
    """Return the feed to add: as given, or as the catalogue has it where no URL is given.

    Raises:
        UsageError: If the name or URL cannot be used, or the catalogue lacks the name.
    """
    from pydantic import ValidationError

    from digest.settings import FeedSettings

    known = _of_catalogue(name) if url is None else None
    if known is not None:
        return replace(
            known,
            kind=kind or known.kind,
            tags=tuple(dict.fromkeys((*known.tags, *tags))),
            cross=cross and known.cross,
        )
    try:
        given = FeedSettings(name=name, url=url or "", kind=kind or FeedKind.AUTO, tags=tags)
    except ValidationError as exc:
        raise UsageProblemsError(
            [
                f"{'.'.join(str(part) for part in error['loc'])}: "
                f"{error['msg'].removeprefix('Value error, ')}"
                for error in exc.errors()
            ]
        ) from exc
    return FeedSpec(name=given.name, url=given.url, kind=given.kind, tags=given.tags, cross=cross)


def _of_catalogue(name: str) -> FeedSpec:
    from digest.feeds.catalogue import load_catalogue

    feeds = load_catalogue()
    if name not in feeds:
        near = difflib.get_close_matches(name, feeds, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; give its URL"
        raise UsageError(f"{name} is not in the catalogue{hint}")
    return feeds[name]
