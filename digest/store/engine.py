"""The database: engine, transactions, schema version.

SQLite runs in WAL with `synchronous=FULL`, so that a commit survives a power cut, and
every writing transaction begins IMMEDIATE, so that two writers queue instead of
failing in the middle (https://www.sqlite.org/lang_transaction.html).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlmodel import Session

from digest.errors import ConfigError, StorageError

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_BUSY_TIMEOUT_MS = 30_000


class Store:
    """One database. Give its sessions to the repository modules.

    Args:
        url: SQLAlchemy URL, `sqlite:///path` or `sqlite://` (in memory, for tests).

    Raises:
        ConfigError: If the URL names a database that is not supported.
    """

    def __init__(self, url: str) -> None:
        self._engine = _make_engine(url)
        self._write_engine = self._engine.execution_options(digest_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One reading transaction: a consistent snapshot, rolled back at the end."""
        with _plain_storage_errors(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One writing transaction: committed at the end, rolled back on any error."""
        with (
            _plain_storage_errors(),
            Session(self._write_engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            session.connection()  # take the writer's place now, not at the first statement
            yield session

    def schema_revision(self) -> str | None:
        """Return the revision the database is at, None when it has no schema."""
        with _plain_storage_errors(), self._engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def ensure_schema(self) -> None:
        """Create the schema of an empty database; refuse an old or a newer one.

        Raises:
            StorageError: Naming the command that mends it.
        """
        current, head = self.schema_revision(), head_revision()
        if current == head:
            return
        if current is None:
            # Another process may have made the schema since we looked, in one transaction.
            if self._has_tables() and self.schema_revision() is None:
                raise StorageError(
                    "the database holds tables that are not ours: "
                    "set database.url to an empty database"
                )
            self.upgrade()
            return
        if current in _known_revisions():
            raise StorageError(
                f"the database schema is at {current}, this version needs {head}: "
                "run `digest db upgrade`"
            )
        raise StorageError(
            f"the database schema {current} is newer than this version knows ({head}): "
            "install the version that wrote it, or a newer one"
        )

    def upgrade(self) -> None:
        """Bring the schema to the newest revision, in one transaction."""
        with _plain_storage_errors(), self._write_engine.begin() as connection:
            command.upgrade(_alembic_config(connection), "head")

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    def _has_tables(self) -> bool:
        with _plain_storage_errors(), self._engine.connect() as connection:
            return bool(inspect(connection).get_table_names())


def head_revision() -> str:
    """Return the newest schema revision that this version knows."""
    head = _script().get_current_head()
    assert head is not None
    return head


def _known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in _script().walk_revisions())


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_MIGRATIONS))


def _alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _make_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise ConfigError(["database.url: is not a database URL"]) from exc
    if parsed.get_backend_name() != "sqlite":
        raise ConfigError(
            [f"database.url: {parsed.get_backend_name()} is not supported yet; use sqlite:///PATH"]
        )
    if parsed.database and parsed.database != ":memory:":
        folder = Path(parsed.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ConfigError([f"database.url: {folder} cannot be made: {exc.strerror}"]) from exc
    engine = create_engine(url)
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        f"busy_timeout = {_BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("digest_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _plain_storage_errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as exc:
        if isinstance(exc.orig, sqlite3.IntegrityError):
            raise
        raise StorageError(f"the database refused: {exc.orig}") from exc
