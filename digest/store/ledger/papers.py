"""The memory of what was sent to whom: every write of `delivery_paper` is here (docs/adr/0003)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, FromClause, case, delete, exists, or_, select
from sqlmodel import Session

from digest.model import Delivery, DeliveryId, DeliveryState, PaperId, SubscriberId
from digest.store.chunks import chunks
from digest.store.dialect import insert_into
from digest.store.ledger.rows import PAPER
from digest.store.tables import Table

DELIVERY_PAPER = Table.metadata.tables["delivery_paper"]
DELIVERY = Table.metadata.tables["delivery"]
WINDOW = Table.metadata.tables["window"]
_HANDED_OFF = (
    DeliveryState.SENDING.value,
    DeliveryState.SENT.value,
    DeliveryState.UNKNOWN.value,
)
_CLAIMED = DeliveryState.CLAIMED.value

Taken = tuple[SubscriberId, PaperId, DeliveryId]


def take_papers(tx: Session, wanted: Iterable[Taken]) -> set[tuple[SubscriberId, PaperId]]:
    """Take papers for deliveries, in the order that keeps two writers from a deadlock.

    Returns:
        Those that were free. What is missing belongs to another delivery.
    """
    rows = [
        {"subscriber_id": subscriber_id, "paper_id": paper_id, "delivery_id": delivery_id}
        for subscriber_id, paper_id, delivery_id in sorted(wanted)
    ]
    if not rows:
        return set()
    statement = (
        insert_into(tx, DELIVERY_PAPER)
        .on_conflict_do_nothing(index_elements=["subscriber_id", "paper_id"])
        .returning(DELIVERY_PAPER.c.subscriber_id, DELIVERY_PAPER.c.paper_id)
    )
    return {
        (SubscriberId(subscriber_id), PaperId(paper_id))
        for subscriber_id, paper_id in tx.connection().execute(statement, rows)
    }


def release_papers(tx: Session, deliveries: Sequence[tuple[int, int]]) -> None:
    """Give back the papers of deliveries, named as (subscriber id, delivery id)."""
    for subscriber_id, delivery_id in sorted(deliveries):
        tx.execute(
            delete(DELIVERY_PAPER).where(
                DELIVERY_PAPER.c.subscriber_id == subscriber_id,
                DELIVERY_PAPER.c.delivery_id == delivery_id,
            )
        )


def merge_sent_papers(tx: Session, old: PaperId, new: PaperId) -> None:
    """Let what was sent of one paper count as sent of the paper it became.

    Where both were taken for a subscriber, one row stays, with the delivery likelier to
    have been handed off: one that fails gives its papers back, and a paper that the other
    one sent must not come free by that. One that is claimed may be on its way already.
    """
    theirs = DELIVERY_PAPER.alias("theirs")
    their, own = DELIVERY.alias("their"), DELIVERY.alias("own")
    likelier = (
        select(theirs.c.delivery_id)
        .join(their, their.c.id == theirs.c.delivery_id)
        .join(own, own.c.id == DELIVERY_PAPER.c.delivery_id)
        .where(
            theirs.c.subscriber_id == DELIVERY_PAPER.c.subscriber_id,
            theirs.c.paper_id == old,
            _nearness(their) > _nearness(own),
        )
        .correlate(DELIVERY_PAPER)
    )
    run = tx.connection().execute
    run(
        DELIVERY_PAPER.update()
        .where(DELIVERY_PAPER.c.paper_id == new, exists(likelier))
        .values(delivery_id=likelier.scalar_subquery())
    )
    mine = DELIVERY_PAPER.alias("mine")
    run(
        delete(DELIVERY_PAPER).where(
            DELIVERY_PAPER.c.paper_id == old,
            exists(
                select(mine.c.paper_id).where(
                    mine.c.subscriber_id == DELIVERY_PAPER.c.subscriber_id,
                    mine.c.paper_id == new,
                )
            ),
        )
    )
    run(DELIVERY_PAPER.update().where(DELIVERY_PAPER.c.paper_id == old).values(paper_id=new))


def _nearness(delivery: FromClause) -> ColumnElement[int]:
    """How near to its reader a delivery is: it may have arrived, may be on its way, is not."""
    handed_off = or_(delivery.c.state.in_(_HANDED_OFF), delivery.c.doubted_fence.is_not(None))
    return case((handed_off, 2), (delivery.c.state == _CLAIMED, 1), else_=0)


def sent_papers(
    tx: Session, subscriber_ids: Sequence[SubscriberId]
) -> dict[SubscriberId, list[PaperId]]:
    """Return which papers are taken for each of these subscribers."""
    taken: defaultdict[SubscriberId, list[PaperId]] = defaultdict(list)
    for ids in chunks(subscriber_ids):
        rows = tx.execute(
            select(DELIVERY_PAPER.c.subscriber_id, DELIVERY_PAPER.c.paper_id).where(
                DELIVERY_PAPER.c.subscriber_id.in_(ids)
            )
        )
        for subscriber_id, paper_id in rows:
            taken[SubscriberId(subscriber_id)].append(PaperId(paper_id))
    return dict(taken)


def delivery_of_paper(
    tx: Session, subscriber_id: SubscriberId, paper_id: PaperId
) -> DeliveryId | None:
    """Return the delivery that took a paper for a subscriber, None when it is free."""
    found = tx.execute(
        select(DELIVERY_PAPER.c.delivery_id).where(
            DELIVERY_PAPER.c.subscriber_id == subscriber_id,
            DELIVERY_PAPER.c.paper_id == paper_id,
        )
    ).scalar()
    return None if found is None else DeliveryId(found)


def held_papers(tx: Session, deliveries: Sequence[Delivery]) -> set[tuple[DeliveryId, PaperId]]:
    """Return which papers these deliveries hold now, by the ids they have now.

    Two papers that became one leave a paper with one delivery of a subscriber only.
    """
    held: set[tuple[DeliveryId, PaperId]] = set()
    for one in deliveries:
        rows = tx.execute(
            select(DELIVERY_PAPER.c.paper_id).where(
                DELIVERY_PAPER.c.subscriber_id == one.subscriber_id,
                DELIVERY_PAPER.c.delivery_id == one.id,
            )
        ).scalars()
        held.update((one.id, PaperId(paper_id)) for paper_id in rows)
    return held


def forget_papers(tx: Session, *, now: datetime, retention_days: int, eligibility_days: int) -> int:
    """Forget what was sent of papers that can open no window any more.

    Papers with a window that is still open stay, whatever their age: the settings may
    have been longer when it opened. The caller sees to it that the clock is not in doubt.

    Args:
        tx: A writing transaction.
        now: Aware UTC.
        retention_days: As in the settings.
        eligibility_days: As in the settings.

    Returns:
        How many rows went.
    """
    still_open = select(WINDOW.c.paper_id).where(
        WINDOW.c.opened_at > now - timedelta(days=eligibility_days)
    )
    old = select(PAPER.c.id).where(
        PAPER.c.first_seen_at < now - timedelta(days=retention_days), PAPER.c.id.not_in(still_open)
    )
    done = tx.connection().execute(delete(DELIVERY_PAPER).where(DELIVERY_PAPER.c.paper_id.in_(old)))
    return done.rowcount
