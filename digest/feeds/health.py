"""What a feed's days say: what is usual, and why a day is thin. Pure.

A parse failure, a holiday and a quiet day look alike in a digest: nothing came. Here
they are told apart by what a feed brought on the same weekday of the weeks before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median
from urllib.parse import urlsplit

from digest.feeds.polling import working_days_between
from digest.model import FeedDay, FeedId, FeedKind, FeedRecord, FeedStatus, ParsedFeed

WEEKS = 8
MAX_NOTICES = 3
_FEWEST_WEEKDAYS = 3
_FEWEST_GAPS = 3
_GAPS = 20
_DAY_BEGINS_H = 6
"""In UTC: an hour after arXiv's midnight, an hour or two before Europe begins."""
_SATURDAY = 5
_DAILY = frozenset({FeedKind.HF_DAILY, FeedKind.BIORXIV})


class DayKind(StrEnum):
    """What a day of one feed was like."""

    USUAL = "usual"
    QUIET = "quiet"
    HOLIDAY = "holiday"
    STALE = "stale"
    FAILED = "failed"
    UNKNOWN = "unknown"


_TROUBLE = {
    FeedStatus.FAILED: DayKind.FAILED,
    FeedStatus.GONE: DayKind.FAILED,
    FeedStatus.STALE: DayKind.STALE,
}


def usual_gap(
    kind: FeedKind, parsed: ParsedFeed, news_days: Iterable[date], *, today: date
) -> int | None:
    """Work out how many working days usually pass until a feed brings something new.

    Daily sources are known. Of the others the days on which papers came tell, and while
    those are few, the dates in the document.

    Args:
        kind: How the feed is read.
        parsed: Its document.
        news_days: Days on which it brought new papers.
        today: The day of this poll.

    Returns:
        A length that nine of ten gaps do not exceed, None when nobody knows.
    """
    if kind in _DAILY or any(entry.announce is not None for entry in parsed.entries):
        return 1
    dated = {entry.published_at.date() for entry in parsed.entries if entry.published_at}
    return _gap(news_days) or _gap(day for day in dated if day <= today)


def expected_new(days: Iterable[FeedDay], *, day: date) -> int | None:
    """Return the usual number of new papers on this weekday, None when it is not known.

    The median of the last eight of these weekdays on which the feed could be read.
    """
    counts = [
        one.new_papers
        for one in days
        if one.day < day
        and (day - one.day).days <= 7 * WEEKS
        and one.day.weekday() == day.weekday()
        and one.polls > one.failures
    ]
    return round(median(counts)) if len(counts) >= _FEWEST_WEEKDAYS else None


def new_on(days: Iterable[FeedDay], *, day: date) -> int | None:
    """Return how many new papers a day brought, None when the feed was not polled."""
    return next((one.new_papers for one in days if one.day == day), None)


def day_of(now: datetime) -> date:
    """Return the day that a digest at `now` speaks of.

    In the first hours of a UTC day, sources on both sides of the Atlantic have not
    begun it: what can be judged is the day before.
    """
    return (now - timedelta(hours=_DAY_BEGINS_H)).date()


def judge_day(feed: FeedRecord, days: Sequence[FeedDay], *, day: date) -> DayKind:
    """Tell what a day of a feed was like.

    Args:
        feed: With the state of its last poll.
        days: What it brought, day by day, in any order.
        day: The day asked about.
    """
    today = next((one for one in days if one.day == day), None)
    usual = expected_new(days, day=day)
    if today is not None and usual is not None and 2 * today.new_papers >= usual > 0:
        return DayKind.USUAL  # whatever happened since
    if feed.status in _TROUBLE:
        return _TROUBLE[feed.status]
    if today is None or today.polls <= today.failures:
        return DayKind.UNKNOWN
    read = today.entries if today.entries is not None else feed.entries
    if today.new_papers == 0 and read == 0 and (_is_arxiv(feed) or usual):
        return DayKind.HOLIDAY
    return DayKind.UNKNOWN if usual is None else DayKind.QUIET if usual else DayKind.USUAL


