"""How patient to be with a feed that rarely brings something. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from digest.model import PollState

MAX_STRETCHED = timedelta(hours=6)
"""As with failing feeds: some list a paper on one day only, so four polls a day remain."""
_BURST = timedelta(days=1)
"""What came lately may go on: a conference is put up over hours, a day's list grows."""


def stretch(state: PollState, *, interval_s: float) -> PollState:
    """Put off the next poll of a feed of slow pace, never beyond its usual hour.

    A feed that usually brings something every working day, one of unknown pace, one that
    brought something within a day and one that fails are left alone. Of the others the
    interval is multiplied by the working days that usually pass, up to six hours; it ends
    where the hour of the day begins at which the last paper came.

    Args:
        state: After the poll, with its papers counted (`polling.after_ingest`).
        interval_s: Seconds between polls of a healthy feed.

    Returns:
        The state, its next poll no earlier than before.
    """
    now, news_at = state.polled_at, state.new_paper_at
    if now is None or news_at is None or state.failures or (state.usual_gap_days or 1) <= 1:
        return state
    if now - news_at < _BURST:
        return state
    longer = timedelta(seconds=min(interval_s * (state.usual_gap_days or 1), 31 * 86_400.0))
    at = min(now + min(longer, MAX_STRETCHED), _same_time_after(now, news_at))
    return replace(state, next_poll_at=max(state.next_poll_at, at))


def _same_time_after(now: datetime, model: datetime) -> datetime:
    """Return the next instant after `now` at the time of day of `model`."""
    day = timedelta(days=1)
    return now + (day - (now - model) % day)
