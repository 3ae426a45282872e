"""What delivery needs of a transport: one message, one recipient, one outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from digest.delivery.lease import Lease
from digest.model import Message, Outcome, OutcomeKind

Intend = Callable[[], Awaitable[Lease | None]]
"""Commits the intent to the ledger, if `ahead` has not; gives the lease that it renewed. None:
the hand-off must stop."""

Ahead = Callable[[], Awaitable[Message | None]]
"""Gives the message that this lane hands off next, its intent committed; None if none may
be begun yet."""

WITHDRAWN = Outcome(kind=OutcomeKind.WITHDRAWN, reply="the ledger refused the hand-off")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """An outcome, and whether it was said of this recipient or concerns everybody.

    `no_room` says that the relay refused one more connection beside those that are open,
    `out_of_time` that too little of the lease was left to write the content.
    """

    outcome: Outcome
    of_recipient: bool = True
    no_room: bool = False
    out_of_time: bool = False


class Transport(Protocol):
    """Hands messages off. One instance serves several lanes at once."""

    async def __aenter__(self) -> Self:
        """Make ready; no connection is made yet."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all that is open."""
        ...

    async def hand_off(
        self,
        message: Message,
        *,
        name: str,
        lane: int,
        intend: Intend,
        ahead: Ahead | None = None,
    ) -> HandOff:
        """Hand one message off.

        Args:
            message: In wire form.
            name: Short, fit for a file name, the same for every attempt.
            lane: Which of the parallel lanes asks; a lane has one message at a time.
            intend: Awaited at most once, before DATA can reach the server.
            ahead: Awaited at most once, when nothing but the content is left to say, by a
                transport that can begin the next message along with it. Whatever it
                gives must be handed off next on this lane.

        Returns:
            What became of it. Trouble is an outcome, never an exception.
        """
        ...
