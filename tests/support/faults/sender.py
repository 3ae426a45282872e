"""A sending process: the engine as the service runs it, with places where it may die.

It runs in a forked child. The engine is not told: `Store.write_concurrently`, which
`Store.write` goes through, and `socket.send` are wrapped here, so that whatever commits or
writes to the relay passes a hook.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from digest.clock import Clock, fixed_clock
from digest.digests.render import DigestRenderer
from digest.errors import DigestError, StorageError
from digest.resources import resource_dir
from digest.service import Service
from digest.settings import Settings
from digest.store.engine import Store
from tests.support.faults import broken
from tests.support.faults.meddler import Meddler
from tests.support.faults.points import Hook
from tests.support.faults.task import Task, note

CRASHED = 77
SECRET_KEY = "faults-" * 8


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
        self._write = Store.write_concurrently
        self._send = socket.socket.send
        self._meddler = Meddler(task, self._write)

    def install(self) -> None:
        """Wrap what writes in this process, for good; `Store.write` goes through here too."""
        Store.write_concurrently = self._wrapped_write()  # type: ignore[method-assign]
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
            try:
                with write(store) as tx:
                    yield tx
                    self._pass(Hook.BEFORE_COMMIT)
                    sabotaged(tx)
            except StorageError:
                self._meddler.after_failure(store)
                raise
            if self._passed[Hook.AFTER_COMMIT] + 1 == self._task.meddle_nth:
                self._meddler.meddle(store)
            self._pass(Hook.AFTER_COMMIT)

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

    def _pass(self, hook: Hook) -> None:
        with self._lock:
            self._passed[hook] += 1
            passed = self._passed[hook]
        if self._task.hook == hook and passed == self._task.nth:
            self._die()

    def _die(self) -> None:
        if not self._task.signal_number:
            os._exit(CRASHED)
        os.kill(os.getpid(), self._task.signal_number)


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
