"""Migrations lead to exactly the tables of the code, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect

from digest.store import Store
from digest.store.engine import alembic_config, head_revision
from digest.store.migrations import made_by_hand
from digest.store.tables import Table
from tests.support.databases import Kind, new_postgresql


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    kind: Kind = request.param
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'digest.db'}"
    else:
        with new_postgresql(migrated=False) as url:
            yield url


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    made = create_engine(empty_url)
    yield made
    made.dispose()


def upgraded(url: str) -> None:
    store = Store(url)
    store.ensure_schema()
    store.close()


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or not made_by_hand(name),
            },
        )
        return list(compare_metadata(context, Table.metadata))


def test_migrations_from_empty_give_the_tables_of_the_code(empty_url: str, engine: Engine) -> None:
    upgraded(empty_url)

    assert differences(engine) == []


def test_migrations_one_by_one_give_the_same(empty_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
    store = Store(empty_url)
    first = store.schema_revision()

    store.upgrade()

    assert (first, store.schema_revision()) == ("0001", head_revision())
    assert differences(engine) == []
    store.close()


def test_migrations_go_back_to_nothing(empty_url: str, engine: Engine) -> None:
    upgraded(empty_url)

    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")

    left = set(inspect(engine).get_table_names())
    assert left == {"alembic_version"} | (left & {"sqlite_sequence"})


def test_what_was_sent_is_remembered_at_most_once_a_subscriber_and_paper(
    empty_url: str, engine: Engine
) -> None:
    upgraded(empty_url)

    inspector = inspect(engine)
    memory = inspector.get_pk_constraint("delivery_paper")["constrained_columns"]
    once = [c["column_names"] for c in inspector.get_unique_constraints("delivery")]

    assert memory == ["subscriber_id", "paper_id"]
    assert ["subscriber_id", "period"] in once


def test_ids_that_the_outside_remembers_are_never_given_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'digest.db'}"
    upgraded(url)

    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
        )
        never_reused = {name for (name,) in rows}
    engine.dispose()

    assert never_reused >= {"delivery", "feed", "letter", "paper", "query", "subscriber"}


def test_what_was_sent_lies_in_partitions_by_subscriber_on_postgresql() -> None:
    with new_postgresql(migrated=False) as url:
        upgraded(url)
        engine = create_engine(url)
        with engine.connect() as connection:
            partitions = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'delivery_paper'::regclass"
            ).scalar_one()
        engine.dispose()

    assert partitions == 16
