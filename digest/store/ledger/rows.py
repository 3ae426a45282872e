"""Reading the ledger: rows to values, lists, counts, and the one conditional UPDATE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Update, func, or_, select, update
from sqlmodel import Session

from digest.model import (
    QUEUED_STATES,
    Alias,
    Delivery,
    DeliveryId,
    DeliveryState,
    PaperId,
    Period,
    PlannedPaper,
    QueryId,
    SubscriberId,
)
from digest.store.chunks import chunks
from digest.store.ledger.id_ranges import IdRanges
from digest.store.ledger.states import LEGAL, Event
from digest.store.tables import Table

DELIVERY = Table.metadata.tables["delivery"]
SUBSCRIBER = Table.metadata.tables["subscriber"]
PAPER = Table.metadata.tables["paper"]
MERGED = Table.metadata.tables["merged_paper"]


_RANGES_AT_ONCE = 200
_CHUNK = 10_000
_PLANNED = 10_000
"""A paper is in many digests for the same queries: so many of these values are shared."""


def move(event: Event, *conditions: ColumnElement[bool], by_id: bool = False) -> Update:
    """Return the UPDATE of one event: it leaves every row alone that is in another state.

    Args:
        event: What happens.
        conditions: Which rows.
        by_id: Whether they name rows by a list of ids. SQLite would rather search the
            index of states, and look at all that is ready or claimed.
    """
    legal = LEGAL[event]
    sources = sorted(state.value for state in legal.sources)
    state = DELIVERY.c.state.concat("") if by_id else DELIVERY.c.state
    return (
        update(DELIVERY)
        # Not IN: its list is filled in for each execution, which `Prepared` cannot.
        .where(or_(*(state == source for source in sources)), *conditions)
        .values(state=legal.target.value)
    )


@lru_cache(maxsize=_PLANNED)
def _planned_paper(paper_id: PaperId, *query_ids: QueryId) -> PlannedPaper:
    return PlannedPaper(paper_id=paper_id, query_ids=query_ids)


def to_delivery(row: Mapping[str, Any] | RowMapping) -> Delivery:
    """Turn a row of the delivery table into the domain's value."""
    content: dict[str, Any] = row["content"]
    return Delivery(
        id=DeliveryId(row["id"]),
        subscriber_id=SubscriberId(row["subscriber_id"]),
        period=Period(row["period"]),
        state=DeliveryState(row["state"]),
        scheduled_at=row["scheduled_at"],
        closes_at=row["closes_at"],
        prepared_at=row["prepared_at"],
        papers=tuple(
            _planned_paper(paper_id, *query_ids)
            for paper_id, query_ids in content.get("papers", ())
        ),
        rest=tuple(PaperId(paper_id) for paper_id in content.get("rest", ())),
        carried=content.get("carried", 0),
        left_over=content.get("left_over", 0),
        notices=tuple(content.get("notices", ())),
        message_id=row["message_id"],
        message_date_at=row["message_date_at"],
        attempts=row["attempts"],
        tries=row["tries"],
        next_attempt_at=row["next_attempt_at"],
        fence=row["fence"],
        doubted_fence=row["doubted_fence"],
        lease_until_at=row["lease_until_at"],
        finished_at=row["finished_at"],
        reply=row["reply"],
    )


