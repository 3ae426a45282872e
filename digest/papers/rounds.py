"""Rounds of polls that may overlap: what they share, and which feeds are under way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from digest.feeds.fetch import FeedFetcher
from digest.feeds.in_hand import DocumentsInHand
from digest.feeds.sandbox import FeedParser
from digest.model import FeedId


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundParts:
    """What rounds share, so that two at once cost no more memory or processes than one."""

    fetcher: FeedFetcher
    parser: FeedParser
    in_hand: DocumentsInHand = field(default_factory=DocumentsInHand)


class PollRounds:
    """Opens the parts for the first round and closes them after the last.

    Between rounds there is no parsing process. All rounds at one time run in one event
    loop.

    Args:
        fetcher: Makes a fetcher.
        parser: Makes a parser.
    """

    def __init__(
        self,
        fetcher: Callable[[], FeedFetcher],
        parser: Callable[[], FeedParser] = FeedParser,
    ) -> None:
        self._fetcher = fetcher
        self._parser = parser
        self._open: tuple[RoundParts, AsyncExitStack] | None = None
        self._rounds = 0
        self.under_way: set[FeedId] = set()
        """Feeds that a round is polling: another leaves them out."""

    @asynccontextmanager
    async def round(self) -> AsyncIterator[RoundParts]:
        """Lend the parts until the block ends."""
        if self._open is None:
            stack = AsyncExitStack()
            # Opening either waits for nothing, so that no second round comes between.
            parts = RoundParts(
                fetcher=await stack.enter_async_context(self._fetcher()),
                parser=await stack.enter_async_context(self._parser()),
            )
            self._open = parts, stack
        parts, stack = self._open
        self._rounds += 1
        try:
            yield parts
        finally:
            self._rounds -= 1
            if not self._rounds:
                self._open = None
                await stack.aclose()
