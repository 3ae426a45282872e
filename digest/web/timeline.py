"""The timeline: how many papers each month and year holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from digest.digests.wording import MONTH_NAMES
from digest.store.library import Tally
from digest.web.cards import Anchor, Paths

_RECENT = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class YearView:
    """A year with its months; `share` of a month is its bar, from 0 to 100."""

    year: Anchor
    months: tuple[tuple[Anchor, int], ...]


def month_title(name: str) -> str:
    """Write `2026-02` as "February 2026", and a year as it is."""
    year, _, month = name.partition("-")
    return f"{MONTH_NAMES[int(month) - 1]} {year}" if month else year


def recent_months(months: Sequence[Tally], paths: Paths) -> tuple[Anchor, ...]:
    """Print the newest months, then whole years for what is older."""
    near = months[:_RECENT]
    years: dict[str, int] = defaultdict(int)
    for one in months[_RECENT:]:
        years[one.name[:4]] += one.papers
    rest = [Tally(name=year, papers=papers) for year, papers in list(years.items())[:4]]
    spans = {one.name[:4] for one in near}
    return tuple(
        _anchor(one, paths, earlier=len(one.name) == 4 and one.name in spans)
        for one in (*near, *rest)
    )


def year_views(months: Iterable[Tally], paths: Paths) -> tuple[YearView, ...]:
    """Print all years with their months, newest first."""
    years: dict[str, list[Tally]] = defaultdict(list)
    for one in months:
        years[one.name[:4]].append(one)
    most = max((one.papers for group in years.values() for one in group), default=1)
    return tuple(
        YearView(
            year=_anchor(Tally(name=year, papers=sum(one.papers for one in group)), paths),
            months=tuple(
                (_anchor(one, paths), max(1, round(100 * one.papers / most))) for one in group
            ),
        )
        for year, group in years.items()
    )


def _anchor(one: Tally, paths: Paths, *, earlier: bool = False) -> Anchor:
    title = month_title(one.name)
    return Anchor(
        text=f"earlier in {title}" if earlier else title,
        url=paths.to("/papers", month=one.name),
        count=f"{one.papers:,}",
    )
