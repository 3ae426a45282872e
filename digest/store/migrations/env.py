"""Alembic's environment: runs on the connection that `Store.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from digest.store.migrations import made_by_hand
from digest.store.tables import Table

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
    compare_type=True,
    include_name=lambda name, kind, _: kind != "table" or not made_by_hand(name),
)
context.run_migrations()
