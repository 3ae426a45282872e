"""Dates as feeds write them. Pure.

feedparser reads `2021/10/16 9:23:28` as 2021-11-01, so we read the raw text ourselves,
and prefer no date to a wrong one.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

_EASTERN = ZoneInfo("America/New_York")
_SLASHED = re.compile(
    r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$"
)
_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}")
_MONTH_NAME = re.compile(r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)
_MAX_LENGTH = 60


def parse_date(text: object) -> datetime | None:
    """Read an instant in any usual form (RFC 5322, ISO 8601, `2021/10/16 9:23:28`).

    Returns:
        Aware UTC; a text without zone is taken as UTC. None when it is no date, or lies
        outside the years 1900 to 2100.
    """
    if not isinstance(text, str):
        return None
    raw = text.strip()
    if not raw or len(raw) > _MAX_LENGTH:
        return None
    for read in (_slashed, _iso, _rfc5322):
        try:
            found = read(raw)
            if found is not None:
                return _in_utc(found)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def eastern_day(instant: datetime) -> date:
    """Return the date in US Eastern, in which arXiv counts its announcements."""
    return instant.astimezone(_EASTERN).date()


def _slashed(raw: str) -> datetime | None:
    match = _SLASHED.match(raw)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _iso(raw: str) -> datetime | None:
    return datetime.fromisoformat(raw) if _ISO.match(raw) else None


def _rfc5322(raw: str) -> datetime | None:
    # Without a month's name the parser guesses which number is which.
    return parsedate_to_datetime(raw) if _MONTH_NAME.search(raw) else None


def _in_utc(found: datetime) -> datetime | None:
    aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    instant = aware.astimezone(UTC)
    return instant if 1900 <= instant.year <= 2100 else None
