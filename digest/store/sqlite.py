"""SQLite: WAL with `synchronous=FULL`, and writers that queue.

A commit survives a power cut, and every writing transaction begins IMMEDIATE, so that two
writers queue instead of failing in the middle (https://www.sqlite.org/lang_transaction.html).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from digest.errors import ConfigError

_BUSY_TIMEOUT_MS = 30_000


def make_sqlite_engine(url: URL) -> Engine:
    """Make an engine; the folder of the file is made too.

    Raises:
        ConfigError: If that folder cannot be made.
    """
    if url.database and url.database != ":memory:":
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ConfigError([f"database.url: {folder} cannot be made: {exc.strerror}"]) from exc
    engine = create_engine(url)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        f"busy_timeout = {_BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("digest_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
