"""Values kept for as long as they are asked for, within so many bytes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_ENTRY = 150
"""What a key and its place in a dictionary take, about."""


class Kept(dict[Key, Value]):
    """Keeps new values up to `limit` bytes, and as many older ones that were asked for.

    When the new ones reach the limit, the older ones that nobody asked for meanwhile go,
    all at once: no order is kept, which would cost more than making some values again.
    `get` looks among the new ones, and is as fast as that of any dictionary; whoever
    finds nothing asks `again`.
    """

    __slots__ = ("_average", "_before", "_held", "_limit")

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._held = 0
        self._average = 0
        self._before: dict[Key, Value] = {}

    def again(self, key: Key) -> Value | None:
        """Return what was kept before under a key, None when nothing was."""
        value = self._before.get(key)
        return None if value is None else self.keep(key, value, self._average)

    def keep(self, key: Key, value: Value, size: int) -> Value:
        """Keep a value, and return it. `size` is what it holds that nothing else does."""
        if self._held >= self._limit:
            self._average = self._held // len(self) - _ENTRY
            self._before = dict(self)
            super().clear()
            self._held = 0
        self[key] = value
        self._held += size + _ENTRY
        return value

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self._before = {}
        self._held = 0
