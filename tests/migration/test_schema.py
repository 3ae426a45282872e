"""Migrations lead to exactly the tables of the code."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from digest.store import Store
from digest.store.fulltext import is_words_table
from digest.store.tables import Table


def test_migrations_from_empty_give_the_tables_of_the_code(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'digest.db'}"
    store = Store(url)
    store.ensure_schema()
    store.close()

    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or not is_words_table(name),
            },
        )
        differences = compare_metadata(context, Table.metadata)
    engine.dispose()

    assert differences == []


def test_what_was_sent_is_remembered_at_most_once_a_subscriber_and_paper(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'digest.db'}"
    store = Store(url)
    store.ensure_schema()
    store.close()

    engine = create_engine(url)
    inspector = inspect(engine)
    memory = inspector.get_pk_constraint("delivery_paper")["constrained_columns"]
    once = [c["column_names"] for c in inspector.get_unique_constraints("delivery")]
    engine.dispose()

    assert memory == ["subscriber_id", "paper_id"]
    assert ["subscriber_id", "period"] in once


def test_ids_that_the_outside_remembers_are_never_given_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'digest.db'}"
    store = Store(url)
    store.ensure_schema()
    store.close()

    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
        )
        never_reused = {name for (name,) in rows}
    engine.dispose()

    assert never_reused >= {"delivery", "feed", "letter", "paper", "query", "subscriber"}
