"""How many documents are in hand at a time, between the server and the store.

Parsing and storing are slower than fetching. Without a limit all that was fetched would
wait in memory, five megabytes a feed.
"""

from __future__ import annotations

import asyncio

DOCUMENTS = 16
"""Enough to keep the parsing processes and the store busy."""


class Place:
    """One feed's place for a document; taking or giving it back twice does nothing."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._is_held = False

    async def take(self) -> None:
        """Wait until there is room for a document."""
        if not self._is_held:
            await self._free.acquire()
            self._is_held = True

    def give_back(self) -> None:
        """Make room for another document."""
        if self._is_held:
            self._is_held = False
            self._free.release()


class DocumentsInHand:
    """Places for documents.

    A place is taken when a document is fetched whole, before its connection counts as
    free: so a slow or hanging server holds none, and fetching waits for storing. Whoever
    holds one gives it back before asking a server again, or all could wait for each other.

    Args:
        limit: Documents at most.
    """

    def __init__(self, limit: int = DOCUMENTS) -> None:
        self._free = asyncio.Semaphore(limit)

    def place(self) -> Place:
        """Return a place that is not taken yet."""
        return Place(self._free)
