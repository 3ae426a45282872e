"""The order in which papers are offered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from digest.model import Paper


def rank(papers: Iterable[Paper]) -> list[Paper]:
    """Sort papers best first: upvotes (unknown counts as none), then newest.

    Newest is by publication date, then by when we first saw it; the id settles the
    rest, so that the order is total and the same for everybody.
    """
    return sorted(
        papers,
        key=lambda paper: (
            paper.upvotes or 0,
            paper.published_on or date.min,
            paper.first_seen_at,
            -paper.id,
        ),
        reverse=True,
    )
