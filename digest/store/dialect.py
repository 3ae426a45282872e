"""What the two databases spell differently, in one place.

Everything else in the repositories is said in SQLAlchemy, and both understand it: row
locks (`with_for_update`) are left out on SQLite, where writers queue anyway.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

Insert = sqlite.Insert | postgresql.Insert
"""An INSERT that may say ON CONFLICT."""


def is_postgresql(tx: Session) -> bool:
    """Tell which database a transaction runs on: PostgreSQL, or else SQLite."""
    return tx.get_bind().dialect.name == "postgresql"


def insert_into(tx: Session, table: Table | type[Any]) -> Insert:
    """Begin an INSERT that may say ON CONFLICT, as this database spells it."""
    return insert_for(table, on_postgresql=is_postgresql(tx))


def insert_for(table: Table | type[Any], *, on_postgresql: bool) -> Insert:
    """Begin such an INSERT for one of the two databases: for statements that are kept."""
    return postgresql.insert(table) if on_postgresql else sqlite.insert(table)
