"""Values kept for as long as they are asked for, and not without bound."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Keeps between `limit` and twice `limit` values: those asked for last.

    When `limit` are new, those that nobody asked for meanwhile go, all at once: no order
    is kept, which would cost more than making some values again.
    """

    __slots__ = ("_before", "_limit", "_now")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._now: dict[Key, Value] = {}
        self._before: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """Return what is kept under a key, None when nothing is."""
        value = self._now.get(key)
        if value is None:
            value = self._before.get(key)
            if value is not None:
                self.keep(key, value)
        return value

    def keep(self, key: Key, value: Value) -> Value:
        """Keep a value, and return it."""
        if len(self._now) >= self._limit:
            self._before, self._now = self._now, {}
        self._now[key] = value
        return value

    def clear(self) -> None:
        """Forget all."""
        self._now.clear()
        self._before.clear()
