"""Make two papers one: everything that names the one that goes follows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, and_, exists, select
from sqlmodel import Session

from digest.model import QUEUED_STATES, DeliveryState, Merge, PaperId
from digest.store.ledger.papers import merge_sent_papers
from digest.store.tables import PaperRow

_TABLES = PaperRow.metadata.tables
_PAPER: Table = _TABLES["paper"]
_ALIAS: Table = _TABLES["alias"]
_MERGED: Table = _TABLES["merged_paper"]
_WINDOW: Table = _TABLES["window"]
_DELIVERY: Table = _TABLES["delivery"]
_TAKEN: Table = _TABLES["delivery_paper"]
_OPEN = sorted(state.value for state in (*QUEUED_STATES, DeliveryState.UNKNOWN))
"""The states of deliveries that may give their papers back."""


def merge_papers(tx: Session, merges: Sequence[Merge]) -> None:
    """Move all that names `old_id` to `paper_id` and delete the old papers, in order.

    Windows are not moved: the plan that merges holds the windows of what is left.
    Where a subscriber was sent both, one row of that memory stays.
    """
    for merge in merges:
        _merge(tx, merge.old_id, merge.paper_id)


def _merge(tx: Session, old: PaperId, new: PaperId) -> None:
    run = tx.connection().execute
    _hold(tx, old, new)
    run(_ALIAS.update().where(_ALIAS.c.paper_id == old).values(paper_id=new))
    run(_WINDOW.delete().where(_WINDOW.c.paper_id == old))
    merge_sent_papers(tx, old, new)
    for name, keys in (
        ("listing", ("feed_id", "day")),
        ("score", ("feed_id", "day")),
        ("paper_tag", ("tag_id",)),
        ("revision", ("version",)),
    ):
        _move(tx, _TABLES[name], keys, old, new)
    run(_MERGED.update().where(_MERGED.c.paper_id == old).values(paper_id=new))
    run(_MERGED.insert().values(old_id=old, paper_id=new))
    run(_PAPER.delete().where(_PAPER.c.id == old))


def _hold(tx: Session, old: PaperId, new: PaperId) -> None:
    """Lock both papers, by id, and the deliveries that hold either.

    Who takes one of the papers meanwhile waits, and then finds the old one gone; a
    delivery that ends meanwhile gives back the papers it holds after the merge.
    """
    both = (old, new)
    run = tx.connection().execute
    run(select(_PAPER.c.id).where(_PAPER.c.id.in_(both)).order_by(_PAPER.c.id).with_for_update())
    holding = select(_TAKEN.c.delivery_id).where(_TAKEN.c.paper_id.in_(both))
    run(
        select(_DELIVERY.c.id)
        .where(_DELIVERY.c.id.in_(holding), _DELIVERY.c.state.in_(_OPEN))
        .order_by(_DELIVERY.c.id)
        .with_for_update(key_share=True)
    )


def _move(tx: Session, table: Table, keys: tuple[str, ...], old: PaperId, new: PaperId) -> None:
    """Give the old paper's rows to the new one; a row it has already is dropped."""
    mine = table.alias("mine")
    same: ColumnElement[bool] = and_(
        mine.c.paper_id == new, *(mine.c[key] == table.c[key] for key in keys)
    )
    run = tx.connection().execute
    run(table.delete().where(table.c.paper_id == old, exists(select(1).where(same))))
    run(table.update().where(table.c.paper_id == old).values(paper_id=new))
