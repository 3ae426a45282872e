"""PostgreSQL: how our sessions begin, and the locks that stand for no row.

Writing is READ COMMITTED, reading a snapshot. Advisory locks name what has no row of its
own: the turn of a writer, the schema, the one process that ticks.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import psycopg
from psycopg.adapt import Buffer
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL

_POOL_SIZE = 8
_MAX_OVERFLOW = 24
"""A process with 16 lanes and a site asks for fewer than this; more would wait in turn."""
_PATIENCE_S = 30
_SETTINGS = {
    "lock_timeout": f"{_PATIENCE_S}s",
    # A process that hangs in a transaction must not hold up all others for ever.
    "idle_in_transaction_session_timeout": "300s",
    # The locks of a machine that vanished are free after two minutes.
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
}
_COLLISIONS = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected
(https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


class Lock(IntEnum):
    """Advisory locks; the numbers are arbitrary, ours, and the same for ever."""

    WRITE = 7_030_001
    SCHEMA = 7_030_002
    TICK = 7_030_003


def make_postgresql_engine(url: URL) -> Engine:
    """Make an engine. Nothing is connected yet."""
    given = {"application_name": "paper-digest", "connect_timeout": str(_PATIENCE_S)}
    engine = create_engine(
        url.update_query_dict({**given, **url.query}),
        pool_size=_POOL_SIZE,
        max_overflow=_MAX_OVERFLOW,
        pool_timeout=_PATIENCE_S,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
    )
    event.listen(engine, "connect", _on_connect)
    return engine


def take_turn(connection: Connection, lock: Lock) -> None:
    """Wait for a lock that is given back when the transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(int(lock))))


def try_to_hold(connection: Connection, lock: Lock) -> bool:
    """Take a lock that the connection holds until it closes; False when another has it."""
    return bool(connection.execute(select(func.pg_try_advisory_lock(int(lock)))).scalar_one())


def is_collision(error: BaseException | None) -> bool:
    """Tell whether two transactions got into each other's way: doing it again is right."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _COLLISIONS


def is_lost(connection: Connection, error: psycopg.Error) -> bool:
    """Tell whether an error ended its connection: the server ends each on which it says FATAL."""
    if connection.invalidated or error.diag.severity_nonlocalized in ("FATAL", "PANIC"):
        return True
    driver = connection.connection.driver_connection
    return driver is None or bool(driver.closed)


def plain_cause(error: psycopg.Error) -> str:
    """Say in one line what the server, or the way to it, refused.

    The server's details are left out: they quote rows, and so addresses.
    """
    if error.diag.message_primary:
        return error.diag.message_primary
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


class _TextDumper(StrDumperUnknown):
    """Text of PostgreSQL holds no NUL: a replacement character finds, and harms, nothing."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


def _on_connect(connection: psycopg.Connection[Any], _record: Any) -> None:
    connection.adapters.register_dumper(str, _TextDumper)
    connection.autocommit = True
    for name, value in _SETTINGS.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    # An intent that a crash may forget would be handed off twice.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.autocommit = False
