"""What a poll means for a feed: its status, and when it is polled next. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import assert_never

from digest.model import FeedStatus, PollState

MAX_WAIT = timedelta(days=31)
"""No server can keep us away for longer (a wrong Retry-After would lose the feed)."""
FIRST_RETRIES_S = (300.0, 900.0, 1800.0)
MAX_BACKOFF_S = 6 * 3600.0
"""A failing feed is tried four times a day: some list a paper on one day only."""
MAX_FRESHNESS_S = 86_400.0
"""We believe Cache-Control up to a day: a static host's year would lose the feed."""
STALE_WORKING_DAYS = 3
"""Fewer whole working days without a paper prove nothing, not even of a daily source."""
UNKNOWN_PACE_DAYS = 10
"""How long a feed of unknown pace may be silent: most blogs are slow."""
_GAPS_UNTIL_STALE = 2
_MORE_WHEN_EMPTY = 2
_JITTER_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PollReply:
    """What one poll brought, as far as it matters for the next.

    `status` is OK, UNCHANGED, FAILED or GONE; `error` says why in the latter two.
    `entries` is None unless a document was read.
    """

    status: FeedStatus
    http_status: int | None = None
    error: str | None = None
    entries: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    max_age_s: float | None = None
    retry_after_s: float | None = None
    moved_to: str | None = None


def decide_state(
    before: PollState, reply: PollReply, *, now: datetime, interval_s: float, jitter: float
) -> PollState:
    """Work out a feed's state after a poll.

    A failure keeps everything that was known, but for `moved_to`: the place a feed moved
    to may be the thing that broke. An answer without a new paper becomes STALE when the
    last one is too long ago.

    Args:
        before: State after the poll before.
        reply: What this poll brought.
        now: Aware UTC time of the poll.
        interval_s: Seconds between polls of a healthy feed.
        jitter: Fraction in [0, 1) that spreads feeds apart.

    Returns:
        The new state; `after_ingest` completes it when the papers are counted.
    """
    match reply.status:
        case FeedStatus.OK | FeedStatus.UNCHANGED | FeedStatus.STALE:
            return _answered(before, reply, now=now, interval_s=interval_s, jitter=jitter)
        case FeedStatus.FAILED | FeedStatus.GONE:
            return _failed(before, reply, now=now, interval_s=interval_s, jitter=jitter)
        case _:  # pragma: no cover
            assert_never(reply.status)


def after_ingest(
    state: PollState, *, new_papers: int, usual_gap_days: int | None = None
) -> PollState:
    """Complete the state with what the document brought.

    Args:
        state: From `decide_state`.
        new_papers: How many papers the feed had not listed before. That others list them
            too says nothing of this feed.
        usual_gap_days: From `health.usual_gap`; None leaves what was known.
    """
    if new_papers <= 0:
        return state
    status = FeedStatus.OK if state.status is FeedStatus.STALE else state.status
    return replace(
        state,
        status=status,
        new_paper_at=state.polled_at,
        usual_gap_days=usual_gap_days or state.usual_gap_days,
    )


def is_stale(
    new_paper_at: datetime | None,
    now: datetime,
    *,
    usual_gap_days: int | None = None,
    entries: int | None = None,
) -> bool:
    """Tell whether a feed has been silent for longer than its pace explains.

    Twice the usual gap, and three whole working days at least; Saturdays and Sundays
    (UTC) do not count. A feed that never brought a paper is not stale: nobody knows what
    to expect of it.

    Args:
        new_paper_at: When it last brought a paper nobody had, None for never.
        now: Aware UTC time.
        usual_gap_days: Working days that usually pass until the next one, None while
            that is not known.
        entries: How many entries its last document had. An empty one says that there is
            nothing to list, as on a holiday: two more days are allowed.
    """
    if new_paper_at is None:
        return False
    if usual_gap_days is None:
        limit = UNKNOWN_PACE_DAYS
    else:
        limit = max(STALE_WORKING_DAYS, _GAPS_UNTIL_STALE * usual_gap_days)
    if entries == 0:
        limit += _MORE_WHEN_EMPTY
    return working_days_between(new_paper_at.date(), now.date()) >= limit


