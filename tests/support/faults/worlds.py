"""A new database for each point, copied from one that was made once."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy.engine import make_url

from digest.store.engine import Store
from tests.support.faults.meddler import ROOM
from tests.support.faults.points import PAPERS, PAPERS_A_DIGEST, READERS
from tests.support.ledger_world import add_papers, add_subscribers


class World(Protocol):
    """A database that is made anew again and again, with the same papers and readers."""

    url: str

    def renew(self, *statements: str) -> None:
        """Make it anew, and run statements in it. Nobody may be connected."""
        ...

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read with plain SQL, not through the engine."""
        ...

    def make_room(self) -> None:
        """Undo what the meddler of a dead sender left behind."""
        ...


def fill(store: Store) -> None:
    """Put the readers and papers of every point into a new database."""
    store.ensure_schema()
    add_papers(store, PAPERS)
    add_subscribers(store, READERS, max_papers=PAPERS_A_DIGEST)


class SqliteWorld:
    """A file, copied from a template."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "point.db"
        self._template = folder / "template.db"
        self.url = f"sqlite:///{self._path}"
        store = Store(f"sqlite:///{self._template}")
        fill(store)
        store.close()
        with closing(sqlite3.connect(self._template)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def renew(self, *statements: str) -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{self._path}{end}").unlink(missing_ok=True)
        shutil.copyfile(self._template, self._path)
        with closing(sqlite3.connect(self._path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._path)) as connection:
            return connection.execute(query).fetchall()

    def make_room(self) -> None:
        """The limit ended with its process."""


class PostgresWorld:
    """A database on a server, copied from a template database.

    Args:
        url: SQLAlchemy URL of a database that stays, on a server we may make others on.
        name: Of ours: each process has its own.
    """

    def __init__(self, url: str, name: str) -> None:
        self._name = name
        self._template = f"{name}_template"
        self._admin = psycopg.connect(_plain(url), autocommit=True)
        self._execute(f'CREATE DATABASE "{self._template}"')
        store = Store(_named(url, self._template))
        fill(store)
        store.close()
        self.url = _named(url, name)

    def renew(self, *statements: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')
        self._execute(
            f'CREATE DATABASE "{self._name}" TEMPLATE "{self._template}" STRATEGY FILE_COPY'
        )
        self._run(*statements)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(_plain(self.url)) as connection:
            return connection.execute(query.encode()).fetchall()

    def make_room(self) -> None:
        self._run(*ROOM)

    def _run(self, *statements: str) -> None:
        if statements:
            with psycopg.connect(_plain(self.url)) as connection:
                for statement in statements:
                    connection.execute(statement.encode())

    def close(self) -> None:
        """Remove both databases."""
        for name in (self._name, self._template):
            self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._admin.close()

    def _execute(self, statement: str) -> None:
        self._admin.execute(statement.encode())


def _named(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
