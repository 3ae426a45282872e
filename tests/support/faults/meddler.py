"""Somebody else at the database, in the middle of a run.

It acts in the sending process, right after one of its commits, so that it is known to
the commit what came before and what after. What it does is told in the notes.
"""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from digest.model import ConsentKind, Merge, PaperId, SubscriberId
from digest.store.engine import Store
from digest.store.merges import merge_papers
from digest.store.postgresql import Lock, take_turn
from digest.store.subscribers import suppress
from tests.support.faults.points import What
from tests.support.faults.task import Task, note

LOCKED_S = 0.3
NO_ROOM = (
    """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
    RAISE EXCEPTION ''could not extend file: No space left on device''
    USING ERRCODE = ''53100''; END'""",
    """CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON delivery
    FOR EACH STATEMENT EXECUTE FUNCTION no_room()""",
)
ROOM = ("DROP TRIGGER IF EXISTS no_room ON delivery", "DROP FUNCTION IF EXISTS no_room")
_CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

Write = Callable[[Store], AbstractContextManager[Session]]


class Meddler:
    """Does once what the task says.

    Args:
        task: Of the sender.
        write: `Store.write_concurrently` as it was, which passes no hook.
    """

    def __init__(self, task: Task, write: Write) -> None:
        self._task = task
        self._write_concurrently = write
        self._failing = 0

    def meddle(self, store: Store) -> None:
        """Do it now."""
        match self._task.meddle:
            case What.UNSUBSCRIBE:
                self._unsubscribe(store)
            case What.MERGE:
                self._merge(store)
            case What.FULL:
                self._failing = self._task.one
                self._fill(store, full=True)
            case What.LOCK:
                self._lock(store)
            case What.CUT if store.is_postgresql:
                self._execute(store, _CUT)

    def after_failure(self, store: Store) -> None:
        """Give room again after as many failed commits as the task says."""
        if self._failing:
            self._failing -= 1
            if not self._failing:
                self._fill(store, full=False)

    @contextmanager
    def _write(self, store: Store) -> Iterator[Session]:
        """Write in turn with all others, as `Store.write` does."""
        with self._write_concurrently(store) as tx:
            if store.is_postgresql:
                take_turn(tx.connection(), Lock.WRITE)
            yield tx

    def _unsubscribe(self, store: Store) -> None:
        one = self._task.one
        at = datetime.fromisoformat(self._task.runs[0])
        with self._write(store) as tx:
            suppress(tx, SubscriberId(one), ConsentKind.UNSUBSCRIBED, at)
            # After the lock on the subscriber's row: what is sending now had its intent.
            states = tx.execute(
                text("SELECT state FROM delivery WHERE subscriber_id = :one"), {"one": one}
            ).scalars()
            begun = sum(state not in ("ready", "claimed") for state in states)
        note(self._task, {"left": one, "begun": begun})

    def _merge(self, store: Store) -> None:
        with self._write(store) as tx:
            ids = list(tx.execute(text("SELECT id FROM paper ORDER BY id")).scalars())
            old, new = PaperId(ids[self._task.one]), PaperId(ids[self._task.other])
            merge_papers(tx, [Merge(old_id=old, paper_id=new)])
        note(self._task, {"merged": old, "into": new})

    def _fill(self, store: Store, *, full: bool) -> None:
        """Let writes fail: on SQLite those to any file, on PostgreSQL those to the ledger.

        The first is the kernel's doing (EFBIG), as a full disk is. The second is an error
        of a trigger with the code that a full disk has; the server itself has room.
        """
        if store.is_postgresql:
            self._execute(store, *(NO_ROOM if full else ROOM))
            return
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 if full else most, most))

    def _lock(self, store: Store) -> None:
        locked = threading.Event()

        def hold() -> None:
            with self._write(store) as tx:
                if store.is_postgresql:
                    tx.execute(text("LOCK TABLE delivery IN ACCESS EXCLUSIVE MODE"))
                locked.set()
                time.sleep(LOCKED_S)

        threading.Thread(target=hold, daemon=True).start()
        locked.wait()

    def _execute(self, store: Store, *statements: str) -> None:
        with self._write(store) as tx:
            for statement in statements:
                tx.execute(text(statement))
