"""What a subscriber is to have: one line's worth of wishes, unchecked and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digest.errors import AddressError, DigestError, QueryError, UsageError
from digest.matching.query import canonical, parse_query, tag_query
from digest.model import InterestKind
from digest.subscribers.addresses import Address, normalise_address
from digest.subscribers.days import parse_days

MAX_INTERESTS = 500
MAX_PAPERS = 100
_MAX_TEXT_LENGTH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberLine:
    """What one line says, unchecked. None means not said: a default, or as it is."""

    email: str
    tags: tuple[str, ...] | None = None
    keywords: tuple[str, ...] | None = None
    muted: tuple[str, ...] | None = None
    timezone: str | None = None
    hour: int | None = None
    days: str | None = None
    max_papers: int | None = None
    min_upvotes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedInterest:
    """An interest as written, with the canonical query behind it."""

    kind: InterestKind
    text: str
    canonical: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSubscription:
    """A line whose every part was checked.

    `said_kinds` are the kinds of interest that the line lists, be it an empty list;
    the others stay as they are. None elsewhere means not said.
    """

    address: Address
    interests: tuple[WantedInterest, ...]
    said_kinds: frozenset[InterestKind]
    timezone: str | None
    hour: int | None
    weekdays: frozenset[int] | None
    max_papers: int | None
    min_upvotes: int | None


class LineError(DigestError):
    """A subscriber line cannot be used.

    Args:
        email: As written.
        problems: One clause each.
    """

    def __init__(self, email: str, problems: Sequence[str]) -> None:
        self.email = email
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def check_line(line: SubscriberLine) -> WantedSubscription:
    """Check every part of a line.

    Raises:
        AddressError: If only the address is wrong.
        QueryError: If only one query is wrong; it has position and suggestion.
        UsageError: If only one other thing is wrong.
        LineError: With all problems, where there are several.
    """
    problems: list[DigestError] = []
    address: Address | None = None
    try:
        address = normalise_address(line.email)
    except AddressError as exc:
        problems.append(exc)
    interests = _check_interests(line, problems)
    if line.timezone is not None and not _is_zone(line.timezone):
        problems.append(
            UsageError(
                f"timezone {line.timezone!r}: is no IANA time zone, such as Europe/Paris or UTC"
            )
        )
    weekdays: frozenset[int] | None = None
    if line.days is not None:
        try:
            weekdays = parse_days(line.days)
        except UsageError as exc:
            problems.append(exc)
    _check_range("hour", line.hour, 0, 23, problems)
    _check_range("max_papers", line.max_papers, 1, MAX_PAPERS, problems)
    _check_range("min_upvotes", line.min_upvotes, 0, 1_000_000, problems)
    if len(problems) == 1:
        raise problems[0]
    if problems or address is None:
        raise LineError(line.email, [str(problem) for problem in problems])
    return WantedSubscription(
        address=address,
        interests=interests,
        said_kinds=frozenset(kind for kind, texts in _by_kind(line) if texts is not None),
        timezone=line.timezone,
        hour=line.hour,
        weekdays=weekdays,
        max_papers=line.max_papers,
        min_upvotes=line.min_upvotes,
    )


def _by_kind(
    line: SubscriberLine,
) -> tuple[tuple[InterestKind, tuple[str, ...] | None], ...]:
    return (
        (InterestKind.TAG, line.tags),
        (InterestKind.KEYWORD, line.keywords),
        (InterestKind.MUTED, line.muted),
    )


def _check_interests(
    line: SubscriberLine, problems: list[DigestError]
) -> tuple[WantedInterest, ...]:
    wanted: dict[tuple[InterestKind, str], WantedInterest] = {}
    for kind, texts in _by_kind(line):
        for given in texts or ():
            text = given.strip()
            if len(text) > _MAX_TEXT_LENGTH:
                cause = f"is longer than {_MAX_TEXT_LENGTH} characters"
                problems.append(UsageError(f"{kind.value} {text[:40]!r}…: {cause}"))
                continue
            try:
                one = WantedInterest(kind=kind, text=text, canonical=_canonical(kind, text))
            except (QueryError, UsageError) as exc:
                problems.append(exc)
                continue
            wanted.setdefault((kind, one.canonical), one)
    if len(wanted) > MAX_INTERESTS:
        problems.append(UsageError(f"there are more than {MAX_INTERESTS} interests"))
    return tuple(wanted.values())


@lru_cache(maxsize=65_536)
def _canonical(kind: InterestKind, text: str) -> str:
    """Interests repeat over subscribers: an import parses each distinct one once."""
    return canonical(tag_query(text) if kind is InterestKind.TAG else parse_query(text))


@lru_cache(maxsize=1_024)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _check_range(
    key: str, value: int | None, least: int, most: int, problems: list[DigestError]
) -> None:
    if value is not None and not least <= value <= most:
        problems.append(UsageError(f"{key} {value}: must be between {least} and {most:,}"))