def get_delivery(tx: Session, delivery_id: DeliveryId) -> Delivery | None:
    """Return one delivery, or None."""
    row = tx.execute(select(DELIVERY).where(DELIVERY.c.id == delivery_id)).mappings().first()
    return None if row is None else to_delivery(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A delivery as people see it: with its address, and its papers by canonical alias."""

    delivery: Delivery
    email: str
    aliases: tuple[Alias, ...]


def list_entries(
    tx: Session,
    *,
    state: DeliveryState | None = None,
    subscriber_id: SubscriberId | None = None,
    delivery_id: DeliveryId | None = None,
    period: Period | None = None,
    limit: int | None = None,
) -> list[LedgerEntry]:
    """Return deliveries, newest first, all that fit the filters unless `limit` is given."""
    query: Select[Any] = (
        select(DELIVERY, SUBSCRIBER.c.email)
        .join(SUBSCRIBER, SUBSCRIBER.c.id == DELIVERY.c.subscriber_id)
        .order_by(DELIVERY.c.id.desc())
    )
    if state is not None:
        query = query.where(DELIVERY.c.state == state.value)
    if subscriber_id is not None:
        query = query.where(DELIVERY.c.subscriber_id == subscriber_id)
    if delivery_id is not None:
        query = query.where(DELIVERY.c.id == delivery_id)
    if period is not None:
        query = query.where(DELIVERY.c.period == period)
    if limit is not None:
        query = query.limit(limit)
    found = [(to_delivery(row), str(row["email"])) for row in tx.execute(query).mappings()]
    aliases = _aliases(tx, {paper.paper_id for one, _ in found for paper in one.papers})
    return [
        LedgerEntry(
            delivery=one,
            email=email,
            aliases=tuple(
                aliases[paper.paper_id] for paper in one.papers if paper.paper_id in aliases
            ),
        )
        for one, email in found
    ]


def _aliases(tx: Session, paper_ids: set[PaperId]) -> dict[PaperId, Alias]:
    found: dict[PaperId, Alias] = {}
    for ids in chunks(sorted(paper_ids)):
        rows = tx.execute(select(PAPER.c.id, PAPER.c.alias).where(PAPER.c.id.in_(ids)))
        found.update((PaperId(paper_id), Alias(alias)) for paper_id, alias in rows)
    for ids in chunks(sorted(paper_ids - found.keys())):
        rows = tx.execute(
            select(MERGED.c.old_id, PAPER.c.alias)
            .join(PAPER, PAPER.c.id == MERGED.c.paper_id)
            .where(MERGED.c.old_id.in_(ids))
        )
        found.update((PaperId(old_id), Alias(alias)) for old_id, alias in rows)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCounts:
    """How many deliveries are in which state; `queued` = ready + claimed + sending."""

    prepared: int = 0
    sent: int = 0
    bounced: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0
    queued: int = 0

    @classmethod
    def of_states(cls, states: Mapping[str, int]) -> LedgerCounts:
        """Sum up a count by state."""
        return cls(
            prepared=sum(states.values()),
            queued=sum(states.get(state, 0) for state in QUEUED_STATES),
            sent=states.get(DeliveryState.SENT, 0),
            bounced=states.get(DeliveryState.BOUNCED, 0),
            failed=states.get(DeliveryState.FAILED, 0),
            skipped=states.get(DeliveryState.SKIPPED, 0),
            unknown=states.get(DeliveryState.UNKNOWN, 0),
        )


def count_deliveries(tx: Session, ids: IdRanges | None = None) -> LedgerCounts:
    """Count the deliveries with these ids by state, or all of them."""
    states: Counter[str] = Counter()
    grouped = select(DELIVERY.c.state, func.count()).group_by(DELIVERY.c.state)
    if ids is None:
        states.update(dict(tx.execute(grouped).all()))
    else:
        ranges = ids.ranges
        while some := list(islice(ranges, _RANGES_AT_ONCE)):
            within = or_(*(DELIVERY.c.id.between(first, last) for first, last in some))
            states.update(dict(tx.execute(grouped.where(within)).all()))
    return LedgerCounts.of_states(states)


def open_delivery_ids(tx: Session) -> IdRanges:
    """Return the ids of all that is ready, claimed or sending."""
    queued = sorted(state.value for state in QUEUED_STATES)
    query = select(DELIVERY.c.id).where(DELIVERY.c.state.in_(queued)).order_by(DELIVERY.c.id)
    return IdRanges(tx.execute(query.execution_options(yield_per=_CHUNK)).scalars())
