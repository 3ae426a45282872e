"""What every table has: metadata of our own, and names for its constraints."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData
from sqlmodel import SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

NEVER_REUSED = {"sqlite_autoincrement": True}
"""An id names the same thing for ever: past digests, merges and files in the outbox hold it.
Without this SQLite gives the id of a deleted newest row to the next one."""

KEY_IS_ROW = {"sqlite_with_rowid": False}
"""The row lives in the index of its key: SQLite then keeps no second tree."""


LongId = BigInteger().with_variant(Integer, "sqlite")
"""Ids that a large service may give more than two billion of; on SQLite all are that long."""


class Table(SQLModel):
    """Base of our tables, with metadata and constraint names of our own."""

    metadata = MetaData(naming_convention=NAMING)
