"""Looking back: the questions that bring the past of a feed, step by step. Pure.

Only sources that can be asked by date are read back: Hugging Face by its day, the arXiv
API by submission, bioRxiv by posting, Crossref by first deposit. RSS of arXiv and of
bioRxiv is asked for at their APIs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote, urlsplit, urlunsplit

from digest.errors import UsageError
from digest.feeds.paging import parameter, with_parameters
from digest.model import FeedKind

_ARXIV_RSS = re.compile(r"/(?:rss|atom)/([A-Za-z-]+(?:\.[A-Za-z-]+)?(?:\+[A-Za-z.+-]+)?)$")
_BIORXIV_RSS = re.compile(r"^connect\.(biorxiv|medrxiv)\.org$")
_BIORXIV_SERVER = re.compile(r"/details/([a-z]+)/")
_ROWS = 100
_STEP_DAYS = {
    FeedKind.HF_DAILY: 1,
    FeedKind.BIORXIV: 1,
    FeedKind.ARXIV_API: 7,
    FeedKind.CROSSREF: 7,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillStep:
    """Some days of a feed's past: from `first_day` to `last_day`, both included.

    `url` is the first page, to be read as `kind`.
    """

    first_day: date
    last_day: date
    url: str
    kind: FeedKind


def backfill_steps(kind: FeedKind, url: str, *, since: date, until: date) -> Iterator[BackfillStep]:
    """Give the steps from `since` to `until`, both included, oldest first.

    Raises:
        UsageError: If the source cannot be asked for its past.
    """
    source = _source(kind, url)
    if source is None:
        raise UsageError(
            "this feed cannot be read back: only Hugging Face, arXiv, bioRxiv, medRxiv and "
            "Crossref can be asked by date"
        )
    source_kind, base = source
    return _steps(source_kind, base, since, until)


def _steps(kind: FeedKind, base: str, since: date, until: date) -> Iterator[BackfillStep]:
    first = since
    while first <= until:
        last = min(first + timedelta(days=_STEP_DAYS[kind] - 1), until)
        yield BackfillStep(
            first_day=first, last_day=last, url=_step_url(kind, base, first, last), kind=kind
        )
        first = last + timedelta(days=1)


def _source(kind: FeedKind, url: str) -> tuple[FeedKind, str] | None:
    """Return how the past of a feed is read, and a URL that has everything but the dates."""
    if kind in _STEP_DAYS:
        return kind, url
    parts = urlsplit(url)
    category = _ARXIV_RSS.search(parts.path)
    if parts.hostname == "rss.arxiv.org" and category:
        wanted = " OR ".join(f"cat:{one}" for one in _categories(category[1]))
        return (
            FeedKind.ARXIV_API,
            "https://export.arxiv.org/api/query?search_query=" + quote(wanted, safe=":"),
        )
    server = _BIORXIV_RSS.match(parts.hostname or "")
    if server:
        base = f"https://api.biorxiv.org/details/{server[1]}/1d"
        subject = parameter(url, "subject")
        wanted_subject = None if subject in (None, "", "all") else subject
        return FeedKind.BIORXIV, with_parameters(base, category=wanted_subject)
    return None


def _categories(text: str) -> list[str]:
    """Split `cs.CL+cs.AI`; an archive without a class means all its classes."""
    return [one if "." in one else f"{one}*" for one in text.split("+") if one]


def _step_url(kind: FeedKind, base: str, first: date, last: date) -> str:
    if kind is FeedKind.HF_DAILY:
        return with_parameters(base, date=first.isoformat(), limit=_ROWS, p=0)
    if kind is FeedKind.BIORXIV:
        return _biorxiv_url(base, first, last)
    if kind is FeedKind.CROSSREF:
        days = f"from-created-date:{first},until-created-date:{last}"
        filters = ",".join(filter(None, (parameter(base, "filter"), days)))
        return with_parameters(
            base, filter=filters, rows=_ROWS, cursor="*", offset=None, sort=None, order=None
        )
    asked = (parameter(base, "search_query") or "").strip()
    days = f"submittedDate:[{first:%Y%m%d}0000 TO {last:%Y%m%d}2359]"
    return with_parameters(
        base,
        search_query=f"({asked}) AND {days}" if asked else days,
        sortBy="submittedDate",
        sortOrder="ascending",
        start=0,
        max_results=_ROWS,
    )


def _biorxiv_url(base: str, first: date, last: date) -> str:
    parts = urlsplit(base)
    found = _BIORXIV_SERVER.search(parts.path)
    server = found[1] if found else "biorxiv"
    path = f"/details/{server}/{first}/{last}/0"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
