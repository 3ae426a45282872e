"""The reply headers that matter to a poller. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_S = 31 * 86_400.0
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_NO_STORE = re.compile(r"(?:^|[,\s])(?:no-cache|no-store)\b", re.IGNORECASE)
_MAX_VALIDATOR = 500


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """Read `Retry-After`, seconds or a date (RFC 9110 §10.2.3).

    Args:
        value: The header, or None.
        now: Aware UTC time of the reply.

    Returns:
        Seconds from 0 to 31 days; None when there is no such header or it is garbled.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), MAX_RETRY_AFTER_S)
    if not text:
        return None
    try:
        until = parsedate_to_datetime(text)
        wait_s = (until - now).total_seconds() if until.tzinfo else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return None if wait_s is None else min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)


def max_age_s(value: str | None) -> float | None:
    """Read `max-age` of `Cache-Control`; None when there is none, or it may not be kept."""
    text = value or ""
    found = _MAX_AGE.search(text)
    return float(found[1]) if found and not _NO_STORE.search(text) else None


def validator(value: str | None) -> str | None:
    """Return an ETag or Last-Modified that can be sent back as it is, else None."""
    text = (value or "").strip()
    usable = text and len(text) <= _MAX_VALIDATOR and text.isascii() and text.isprintable()
    return text if usable else None
