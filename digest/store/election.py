"""Which of several processes on one database ticks: one, and another when that one is gone."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from digest.store.engine import Store
from digest.store.postgresql import Lock, try_to_hold

log = structlog.get_logger(__name__)


class Election:
    """Holds an advisory lock for as long as its connection lives.

    On SQLite there is one process, and it is always elected.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: Connection | None = None
        self._stood_back = False
        self._turn = threading.Lock()

    def won(self) -> bool:
        """Tell whether this process is the elected one; try to become it if nobody is.

        Raises:
            StorageError: If the database cannot be asked.
        """
        if not self._store.is_postgresql:
            return True
        with self._turn:
            return self._holds() or self._tries()

    def close(self) -> None:
        """Give the lock back."""
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _holds(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            log.warning("election lost with its connection")
            self._connection.close()
            self._connection = None
            return False
        return True

    def _tries(self) -> bool:
        connection = self._store.connect_apart()
        if not try_to_hold(connection, Lock.TICK):
            connection.close()
            if not self._stood_back:
                log.info("another process ticks")
            self._stood_back = True
            return False
        self._connection, self._stood_back = connection, False
        log.info("elected to tick")
        return True
