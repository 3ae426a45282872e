"""Saved interests and the distinct queries behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from sqlalchemy import select as select_columns
from sqlmodel import Session, col, delete, exists, insert, select

from digest.model import Interest, InterestKind, QueryId, SubscriberId, SubscriberState
from digest.store.dialect import insert_into
from digest.store.prepared import PreparedByIds
from digest.store.tables import InterestRow, QueryRow, SubscriberRow

_CHUNK = 5_000


_INTEREST = InterestRow.metadata.tables["interest"]
_KINDS = {kind.value: kind for kind in InterestKind}
_OF = PreparedByIds(
    lambda ids: (
        select_columns(
            _INTEREST.c.subscriber_id, _INTEREST.c.kind, _INTEREST.c.text, _INTEREST.c.query_id
        )
        .where(_INTEREST.c.subscriber_id.in_(ids))
        .order_by(_INTEREST.c.id)
    )
)


def interests_of(
    tx: Session, ids: Iterable[SubscriberId]
) -> dict[SubscriberId, tuple[Interest, ...]]:
    """Return the interests of these subscribers, in the order they were saved."""
    gathered: dict[SubscriberId, list[Interest]] = {}
    for subscriber_id, kind, text, query_id in _OF.rows(tx, ids):
        gathered.setdefault(subscriber_id, []).append(_interest(kind, text, query_id))
    return {one: tuple(interests) for one, interests in gathered.items()}


@lru_cache(maxsize=1 << 14)
def _interest(kind: str, text: str, query_id: int) -> Interest:
    """Many have the same; one value serves them all."""
    return Interest(kind=_KINDS[kind], text=text, query_id=QueryId(query_id))


def get_or_create_queries(tx: Session, canonicals: Sequence[str]) -> dict[str, QueryId]:
    """Return the ids of these canonical queries; those not yet known are added."""
    distinct = sorted(set(canonicals))
    found: dict[str, QueryId] = {}
    for start in range(0, len(distinct), _CHUNK):
        chunk = distinct[start : start + _CHUNK]
        tx.exec(
            insert_into(tx, QueryRow).on_conflict_do_nothing(),
            params=[{"canonical": canonical} for canonical in chunk],
        )
        rows = tx.exec(
            select(QueryRow.canonical, QueryRow.id).where(col(QueryRow.canonical).in_(chunk))
        ).all()
        found.update((canonical, QueryId(one)) for canonical, one in rows if one is not None)
    return found


def get_or_create_query(tx: Session, canonical: str) -> QueryId:
    """Return the id of a canonical query, adding it when it is new."""
    return get_or_create_queries(tx, [canonical])[canonical]


def all_queries(tx: Session, *, after: int = 0) -> list[tuple[QueryId, str]]:
    """Return the distinct queries that some active subscriber saved, muted ones too.

    Args:
        tx: A transaction.
        after: Only those with a higher id: the ones that came later.
    """
    wanted = exists().where(
        col(InterestRow.query_id) == col(QueryRow.id),
        col(InterestRow.subscriber_id) == col(SubscriberRow.id),
        col(SubscriberRow.state) == SubscriberState.ACTIVE.value,
    )
    rows = tx.exec(
        select(QueryRow.id, QueryRow.canonical).where(wanted, col(QueryRow.id) > after)
    ).all()
    return [(QueryId(one), canonical) for one, canonical in rows if one is not None]


def queries_by_ids(tx: Session, ids: Sequence[QueryId]) -> dict[QueryId, str]:
    """Return the canonical text of these queries."""
    found: dict[QueryId, str] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = tx.exec(
            select(QueryRow.id, QueryRow.canonical).where(
                col(QueryRow.id).in_(ids[start : start + _CHUNK])
            )
        ).all()
        found.update((QueryId(one), canonical) for one, canonical in rows if one is not None)
    return found


def replace_interests(
    tx: Session, wanted: Mapping[SubscriberId, Sequence[Interest]], *, now: datetime
) -> None:
    """Make these the interests of each subscriber; those kept keep their place and date."""
    kept = interests_of(tx, list(wanted))
    gone: list[tuple[SubscriberId, Interest]] = []
    new: list[dict[str, object]] = []
    for subscriber_id, interests in wanted.items():
        before = kept.get(subscriber_id, ())
        gone.extend((subscriber_id, one) for one in before if one not in interests)
        new.extend(
            {
                "subscriber_id": subscriber_id,
                "kind": one.kind.value,
                "text": one.text,
                "query_id": one.query_id,
                "created_at": now,
            }
            for one in interests
            if one not in before
        )
    for subscriber_id, one in gone:
        tx.exec(
            delete(InterestRow).where(
                col(InterestRow.subscriber_id) == subscriber_id,
                col(InterestRow.kind) == one.kind.value,
                col(InterestRow.query_id) == one.query_id,
            )
        )
    if new:
        tx.exec(insert(InterestRow), params=new)
