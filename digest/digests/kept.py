"""Values kept for as long as they are asked for, and not without bound."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(dict[Key, Value]):
    """Keeps between `limit` and twice `limit` values: those asked for last.

    When `limit` are new, those that nobody asked for meanwhile go, all at once: no order
    is kept, which would cost more than making some values again. `get` looks among the
    new ones, and is as fast as that of any dictionary; whoever finds nothing asks `again`.
    """

    __slots__ = ("_before", "_limit")

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._before: dict[Key, Value] = {}

    def again(self, key: Key) -> Value | None:
        """Return what was kept before under a key, None when nothing was."""
        value = self._before.get(key)
        return None if value is None else self.keep(key, value)

    def keep(self, key: Key, value: Value) -> Value:
        """Keep a value, and return it."""
        if len(self) >= self._limit:
            self._before = dict(self)
            super().clear()
        self[key] = value
        return value

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self._before = {}
