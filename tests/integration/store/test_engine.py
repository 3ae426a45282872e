"""The database: durable, one writer at a time, refusing schemas it does not know."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from digest.errors import ConfigError, StorageError
from digest.store import Store
from digest.store.engine import head_revision
from digest.store.tables import FactRow

NOW = datetime(2026, 2, 3, 7, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "digest.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


def test_an_empty_database_is_created(store: Store) -> None:
    store.ensure_schema()

    assert store.schema_revision() == head_revision()


def test_a_schema_that_is_there_is_left_alone(store: Store) -> None:
    store.ensure_schema()
    with store.write() as tx:
        tx.add(FactRow(name="ticked", at=NOW))

    store.ensure_schema()

    with store.read() as tx:
        assert tx.exec(select(FactRow.at)).one() == NOW


def test_a_newer_schema_is_refused(store: Store, path: Path) -> None:
    store.ensure_schema()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()

    with pytest.raises(StorageError, match="newer than this version knows"):
        store.ensure_schema()


def test_an_old_schema_is_refused_with_the_command_that_mends_it(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ensure_schema()
    monkeypatch.setattr("digest.store.engine.head_revision", lambda: "9999")

    with pytest.raises(StorageError, match="run `digest db upgrade`"):
        store.ensure_schema()


def test_a_database_of_somebody_else_is_refused(store: Store, path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    raw.close()

    with pytest.raises(StorageError, match="tables that are not ours"):
        store.ensure_schema()


def test_commits_are_durable_and_references_checked(store: Store) -> None:
    store.ensure_schema()

    with store.read() as tx:
        pragmas = {
            name: tx.connection().exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("synchronous", "journal_mode", "foreign_keys")
        }

    assert pragmas == {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}


def test_an_error_rolls_the_whole_transaction_back(store: Store) -> None:
    store.ensure_schema()

    def write_half() -> None:
        with store.write() as tx:
            tx.add(FactRow(name="ticked", at=NOW))
            tx.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()

    with store.read() as tx:
        assert tx.exec(select(FactRow)).all() == []


def test_a_writing_transaction_begins_as_the_only_writer(store: Store, path: Path) -> None:
    store.ensure_schema()

    with store.write():
        other = sqlite3.connect(path, timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_a_broken_constraint_reaches_the_caller(store: Store) -> None:
    store.ensure_schema()

    with pytest.raises(IntegrityError), store.write() as tx:
        tx.connection().exec_driver_sql("INSERT INTO paper_tag VALUES (1, 1, 0)")


def test_a_file_that_is_no_database_is_one_plain_error(path: Path, store: Store) -> None:
    path.write_bytes(b"this is not a database, not even a small one" * 100)

    with pytest.raises(StorageError, match="the database refused: file is not a database"):
        store.ensure_schema()


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("not a url", "is not a database URL"),
        ("mysql://localhost/digest", "mysql is not supported"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_configuration_problem(url: str, cause: str) -> None:
    with pytest.raises(ConfigError, match=cause):
        Store(url)


def test_a_folder_that_cannot_be_made_is_a_configuration_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")

    with pytest.raises(ConfigError, match="cannot be made"):
        Store(f"sqlite:///{tmp_path}/file/sub/digest.db")
