"""What composing asks of the store besides subscribers and papers: has anything changed?"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select
from sqlmodel import Session

from digest.model import PaperId
from digest.store.prepared import PreparedByIds
from digest.store.tables import Table

_MERGED = Table.metadata.tables["merged_paper"]
_FEED = Table.metadata.tables["feed"]

PollMarks = tuple[tuple[int, datetime | None], ...]


def poll_marks(tx: Session) -> PollMarks:
    """Return when each feed was polled last: while these stay, no paper reads otherwise."""
    rows = tx.execute(select(_FEED.c.id, _FEED.c.polled_at).order_by(_FEED.c.id))
    return tuple((feed_id, polled_at) for feed_id, polled_at in rows)


_AMONG = PreparedByIds(
    lambda ids: select(_MERGED.c.old_id, _MERGED.c.paper_id).where(
        or_(_MERGED.c.old_id.in_(ids), _MERGED.c.paper_id.in_(ids))
    )
)


def merges_among(tx: Session, ids: Collection[PaperId]) -> dict[PaperId, PaperId]:
    """Return the merges that any of these papers had a part in: the old id to the one left."""
    return {PaperId(old_id): PaperId(paper_id) for old_id, paper_id in _AMONG.rows(tx, ids)}
