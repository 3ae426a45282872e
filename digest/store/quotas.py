"""How often something was asked for, by window of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, delete, select

from digest.store.dialect import insert_into
from digest.store.tables import QuotaRow


def quotas_used(tx: Session, keys: Sequence[str], window_at: datetime) -> dict[str, int]:
    """Return how much of each quota was used in this window; 0 where nothing was."""
    rows = tx.exec(
        select(QuotaRow.key, QuotaRow.used).where(
            col(QuotaRow.key).in_(keys), col(QuotaRow.window_at) == window_at
        )
    ).all()
    return {**dict.fromkeys(keys, 0), **dict(rows)}


def use_quotas(tx: Session, limits: Mapping[str, int], window_at: datetime) -> bool:
    """Use one of each quota; False, and nothing is used, where one of them is used up."""
    used = quotas_used(tx, list(limits), window_at)
    if any(used[key] >= limit for key, limit in limits.items()):
        return False
    statement = insert_into(tx, QuotaRow)
    tx.exec(
        statement.on_conflict_do_update(
            index_elements=["key", "window_at"], set_={"used": QuotaRow.used + 1}
        ),
        params=[{"key": key, "window_at": window_at, "used": 1} for key in limits],
    )
    return True


def drop_quotas(tx: Session, *, before: datetime) -> int:
    """Drop windows that began before an instant; returns how many."""
    return tx.exec(delete(QuotaRow).where(col(QuotaRow.window_at) < before)).rowcount
