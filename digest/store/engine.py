"""The database: transactions and schema version, on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session

from digest.errors import CollisionError, ConfigError, ConnectionLostError, StorageError
from digest.store.postgresql import (
    Lock,
    is_collision,
    is_lost,
    make_postgresql_engine,
    plain_cause,
    take_turn,
)
from digest.store.sqlite import make_sqlite_engine

T = TypeVar("T")

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_TRIES = 5
_URLS = "sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME"


class Store:
    """One database. Give its sessions to the repository modules.

    Args:
        url: SQLAlchemy URL: `sqlite:///path`, `sqlite://` (in memory, for tests), or
            `postgresql+psycopg://user:password@host/name`.

    Raises:
        ConfigError: If the URL names a database that is not supported.
    """

    def __init__(self, url: str) -> None:
        self._engine = _make_engine(url)
        self._write_engine = self._engine.execution_options(digest_write=True)
        self._mine = _OfThread()
        self._read_engine = self._engine
        if self.is_postgresql:
            self._read_engine = self._engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @property
    def is_postgresql(self) -> bool:
        """Whether this is PostgreSQL, else it is SQLite."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One reading transaction: a consistent snapshot, rolled back at the end."""
        with _plain_storage_errors(), Session(self._read_engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One writing transaction: committed at the end, rolled back on any error.

        It is alone among its kind: what it has read stays true until it commits, since
        whoever else calls this waits. Those of `write_concurrently` do not; they lock the
        rows that they share with others.
        """
        with self.write_concurrently() as session:
            if self.is_postgresql:
                take_turn(session.connection(), Lock.WRITE)
            yield session

    @contextmanager
    def write_concurrently(self) -> Iterator[Session]:
        """One writing transaction beside others, where the database allows it (READ COMMITTED).

        For what must be fast, and locks each row that it decides by. On SQLite writers
        queue all the same.

        Raises:
            CollisionError: If it was undone because of another one: do it again.
            ConnectionLostError: If the connection was lost before the commit was asked
                for: do it again. A commit whose reply was lost is in doubt: StorageError.
        """
        with (
            _plain_storage_errors(),
            self._mine.kept_for(self._write_engine) as bind,
            Session(bind, expire_on_commit=False) as session,
            session.begin(),
        ):
            connection = session.connection()  # take the writer's place now, not later
            with _losses_before_commit(connection):
                yield session

    @contextmanager
    def keep_connection(self) -> Iterator[None]:
        """Let whatever this thread writes go over one connection, until the context ends.

        For a thread that writes often: a pool asks each connection first whether it lives.
        One that died meanwhile is met as a ConnectionLostError; after any error the next
        transaction has a new one.
        """
        with self._mine.keeping():
            yield

    def run(self, do: Callable[[Session], T]) -> T:
        """Do something in a writing transaction of its own, again where it collided.

        Raises:
            CollisionError: If it collided every time.
        """

        def once() -> T:
            with self.write() as tx:
                return do(tx)

        return again_where_it_collides(once)

    def refresh_statistics(self) -> None:
        """Let PostgreSQL count anew how many deliveries and subscribers are in which state.

        Who believes that few are ready, or active, sorts all that are ready for each claim;
        its own round (autovacuum) may come a minute after thousands were prepared. SQLite
        needs none.
        """
        if self.is_postgresql:
            with _plain_storage_errors(), self._write_engine.begin() as connection:
                connection.execute(text("ANALYZE delivery, subscriber"))

    def server_time(self) -> datetime:
        """Return what the clock of the PostgreSQL server says, aware UTC."""
        with _plain_storage_errors(), self._engine.connect() as connection:
            at: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return at.astimezone(UTC)

    def connect_apart(self) -> Connection:
        """Open a connection that is in no pool and in no transaction; the caller closes it."""
        with _plain_storage_errors():
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            return connection

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
            if self.is_postgresql:
                take_turn(connection, Lock.SCHEMA)  # two that start at once make it once
            command.upgrade(alembic_config(connection), "head")

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    def _has_tables(self) -> bool:
        with _plain_storage_errors(), self._engine.connect() as connection:
            return bool(inspect(connection).get_table_names())


class _OfThread(threading.local):
    """The connection that a thread keeps for its writing, if it does."""

    keeps = False
    connection: Connection | None = None

    @contextmanager
    def keeping(self) -> Iterator[None]:
        self.keeps = True
        try:
            yield
        finally:
            self.keeps = False
            self._let_go()

    @contextmanager
    def kept_for(self, engine: Engine) -> Iterator[Engine | Connection]:
        """Give what a session is to be bound to."""
        if not self.keeps:
            yield engine
            return
        if self.connection is None:
            self.connection = engine.connect()
        try:
            yield self.connection
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


def again_where_it_collides(do: Callable[[], T]) -> T:
    """Do something that writes in one transaction, up to five times.

    Raises:
        CollisionError: If it collided every time.
    """
    for _ in range(_TRIES - 1):
        try:
            return do()
        except CollisionError:
            continue
    return do()


def head_revision() -> str:
    """Return the newest schema revision that this version knows."""
    head = _script().get_current_head()
    assert head is not None
    return head


def _known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in _script().walk_revisions())


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_MIGRATIONS))


def alembic_config(connection: Connection) -> Config:
    """Return what Alembic needs to work on this connection."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _make_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise ConfigError(["database.url: is not a database URL"]) from exc
    match parsed.drivername:
        case "sqlite" | "sqlite+pysqlite":
            return make_sqlite_engine(parsed)
        case "postgresql+psycopg":
            return make_postgresql_engine(parsed)
        case name:
            raise ConfigError([f"database.url: {name} is not supported; use {_URLS}"])


@contextmanager
def _losses_before_commit(connection: Connection) -> Iterator[None]:
    """Tell when a connection is lost in here, where no commit was asked for yet."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as exc:  # `prepared` asks the driver
        cause = _cause(exc)
        if not isinstance(cause, psycopg.Error) or not is_lost(connection, cause):
            raise
        if not connection.invalidated:
            connection.invalidate(exc)  # else undoing it asks the dead one
        raise ConnectionLostError(f"the database refused: {_said(exc)}") from exc


@contextmanager
def _plain_storage_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, sqlite3.Error, psycopg.Error) as exc:  # `prepared` asks the driver
        kind = CollisionError if is_collision(_cause(exc)) else StorageError
        raise kind(f"the database refused: {_said(exc)}") from exc
    except PoolTimeoutError as exc:
        raise StorageError(
            "the database refused: all connections of this process are busy"
        ) from exc


def _cause(error: Exception) -> BaseException | None:
    """Return what the driver raised."""
    return error.orig if isinstance(error, DBAPIError) else error


def _said(error: Exception) -> str:
    cause = _cause(error)
    return plain_cause(cause) if isinstance(cause, psycopg.Error) else str(cause)
