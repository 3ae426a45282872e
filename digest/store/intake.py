"""Requests from the site that wait to be looked at: written in one row, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, delete, func, insert, select

from digest.store.tables import IntakeRow


class IntakeKind(StrEnum):
    """What was asked for."""

    SIGNUP = "signup"
    LOGIN = "login"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """One request as it was written down."""

    id: int
    kind: IntakeKind
    content: Mapping[str, Any]
    at: datetime


def write_intake(
    tx: Session, kind: IntakeKind, content: Mapping[str, Any], *, now: datetime
) -> None:
    """Write a request down."""
    tx.exec(insert(IntakeRow).values(kind=kind.value, content=dict(content), at=now))


def take_intake(tx: Session, *, limit: int) -> list[Intake]:
    """Take the oldest requests out; they are gone when the transaction commits."""
    rows = tx.exec(select(IntakeRow).order_by(col(IntakeRow.id)).limit(limit)).all()
    taken = [
        Intake(id=row.id, kind=IntakeKind(row.kind), content=dict(row.content), at=row.at)
        for row in rows
        if row.id is not None
    ]
    if taken:
        tx.exec(delete(IntakeRow).where(col(IntakeRow.id).in_([one.id for one in taken])))
    return taken


def count_intake(tx: Session) -> int:
    """Return how many requests wait."""
    return tx.exec(select(func.count()).select_from(IntakeRow)).one()
