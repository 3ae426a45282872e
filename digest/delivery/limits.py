"""Decides what may be handed off now: holds of domains and of the relay, rates of domains. Pure.

A domain is held when a server asks for patience (421, 4.7.x), the relay when it refuses
us (5.7.x, 530, 535). Each hold after another without an acceptance between lasts longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from digest.delivery.outcomes import backoff, pauses_domain, refuses_us
from digest.model import RELAY, Outcome, OutcomeKind, SendLimit

LONGEST_RELAY_HOLD = timedelta(hours=1)
REMEMBERED = 10_000
"""Domains of which something is remembered at once."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A delivery must wait until then, and why."""

    until_at: datetime
    reason: str


def said_of_relay(hold: SendLimit) -> str:
    """Say why nothing is handed off, and what ends that."""
    return (
        f"held until {hold.held_until_at:%Y-%m-%d %H:%M} UTC after it refused us "
        f"({hold.reason}); `digest deliveries limits --clear relay` ends that"
    )


class Limits:
    """The limits of one run, as they were kept and as they change.

    Args:
        known: As kept by the last run.
        per_minute: Messages to one domain in a minute; as many may go at once. 0 is no limit.
    """

    def __init__(self, known: Iterable[SendLimit] = (), *, per_minute: float = 0.0) -> None:
        self._limits = {one.key: one for one in known}
        self._per_minute = per_minute
        self._changed: dict[str, SendLimit] = {}

    def relay_hold(self, now: datetime) -> SendLimit | None:
        """Return what holds back all mail now, None when nothing does."""
        hold = self._limits.get(RELAY)
        held = hold is not None and hold.held_until_at is not None and hold.held_until_at > now
        return hold if held else None

    def heed(self, held: Iterable[SendLimit]) -> None:
        """Take over holds that another process has begun; none is lifted by this."""
        for one in held:
            mine = self._limits.get(one.key) or SendLimit(key=one.key)
            if one.held_until_at is None or (
                mine.held_until_at is not None and mine.held_until_at >= one.held_until_at
            ):
                continue
            self._limits[one.key] = replace(
                mine, held_until_at=one.held_until_at, holds=one.holds, reason=one.reason
            )

    def wait_of(self, domain: str, now: datetime) -> Wait | None:
        """Say how long a delivery to a domain must wait; None when it may begin now."""
        limit = self._limits.get(domain)
        if limit is None:
            return None
        if limit.held_until_at is not None and limit.held_until_at > now:
            return Wait(limit.held_until_at, "waiting: its domain asked for a pause")
        tokens = self._tokens(limit, now)
        if tokens is None or tokens >= 1:
            return None
        missing = timedelta(minutes=(1 - tokens) / self._per_minute)
        return Wait(now + missing, "waiting: as many as allowed have gone to its domain")

    def use(self, domain: str, now: datetime) -> None:
        """Count a delivery that begins against its domain's rate."""
        if not self._per_minute:
            return
        limit = self._limits.get(domain) or SendLimit(key=domain)
        tokens = self._tokens(limit, now)
        left = (self._capacity if tokens is None else tokens) - 1
        self._change(limit, tokens=left, filled_at=now)

    def note(self, outcome: Outcome, domain: str, now: datetime, *, relay_stops: bool) -> None:
        """Take note of what became of a hand-off.

        Args:
            outcome: Of one hand-off.
            domain: Of its recipient.
            now: Aware UTC.
            relay_stops: Whether it ended the run.
        """
        if outcome.kind is OutcomeKind.SENT:
            if self._limits:
                self._lift(RELAY, now)
                self._lift(domain, now)
        elif pauses_domain(outcome):
            self._hold(domain, outcome.reply, now)
        elif relay_stops and refuses_us(outcome):
            self._hold(RELAY, outcome.reply, now, longest=LONGEST_RELAY_HOLD)

    @property
    def changes(self) -> int:
        """How many limits have changed since `take_changed`."""
        return len(self._changed)

    def take_changed(self) -> list[SendLimit]:
        """Return what changed since it was last asked for: of each limit only that."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def put_back(self, changed: Iterable[SendLimit]) -> None:
        """Give back what `take_changed` gave and could not be kept; what is newer stays."""
        for one in changed:
            newer = self._changed.get(one.key) or SendLimit(key=one.key)
            if newer.tokens is not None:
                one = replace(one, tokens=newer.tokens, filled_at=newer.filled_at)  # noqa: PLW2901
            if newer.held_until_at is not None or newer.lifted_at is not None:
                one = replace(  # noqa: PLW2901
                    one,
                    held_until_at=newer.held_until_at,
                    holds=newer.holds,
                    reason=newer.reason,
                    lifted_at=newer.lifted_at,
                )
            self._changed[one.key] = one

    def _hold(
        self, key: str, reason: str, now: datetime, *, longest: timedelta = timedelta.max
    ) -> None:
        limit = self._limits.get(key) or SendLimit(key=key)
        if limit.held_until_at is not None and limit.held_until_at > now:
            return  # several were on their way when the first was refused
        holds = limit.holds + 1
        until_at = now + min(backoff(holds), longest)
        self._change(limit, held_until_at=until_at, holds=holds, reason=reason)

    def _lift(self, key: str, now: datetime) -> None:
        limit = self._limits.get(key)
        if limit is None or limit.held_until_at is None:
            return
        if limit.held_until_at <= now:  # else it was on its way when the hold began
            self._change(limit, held_until_at=None, holds=0, reason="", lifted_at=now)

    def _change(
        self, limit: SendLimit, *, lifted_at: datetime | None = None, **changed: Any
    ) -> None:
        before = self._changed.get(limit.key) or SendLimit(key=limit.key)
        self._changed[limit.key] = replace(
            before, lifted_at=lifted_at or before.lifted_at, **changed
        )
        self._keep(replace(limit, **changed))

    def _keep(self, limit: SendLimit) -> None:
        if limit.held_until_at is None and limit.tokens is None:
            self._limits.pop(limit.key, None)
            return
        if len(self._limits) >= REMEMBERED and limit.key not in self._limits:
            self._forget_one()
        self._limits[limit.key] = limit

    def _forget_one(self) -> None:
        """Forget what was used of some domain's rate: the oldest."""
        for key, limit in self._limits.items():
            if limit.held_until_at is None:
                del self._limits[key]
                return

    @property
    def _capacity(self) -> float:
        return max(self._per_minute, 1.0)

    def _tokens(self, limit: SendLimit, now: datetime) -> float | None:
        """Return what is left of a domain's rate, None where there is no limit."""
        if not self._per_minute:
            return None
        if limit.tokens is None or limit.filled_at is None:
            return self._capacity
        minutes = max((now - limit.filled_at) / timedelta(minutes=1), 0.0)
        return min(limit.tokens + minutes * self._per_minute, self._capacity)
