"""A connection to PostgreSQL that dies costs a run nothing, unless a commit was on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlmodel import Session, select

from digest.clock import fixed_clock
from digest.delivery.run import DeliverCounts, deliver
from digest.delivery.smtp import SmtpTransport
from digest.delivery.writer import GroupCommit
from digest.errors import ConnectionLostError, StorageError
from digest.store.engine import Store
from digest.store.facts import set_fact_at
from digest.store.tables import FactRow
from tests.support.ledger_world import (
    MONDAY,
    PlainComposer,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    message_ids,
    smtp_settings,
)
from tests.support.smtp_server import Rule, smtp_server


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    return postgresql_url


@pytest.fixture
def cut(database_url: str) -> Callable[[], None]:
    """End all connections to the database, as a restart or an idle firewall does."""
    url = make_url(database_url).set(drivername="postgresql")

    def end_all() -> None:
        with psycopg.connect(
            url.render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    return end_all


def names(store: Store) -> Sequence[str]:
    with store.read() as tx:
        return tx.exec(select(FactRow.name).order_by(FactRow.name)).all()


def written(store: Store, *pieces: Callable[[Session], object]) -> list[object]:
    """Put pieces to a writer one after the other; give what each returned or raised."""

    async def one_after_the_other() -> list[object]:
        async with GroupCommit(store) as writer:
            return [
                (await asyncio.gather(writer.commit(piece), return_exceptions=True))[0]
                for piece in pieces
            ]

    return asyncio.run(one_after_the_other())


@contextmanager
def before_commit(store: Store, do: Callable[[], None], *, nth: int) -> Iterator[None]:
    """Do something as the nth commit is about to be asked for."""
    commits: list[None] = []

    def count(_: Connection) -> None:
        commits.append(None)
        if len(commits) == nth:
            do()

    event.listen(store._engine, "commit", count)
    yield
    event.remove(store._engine, "commit", count)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "CONTENT"])
def test_a_run_goes_on_over_a_new_connection(
    store: Store, cut: Callable[[], None], verb: str
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 12)

    with smtp_server() as server:
        server.add(Rule(verb=verb, nth=4, times=1, before=cut))
        settings = smtp_settings(server.port, connections=1)
        counts = asyncio.run(
            deliver(
                store,
                clock=fixed_clock(MONDAY),
                settings=settings,
                composer=PlainComposer(),
                transport=SmtpTransport(settings.smtp),
                message_ids=message_ids(),
            )
        )

    assert counts == DeliverCounts(prepared=12, sent=12)
    assert set(server.accepted.values()) == {1}
    assert_all_accounted_for(store)


def test_what_was_begun_on_a_connection_that_dies_is_done_once_more(
    store: Store, cut: Callable[[], None]
) -> None:
    tries: list[int] = []

    def write_and_lose(tx: Session) -> str:
        tries.append(1)
        set_fact_at(tx, "second", MONDAY)
        tx.flush()
        if len(tries) == 1:
            cut()
        set_fact_at(tx, "third", MONDAY)
        return "written"

    results = written(store, lambda tx: set_fact_at(tx, "first", MONDAY), write_and_lose)

    assert results == [None, "written"]
    assert len(tries) == 2
    assert names(store) == ["first", "second", "third"]


def test_what_loses_its_connection_each_time_is_done_twice_and_told(
    store: Store, cut: Callable[[], None]
) -> None:
    tries: list[int] = []

    def lose(tx: Session) -> None:
        tries.append(1)
        set_fact_at(tx, "never", MONDAY)
        cut()
        tx.flush()
        set_fact_at(tx, "nor this", MONDAY)

    (result,) = written(store, lose)

    assert isinstance(result, ConnectionLostError)
    assert len(tries) == 2
    assert names(store) == []


def test_a_commit_whose_reply_was_lost_is_in_doubt_and_not_done_again(
    store: Store, cut: Callable[[], None]
) -> None:
    tries: list[int] = []

    def write(tx: Session) -> None:
        tries.append(1)
        set_fact_at(tx, "perhaps", MONDAY)

    with before_commit(store, cut, nth=1):
        (result,) = written(store, write)

    assert isinstance(result, StorageError)
    assert not isinstance(result, ConnectionLostError)
    assert len(tries) == 1
