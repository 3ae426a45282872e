"""The catalogue `config/feeds.toml`: feeds that can be added by name."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest.errors import ConfigError
from digest.model import FeedKind, FeedSpec
from digest.resources import resource_dir

_KEYS = frozenset({"name", "url", "kind", "tags", "cross", "description"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFeed(FeedSpec):
    """A feed of the catalogue, with a sentence on what it brings."""

    description: str = ""


def load_catalogue(path: Path | None = None) -> dict[str, CatalogueFeed]:
    """Read the catalogue, by name and in its own order.

    Args:
        path: The file, or None for the bundled one.

    Raises:
        ConfigError: With all problems at once.
    """
    source = path or resource_dir("config") / "feeds.toml"
    try:
        document = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError([f"{source}: cannot be read: {exc.strerror}"]) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError([f"{source}: is not TOML: {exc}"]) from exc
    problems: list[str] = []
    feeds: dict[str, CatalogueFeed] = {}
    for number, row in enumerate(document.get("feed", []), start=1):
        feed = _feed(row, f"{source}: feed {number}", problems)
        if feed is None:
            continue
        if feed.name in feeds:
            problems.append(f"{source}: feed {number}: the name {feed.name!r} stands twice")
        feeds[feed.name] = feed
    if problems:
        raise ConfigError(problems)
    return feeds


def _feed(row: dict[str, Any], where: str, problems: list[str]) -> CatalogueFeed | None:
    unknown = sorted(row.keys() - _KEYS)
    if unknown:
        problems.append(f"{where}: unknown key {unknown[0]!r}")
        return None
    if not row.get("name") or not row.get("url"):
        problems.append(f"{where}: needs a name and a url")
        return None
    try:
        kind = FeedKind(row.get("kind", "auto"))
    except ValueError:
        problems.append(f"{where}: {row['kind']!r} is no kind of feed")
        return None
    return CatalogueFeed(
        name=row["name"],
        url=row["url"],
        kind=kind,
        tags=tuple(row.get("tags", ())),
        cross=bool(row.get("cross", True)),
        description=row.get("description", ""),
    )
