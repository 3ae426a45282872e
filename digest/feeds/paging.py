"""Answers that come in pages: where the next one is. Pure.

Hugging Face counts pages (`p`), the arXiv API entries (`start`), bioRxiv rows in the path,
Crossref gives a cursor, and Hacker News counts pages again.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from digest.model import FeedKind, ParsedFeed

_DAY = r"\d{4}-\d{2}-\d{2}"
_BIORXIV = re.compile(
    rf"(?P<span>/details/[^/]+/(?:{_DAY}/{_DAY}|\d+d?))(?:/(?P<cursor>\d+))?(?=/|$)"
)
_HF_LIMIT = 50
_ARXIV_RESULTS = 10
_HN_HITS = 20


def next_page(url: str, parsed: ParsedFeed) -> str | None:
    """Return the URL of the page after this one, None at the end.

    Args:
        url: Of the page that was read.
        parsed: What was read of it.
    """
    if not parsed.rows:
        return None
    match parsed.format:
        case "hf-daily":
            return _counted(url, parsed, page="p", size=("limit", _HF_LIMIT))
        case "hacker-news":
            return _counted(url, parsed, page="page", size=("hitsPerPage", _HN_HITS))
        case "biorxiv":
            return _biorxiv(url, parsed)
        case "crossref":
            # Without a cursor in the question there is none in the answer (`cursor=*`).
            return with_parameters(url, cursor=parsed.cursor) if parsed.cursor else None
        case _:
            return _arxiv(url, parsed)


def polled_whole(kind: FeedKind, url: str) -> bool:
    """Tell whether a poll reads all pages of a feed, and not the first alone.

    So it is where an answer holds a day or a few. Elsewhere the pages go back for years,
    the newest first: Hugging Face without a date, the arXiv API, Crossref, Hacker News.
    """
    if kind is FeedKind.HF_DAILY:
        return parameter(url, "date") is not None
    return kind is FeedKind.BIORXIV


def parameter(url: str, name: str) -> str | None:
    """Return a parameter of a URL's query, None when it is not there."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)).get(name)


def with_parameters(url: str, **values: str | int | None) -> str:
    """Return the URL with parameters set, added or (None) taken out; the others stay."""
    parts = urlsplit(url)
    pairs = [
        (key, value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
        if key not in values
    ]
    pairs += [(key, str(value)) for key, value in values.items() if value is not None]
    query = urlencode(pairs, quote_via=quote, safe=":,[]*")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _counted(url: str, parsed: ParsedFeed, *, page: str, size: tuple[str, int]) -> str | None:
    number, limit = _number(url, page, 0), _number(url, size[0], size[1])
    if parsed.total is None and parsed.rows < limit:
        return None
    if parsed.total is not None and (number + 1) * limit >= parsed.total:
        return None
    return with_parameters(url, **{page: number + 1})


def _arxiv(url: str, parsed: ParsedFeed) -> str | None:
    if parsed.total is None or not urlsplit(url).path.endswith("/api/query"):
        return None
    start = _number(url, "start", 0) + parsed.rows
    size = _number(url, "max_results", _ARXIV_RESULTS)
    return None if start >= parsed.total else with_parameters(url, start=start, max_results=size)


def _biorxiv(url: str, parsed: ParsedFeed) -> str | None:
    parts = urlsplit(url)
    match = _BIORXIV.search(parts.path)
    if match is None or parsed.total is None:
        return None
    start = int(match["cursor"] or 0) + parsed.rows
    if start >= parsed.total:
        return None
    path = f"{parts.path[: match.start()]}{match['span']}/{start}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _number(url: str, name: str, otherwise: int) -> int:
    text = parameter(url, name) or ""
    return int(text) if text.isdigit() and len(text) < 9 else otherwise
