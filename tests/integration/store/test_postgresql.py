"""What PostgreSQL adds: its clock, its locks, and its own ways to refuse."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from digest.errors import CollisionError, StorageError
from digest.model import ConsentKind
from digest.store import Store, ledger
from digest.store.clock import DatabaseClock
from digest.store.election import Election
from digest.store.facts import get_fact_at, set_fact_at
from digest.store.subscribers import suppress
from digest.store.tables import FactRow
from tests.support.databases import new_postgresql
from tests.support.ledger_world import MONDAY, add_papers, add_subscribers, plan, prepare

SOON_S = 20


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    return postgresql_url


@pytest.fixture
def other(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    yield opened
    opened.close()


class Beside:
    """Runs something in a thread, and tells whether it has ended."""

    def __init__(self, do: threading.Thread) -> None:
        self._thread = do
        do.start()

    def waits(self) -> bool:
        self._thread.join(0.3)
        return self._thread.is_alive()

    def ends(self) -> bool:
        self._thread.join(SOON_S)
        return not self._thread.is_alive()


def test_writers_take_turns(store: Store, other: Store) -> None:
    def write() -> None:
        with other.write() as tx:
            set_fact_at(tx, "second", MONDAY)

    with store.write() as tx:
        set_fact_at(tx, "first", MONDAY)
        second = Beside(threading.Thread(target=write))
        waited = second.waits()

    assert (waited, second.ends()) == (True, True)


def test_what_locks_its_own_rows_waits_for_nobody(store: Store, other: Store) -> None:
    with store.write() as tx:
        set_fact_at(tx, "first", MONDAY)
        with other.write_concurrently() as beside:
            set_fact_at(beside, "second", MONDAY)

        assert get_fact_at(tx, "second") == MONDAY


def test_reading_is_a_snapshot_that_writes_nothing(store: Store, other: Store) -> None:
    with store.read() as tx:
        before = tx.exec(select(FactRow.name)).all()
        with other.write() as writing:
            set_fact_at(writing, "late", MONDAY)
        after = tx.exec(select(FactRow.name)).all()

    assert before == after == []
    with pytest.raises(StorageError, match="read-only transaction"), store.read() as tx:
        set_fact_at(tx, "late", MONDAY)


def test_two_workers_claim_different_deliveries(store: Store, other: Store) -> None:
    papers = add_papers(store, 1)
    readers = add_subscribers(store, 6)
    prepare(store, *(plan(one, papers) for one in readers))

    with store.write_concurrently() as first, other.write_concurrently() as second:
        one = ledger.claim_deliveries(first, MONDAY, limit=4)
        two = ledger.claim_deliveries(second, MONDAY, limit=4)

    assert (len(one), len(two)) == (4, 2)
    assert {claim.id for claim in one}.isdisjoint(claim.id for claim in two)


def test_suppressing_waits_for_an_intent_and_an_intent_sees_it(store: Store, other: Store) -> None:
    papers = add_papers(store, 1)
    first, second = add_subscribers(store, 2)
    prepare(store, plan(first, papers), plan(second, papers))
    with store.write_concurrently() as tx:
        claims = ledger.claim_deliveries(tx, MONDAY)

    def leave() -> None:
        with other.write() as tx:
            suppress(tx, first, ConsentKind.UNSUBSCRIBED, MONDAY)
            suppress(tx, second, ConsentKind.UNSUBSCRIBED, MONDAY)

    with store.write_concurrently() as tx:
        begun = ledger.intend(tx, claims[0].id, claims[0].fence, MONDAY)
        leaving = Beside(threading.Thread(target=leave))
        waited = leaving.waits()
    ended = leaving.ends()
    with store.write_concurrently() as tx:
        too_late = ledger.intend(tx, claims[1].id, claims[1].fence, MONDAY)

    assert (begun, waited, ended, too_late) == (True, True, True, False)


def test_a_deadlock_is_a_collision_and_done_again(store: Store, other: Store) -> None:
    with store.write() as tx:
        tx.add_all([FactRow(name="a", at=MONDAY), FactRow(name="b", at=MONDAY)])
    both_hold = threading.Barrier(2, timeout=SOON_S)
    collided: list[CollisionError] = []

    def change(one: Store, names: tuple[str, str]) -> None:
        try:
            with one.write_concurrently() as tx:
                set_fact_at(tx, names[0], MONDAY + timedelta(1))
                both_hold.wait()
                set_fact_at(tx, names[1], MONDAY + timedelta(1))
        except CollisionError as exc:
            collided.append(exc)

    threads = [
        threading.Thread(target=change, args=(store, ("a", "b"))),
        threading.Thread(target=change, args=(other, ("b", "a"))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)

    assert [str(exc) for exc in collided] == ["the database refused: deadlock detected"]


def test_what_collides_is_done_again(store: Store) -> None:
    tries: list[int] = []

    def collide_twice(_tx: object) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise CollisionError("the database refused: deadlock detected")
        return "done"

    assert store.run(collide_twice) == "done"
    assert len(tries) == 3


def test_what_collides_every_time_is_told(store: Store) -> None:
    def collide(_tx: object) -> None:
        raise CollisionError("the database refused: deadlock detected")

    with pytest.raises(CollisionError):
        store.run(collide)


def test_a_broken_constraint_reaches_the_caller(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as tx:
        tx.execute(text("INSERT INTO paper_tag VALUES (1, 1, false)"))


def test_a_server_that_is_not_there_is_one_plain_line(database_url: str) -> None:
    nowhere = make_url(database_url).update_query_dict({"host": "/nowhere"})
    store = Store(nowhere.render_as_string(hide_password=False))

    with pytest.raises(StorageError) as raised:
        store.ensure_schema()

    assert str(raised.value).startswith("the database refused: connection")
    assert "\n" not in str(raised.value)


def test_what_the_server_refuses_is_said_without_the_row(store: Store) -> None:
    with pytest.raises(StorageError) as raised, store.write() as tx:
        tx.execute(text("SELECT 'ada@example.org'::int"))

    assert "\n" not in str(raised.value)


def test_text_may_hold_a_nul(store: Store) -> None:
    with store.write() as tx:
        tx.add(FactRow(name="a\0b", at=MONDAY))

    with store.read() as tx:
        assert get_fact_at(tx, "a\0b") == MONDAY
        assert tx.exec(select(FactRow.name)).all() == ["a\ufffdb"]


def test_two_that_start_at_once_make_the_schema_once() -> None:
    failed: list[BaseException] = []

    def start(url: str) -> None:
        store = Store(url)
        try:
            store.ensure_schema()
        except BaseException as exc:
            failed.append(exc)
        store.close()

    with new_postgresql(migrated=False) as url:
        threads = [threading.Thread(target=start, args=(url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert failed == []


# ---- who ticks, and by which clock


def test_one_process_is_elected_and_another_when_it_goes(store: Store, other: Store) -> None:
    first, second = Election(store), Election(other)

    before = (first.won(), second.won(), first.won(), second.won())
    first.close()
    after = second.won()
    second.close()

    assert before == (True, False, True, False)
    assert after


def test_an_elected_process_that_loses_its_connection_stands_again(
    store: Store, other: Store, database_url: str
) -> None:
    first, second = Election(store), Election(other)
    first.won()
    admin = make_url(database_url).set(drivername="postgresql")
    with psycopg.connect(admin.render_as_string(hide_password=False), autocommit=True) as kills:
        kills.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )

    results = (second.won(), first.won())
    first.close()
    second.close()

    assert results == (True, False)


def test_the_clock_is_the_servers_and_runs_on_between_looks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = iter([10.0, 10.0, 70.0, 70.0])
    clock = DatabaseClock(store, counter=lambda: next(counter))
    monkeypatch.setattr(store, "server_time", lambda: MONDAY)

    assert clock() == MONDAY
    assert clock() == MONDAY + timedelta(seconds=60)


def test_the_clock_looks_again_and_goes_on_without_an_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    clock = DatabaseClock(store, counter=lambda: seconds[0])
    monkeypatch.setattr(store, "server_time", lambda: MONDAY)
    clock()

    def refuse() -> datetime:
        raise StorageError("the database refused: gone")

    monkeypatch.setattr(store, "server_time", refuse)
    seconds[0] = 301.0
    without_answer = clock()
    monkeypatch.setattr(store, "server_time", lambda: MONDAY + timedelta(hours=1))
    with_answer = clock()

    assert without_answer == MONDAY + timedelta(seconds=301)
    assert with_answer == MONDAY + timedelta(hours=1)


def test_the_servers_time_is_aware_utc(store: Store) -> None:
    assert store.server_time().tzinfo is UTC