def next_poll_at(
    *,
    now: datetime,
    interval_s: float,
    failures: int,
    retry_after_s: float | None,
    max_age_s: float | None,
    jitter: float,
) -> datetime:
    """Choose when a feed is polled next.

    The later of our interval, `max-age` (RFC 9111 §5.2.2.1) and `Retry-After` (RFC 9110
    §10.2.3) wins. The first failures are tried again soon, since most pass: a machine that
    boots before its network would else lose an hour. After them the interval doubles, up
    to six hours.

    Args:
        now: Aware UTC time.
        interval_s: Seconds between polls of a healthy feed.
        failures: Polls that failed in a row, this one included.
        retry_after_s: Seconds the server asked us to wait, or None.
        max_age_s: Seconds for which the reply stays fresh, or None.
        jitter: Fraction in [0, 1), of which a tenth is added to the wait.

    Returns:
        Aware UTC time, after `now` and at most 31 days later.

    Raises:
        ValueError: If `now` is naive.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    wait_s = interval_s
    if 0 < failures <= len(FIRST_RETRIES_S):
        wait_s = min(interval_s, FIRST_RETRIES_S[failures - 1])
    elif failures > 0:
        backoff_s = interval_s * 2.0 ** min(failures - len(FIRST_RETRIES_S), 16)
        wait_s = max(interval_s, min(backoff_s, MAX_BACKOFF_S))
    wait_s *= 1 + _JITTER_SHARE * jitter
    wait_s = max(wait_s, min(max_age_s or 0.0, MAX_FRESHNESS_S), retry_after_s or 0.0)
    return now + min(timedelta(seconds=min(wait_s, MAX_WAIT.total_seconds())), MAX_WAIT)


def _answered(
    before: PollState, reply: PollReply, *, now: datetime, interval_s: float, jitter: float
) -> PollState:
    changed = reply.status is not FeedStatus.UNCHANGED
    entries = reply.entries if changed else before.entries
    silent = is_stale(
        before.new_paper_at, now, usual_gap_days=before.usual_gap_days, entries=entries
    )
    status = FeedStatus.STALE if silent else reply.status
    return replace(
        before,
        next_poll_at=next_poll_at(
            now=now,
            interval_s=interval_s,
            failures=0,
            retry_after_s=reply.retry_after_s,
            max_age_s=reply.max_age_s,
            jitter=jitter,
        ),
        status=status,
        http_status=reply.http_status,
        error=None,
        entries=entries,
        polled_at=now,
        answered_at=now,
        changed_at=now if changed else before.changed_at,
        failing_since_at=None,
        gone_at=None,
        failures=0,
        # A 304 may leave its validators out: then the ones we sent still hold.
        etag=reply.etag if changed else reply.etag or before.etag,
        last_modified=(
            reply.last_modified if changed else reply.last_modified or before.last_modified
        ),
        body_hash=reply.body_hash or before.body_hash,
        moved_to=reply.moved_to or before.moved_to,
    )


def _failed(
    before: PollState, reply: PollReply, *, now: datetime, interval_s: float, jitter: float
) -> PollState:
    failures = before.failures + 1
    return replace(
        before,
        next_poll_at=next_poll_at(
            now=now,
            interval_s=interval_s,
            failures=failures,
            retry_after_s=reply.retry_after_s,
            max_age_s=None,
            jitter=jitter,
        ),
        status=reply.status,
        http_status=reply.http_status,
        error=reply.error,
        polled_at=now,
        failing_since_at=before.failing_since_at or now,
        gone_at=now if reply.status is FeedStatus.GONE else before.gone_at,
        failures=failures,
        moved_to=None,
    )


def working_days_between(first: date, last: date) -> int:
    """Count Mondays to Fridays strictly between two dates."""
    days = max((last - first).days - 1, 0)
    weeks, rest = divmod(days, 7)
    start = first.weekday()
    return weeks * 5 + sum((start + offset) % 7 < 5 for offset in range(1, rest + 1))
