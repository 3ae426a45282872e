"""Small facts of the service itself, such as when it last ticked."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from digest.store.dialect import insert_into
from digest.store.tables import FactRow

LAST_BEAT = "last_beat"
"""When the metronome last beat: told by `/readyz`."""
HOUSE_KEPT = "house_kept"
"""When housekeeping last ran: a long gap puts the clock in doubt."""


def get_fact_at(tx: Session, name: str) -> datetime | None:
    """Return the instant kept under a name, None when there is none."""
    return tx.exec(select(FactRow.at).where(col(FactRow.name) == name)).first()


def set_fact_at(tx: Session, name: str, at: datetime) -> None:
    """Keep an instant under a name."""
    statement = insert_into(tx, FactRow).values(name=name, at=at, value="")
    tx.exec(statement.on_conflict_do_update(index_elements=["name"], set_={"at": at}))