def thin_day_notices(
    feeds: Iterable[FeedRecord], days: Mapping[FeedId, Sequence[FeedDay]], *, now: datetime
) -> tuple[str, ...]:
    """Say in plain sentences why few papers came; nothing where all is as usual.

    Args:
        feeds: All feeds; paused ones say nothing.
        days: What each brought of late.
        now: Aware UTC instant of the digest.

    Returns:
        At most three sentences: what could not be read first, then what is stale, then
        holidays, then a quiet day.
    """
    day = day_of(now)
    polled = [one for one in feeds if not one.paused and one.kind is not FeedKind.HN]
    kinds: dict[DayKind, list[FeedRecord]] = {}
    for feed in sorted(polled, key=lambda one: one.name):
        kind = judge_day(feed, days.get(feed.id, ()), day=day)
        kinds.setdefault(kind, []).append(feed)
    sentences = [_unread(feed) for feed in kinds.get(DayKind.FAILED, ())]
    sentences += [_stale(feed) for feed in kinds.get(DayKind.STALE, ())]
    empty = kinds.get(DayKind.HOLIDAY, [])
    if any(_is_arxiv(feed) for feed in empty):
        if any(_is_arxiv(feed) and _listed(days.get(feed.id, ()), day) for feed in polled):
            # Not arXiv rests, but a small category has nothing: news only where it is usual to.
            empty = [
                feed
                for feed in empty
                if not _is_arxiv(feed) or expected_new(days.get(feed.id, ()), day=day)
            ]
        else:
            empty = [feed for feed in empty if not _is_arxiv(feed)]
            sentences.append(_arxiv_rests(day))
    sentences += [f"{feed.name} lists nothing today, as on a holiday." for feed in empty]
    if DayKind.QUIET in kinds and not sentences:
        sentences.append(_quiet(kinds[DayKind.QUIET], days, day))
    return tuple(sentences[:MAX_NOTICES])


def _listed(days: Sequence[FeedDay], day: date) -> bool:
    return any(one.day == day and one.entries for one in days)


def _arxiv_rests(day: date) -> str:
    """Say that arXiv announced nothing. Which holidays it keeps, it decides year by year."""
    if day.weekday() >= _SATURDAY:
        return "arXiv announces nothing on weekends."
    return "arXiv announced nothing today: its feeds are empty, as on a holiday."


def _unread(feed: FeedRecord) -> str:
    if feed.status is FeedStatus.GONE:
        return f"{feed.name} is gone: its server says that it will not come back."
    since = feed.failing_since_at
    return f"{feed.name} could not be read{f' since {_date(since)}' if since else ''}."


def _stale(feed: FeedRecord) -> str:
    since = f" since {_date(feed.new_paper_at)}" if feed.new_paper_at else ""
    return f"{feed.name} is stale: it has brought nothing new{since}."


def _quiet(feeds: Sequence[FeedRecord], days: Mapping[FeedId, Sequence[FeedDay]], day: date) -> str:
    usual = sum(expected_new(days.get(feed.id, ()), day=day) or 0 for feed in feeds)
    came = sum(one.new_papers for feed in feeds for one in days.get(feed.id, ()) if one.day == day)
    names = ", ".join(feed.name for feed in feeds[:3])
    more = f" and {len(feeds) - 3} more" if len(feeds) > 3 else ""
    return f"A quiet day: {came} new papers on {names}{more}, where {usual} are usual."


def _date(at: datetime) -> str:
    return f"{at:%B} {at.day}"


def _is_arxiv(feed: FeedRecord) -> bool:
    host = urlsplit(feed.url).hostname or ""
    return host == "arxiv.org" or host.endswith(".arxiv.org")


def _gap(days: Iterable[date]) -> int | None:
    ordered = sorted(set(days))[-_GAPS - 1 :]
    gaps = sorted(working_days_between(before, after) + 1 for before, after in pairwise(ordered))
    if len(gaps) < _FEWEST_GAPS:
        return None
    return gaps[-(-9 * len(gaps) // 10) - 1]
