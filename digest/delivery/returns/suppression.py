"""When an address that does not take mail is left alone. Pure.

The same rules judge a reply during the hand-off and a report days later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.6", "5.1.10"})
DISABLED_MAILBOX = "5.2.1"
FAILURES_IN_A_ROW = 3
FAILING_FOR = timedelta(days=14)

_OUR_MAIL = frozenset({"5", "6", "7"})
"""Subjects of RFC 3463 that speak of protocol, content and policy: of the mail or of us."""
_OF_THE_SENDER = frozenset({"x.1.7", "x.1.8", "x.3.4"})
"""Bad sender address, bad sender system, message too big."""

_MEANINGS = {
    "5.1.1": "no such mailbox",
    "5.1.2": "no such domain",
    "5.1.6": "the mailbox has moved, and left no address",
    "5.1.10": "the domain takes no mail",
    "5.2.1": "the mailbox is disabled",
    "x.2.2": "the mailbox is full",
    "x.4.7": "nobody took it for days",
}


class Gravity(IntEnum):
    """How much a failure says against its address: the higher, the sooner it is left alone."""

    NOT_OF_ADDRESS = 0
    OF_ADDRESS = 1
    DISABLED = 2
    NO_SUCH_ADDRESS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One delivery that did not arrive.

    `handed_off_at` is aware UTC; `status` an enhanced status code, None where none was
    given: then nobody said why.
    """

    handed_off_at: datetime
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionVerdict:
    """Whether the address is left alone from now on, and why, or why not."""

    suppress: bool
    reason: str


def decide_suppression(history: Sequence[Failure], event: Failure) -> SuppressionVerdict:
    """Say what a failure means for its subscriber.

    Args:
        history: The other deliveries that failed since the last one that arrived, and
            since the subscriber's consent; in any order.
        event: The failure that was just learned of.
    """
    what = describe_status(event.status)
    if event.status in NO_SUCH_ADDRESS:
        return SuppressionVerdict(suppress=True, reason=what)
    if not speaks_of_address(event.status):
        return SuppressionVerdict(suppress=False, reason=f"{what}: says nothing about the address")
    failures = [*(one for one in history if speaks_of_address(one.status)), event]
    if event.status == DISABLED_MAILBOX:
        times = sum(one.status == DISABLED_MAILBOX for one in failures)
        if times >= 2:
            return SuppressionVerdict(suppress=True, reason=f"{what}, for the second time")
    instants = [one.handed_off_at for one in failures]
    lasting = max(instants) - min(instants)
    count = len(failures)
    if count >= FAILURES_IN_A_ROW and lasting >= FAILING_FOR:
        return SuppressionVerdict(
            suppress=True, reason=f"{what}; {count} failures in a row over {lasting.days} days"
        )
    return SuppressionVerdict(
        suppress=False,
        reason=f"{what}; {count} in a row over {lasting.days} days"
        f" ({FAILURES_IN_A_ROW} over {FAILING_FOR.days} would stop it)",
    )


def gravity_of(status: str | None) -> Gravity:
    """Say how grave a failure with a status code is."""
    if status in NO_SUCH_ADDRESS:
        return Gravity.NO_SUCH_ADDRESS
    if status == DISABLED_MAILBOX:
        return Gravity.DISABLED
    return Gravity.OF_ADDRESS if speaks_of_address(status) else Gravity.NOT_OF_ADDRESS


def speaks_of_address(status: str | None) -> bool:
    """Say whether a failure counts against the address: not where it is about our mail."""
    if status is None:
        return True
    of_any_class = "x" + status[1:]
    return status.split(".")[1] not in _OUR_MAIL and of_any_class not in _OF_THE_SENDER


def describe_status(status: str | None) -> str:
    """Return a status code with its meaning, where we know one."""
    if status is None:
        return "no status code"
    meaning = _MEANINGS.get(status) or _MEANINGS.get("x" + status[1:])
    return f"{status} ({meaning})" if meaning else status
