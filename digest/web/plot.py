"""The trend of a paper as a line: numbers that the template draws (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from digest.digests.wording import short_day
from digest.model import Listing

_WIDTH, _HEIGHT = 400, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 76, 18, 26


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendView:
    """Upvotes over days: a line, its last point, direct labels and the words for it."""

    width: int
    height: int
    line: str
    last_x: float
    last_y: float
    base_y: int
    last_label: str
    first_day: str
    last_day: str
    left: int
    right: int
    said: str


def trend_view(listings: Iterable[Listing]) -> TrendView | None:
    """Draw the upvotes of a paper by day; None for fewer than two days."""
    days: dict[date, int] = {}
    for one in listings:
        if one.upvotes is not None:
            days[one.day] = max(one.upvotes, days.get(one.day, 0))
    if len(days) < 2:
        return None
    points = sorted(days.items())
    (first, lowest), (last, newest) = points[0], points[-1]
    span = (last - first).days
    top = max(*days.values(), 1)
    right = _WIDTH - _RIGHT

    def place(day: date, upvotes: int) -> tuple[float, float]:
        x = _LEFT + (right - _LEFT) * (day - first).days / span
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * upvotes / top
        return round(x, 1), round(y, 1)

    line = " ".join(f"{x},{y}" for x, y in (place(day, upvotes) for day, upvotes in points))
    last_x, last_y = place(last, newest)
    return TrendView(
        width=_WIDTH,
        height=_HEIGHT,
        line=line,
        last_x=last_x,
        last_y=last_y,
        base_y=_HEIGHT - _BOTTOM,
        last_label=f"{newest:,}",
        first_day=short_day(first),
        last_day=short_day(last),
        left=_LEFT,
        right=right,
        said=f"{lowest:,} upvotes on {short_day(first)}, {newest:,} on {short_day(last)}.",
    )
