"""A sending process: the engine as the service runs it, with places where it may die.

It runs in a forked child. The engine is not told: `Store.write` and `socket.send` are
wrapped here, so that whatever commits or writes to the relay passes a hook.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from digest.clock import Clock, fixed_clock
from digest.digests.render import DigestRenderer
from digest.errors import DigestError
from digest.model import ConsentKind, Merge, PaperId, SubscriberId
from digest.resources import resource_dir
from digest.service import Service
from digest.settings import Settings
from digest.store.engine import Store
from digest.store.merges import merge_papers
from digest.store.subscribers import suppress
from tests.support.faults import broken
from tests.support.faults.points import Hook

CRASHED = 77
SECRET_KEY = "faults-" * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one sender is to do.

    Args:
        url: Of the database.
        port: Of the server on loopback.
        runs: ISO instants; at each, all that is owed is delivered once.
        notes: File to which it writes what happened, a JSON document a line.
        policy: `unknown_policy`.
        connections: To the server.
        hook: Where it ends, None for nowhere.
        nth: At which passing of the hook.
        part: For a send: how much of it is written before.
        signal_number: With which signal it ends itself, 0 for `os._exit`.
        meddle: What somebody does to the database after a commit, None for nothing.
        meddle_nth: After which.
        one: Reader, or paper that goes.
        other: Paper that it becomes.
        sabotage: How the engine is broken on purpose, None for not at all.
    """

    url: str
    port: int
    runs: tuple[str, ...]
    notes: str
    policy: str = "hold"
    connections: int = 3
    hook: str | None = None
    nth: int = 1
    part: float = 0.0
    signal_number: int = 0
    meddle: str | None = None
    meddle_nth: int = 1
    one: int = 0
    other: int = 0
    sabotage: str | None = None

    def to_json(self) -> str:
        """Write it for `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, document: str) -> Task:
        """Read what `to_json` wrote."""
        read: dict[str, Any] = json.loads(document)
        return cls(**{**read, "runs": tuple(read["runs"])})


def settings_of(task: Task, data_dir: Path) -> Settings:
    """The settings of a sender."""
    return Settings.model_validate(
        {
            "service": {"secret_key": SECRET_KEY, "data_dir": str(data_dir)},
            "database": {"url": task.url},
            "mail": {"transport": "smtp"},
            "smtp": {
                "host": "127.0.0.1",
                "port": task.port,
                "security": "none",
                "connections": task.connections,
            },
            "digest": {"unknown_policy": task.policy},
        }
    )


class Hooks:
    """Counts the passings of each hook, and does at one of them what the task says."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._passed: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._write = Store.write
        self._send = socket.socket.send

    def install(self) -> None:
        """Wrap `Store.write` and `socket.send` of this process, for good."""
        Store.write = self._wrapped_write()  # type: ignore[method-assign]
        socket.socket.send = self._wrapped_send()  # type: ignore[method-assign]

    @property
    def passed(self) -> dict[str, int]:
        """How often each hook was passed."""
        return dict(self._passed)

    def _wrapped_write(self) -> Any:
        write = self._write
        sabotaged = broken.commit_of(self._task.sabotage)

        @contextmanager
        def wrapped(store: Store) -> Iterator[Session]:
            with write(store) as tx:
                yield tx
                self._pass(Hook.BEFORE_COMMIT)
                sabotaged(tx)
            self._meddle(store, self._pass(Hook.AFTER_COMMIT))

        return wrapped

    def _wrapped_send(self) -> Any:
        send, port = self._send, self._task.port

        def wrapped(connection: socket.socket, data: bytes, *flags: int) -> int:
            if connection.family != socket.AF_INET or connection.getpeername()[1] != port:
                return send(connection, data, *flags)
            self._pass(Hook.BEFORE_SEND)
            if self._is_here(Hook.INSIDE_SEND):
                send(connection, bytes(data)[: max(1, int(self._task.part * len(data)))])
            self._pass(Hook.INSIDE_SEND)
            written = send(connection, data, *flags)
            self._pass(Hook.AFTER_SEND)
            return written

        return wrapped

    def _is_here(self, hook: Hook) -> bool:
        return self._task.hook == hook and self._passed[hook] + 1 == self._task.nth

    def _pass(self, hook: Hook) -> int:
        with self._lock:
            self._passed[hook] += 1
            passed = self._passed[hook]
        if self._task.hook == hook and passed == self._task.nth:
            self._die()
        return passed

    def _die(self) -> None:
        if not self._task.signal_number:
            os._exit(CRASHED)
        os.kill(os.getpid(), self._task.signal_number)
        if self._task.signal_number == signal.SIGKILL:
            signal.pause()  # it is on its way

    def _meddle(self, store: Store, passed: int) -> None:
        task = self._task
        if task.meddle is None or passed != task.meddle_nth:
            return
        at = datetime.fromisoformat(task.runs[0])
        with self._write(store) as tx:
            if task.meddle == "unsubscribe":
                suppress(tx, SubscriberId(task.one), ConsentKind.UNSUBSCRIBED, at)
                # After the lock on the subscriber's row: what is sending now had its intent.
                states = tx.execute(
                    text("SELECT state FROM delivery WHERE subscriber_id = :one"),
                    {"one": task.one},
                ).scalars()
                begun = sum(state not in ("ready", "claimed") for state in states)
                done: dict[str, Any] = {"left": task.one, "begun": begun}
            else:
                ids = list(tx.execute(text("SELECT id FROM paper ORDER BY id")).scalars())
                old, new = PaperId(ids[task.one]), PaperId(ids[task.other])
                merge_papers(tx, [Merge(old_id=old, paper_id=new)])
                done = {"merged": old, "into": new}
        note(task, done)


def note(task: Task, document: dict[str, Any]) -> None:
    """Write down what happened; it is on file before this returns."""
    file = os.open(task.notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(document).encode() + b"\n")
    finally:
        os.close(file)


class Warm:
    """What senders share that are forked from one process: it knows nothing of a run.

    Compiled templates, and a closed `Store` for each database, whose statements are
    compiled already.
    """

    def __init__(self) -> None:
        self._renderer = DigestRenderer(resource_dir("templates"), service_name="Daily papers")
        self._stores: dict[str, Store] = {}

    def up(self, task: Task) -> None:
        """Do a task in this process, so that those that are forked later do it quicker."""
        store = self._stores.setdefault(task.url, Store(task.url))
        for at in task.runs:
            asyncio.run(self.service(task, fixed_clock(datetime.fromisoformat(at))).deliver())
        store.close()
        assert threading.active_count() == 1, "what is forked has one thread"

    def service(self, task: Task, clock: Clock) -> Service:
        """Put a service together from what is warm."""
        service = Service(settings=settings_of(task, Path(task.notes).parent), clock=clock)
        vars(service)["renderer"] = self._renderer
        if task.url in self._stores:
            vars(service)["store"] = self._stores[task.url]
        return service


def send(task: Task, warm: Warm) -> int:
    """Do a task; return the exit code: 0, or 1 if a run ended with an error."""
    hooks = Hooks(task)
    hooks.install()
    now = [datetime.fromisoformat(at) for at in task.runs]
    service = warm.service(task, lambda: now[0])
    failed = 0
    while now:
        broken.before_run(task.sabotage, service.store)
        try:
            counts = asyncio.run(service.deliver())
        except DigestError as exc:
            failed = 1
            note(task, {"at": now[0].isoformat(), "error": str(exc)})
        else:
            note(task, {"at": now[0].isoformat(), "counts": asdict(counts)})
        now.pop(0)
    service.close()
    note(task, {"passed": hooks.passed})
    return failed
