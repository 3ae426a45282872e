"""Lanes: each pulls a claimed delivery, hands it off, records the outcome, and pulls again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from digest.clock import Clock
from digest.delivery.composing import Composer
from digest.delivery.outcomes import (
    Breaker,
    backoff,
    counts_as_attempt,
    pauses_domain,
)
from digest.delivery.pace import Pace
from digest.delivery.returns.refusals import note_refusal
from digest.delivery.transport import HandOff, Transport
from digest.delivery.writer import GroupCommit
from digest.errors import StorageError
from digest.model import (
    Delivery,
    Message,
    Outcome,
    OutcomeKind,
)
from digest.settings import SmtpSettings
from digest.store import ledger
from digest.store.engine import Store

log = structlog.get_logger(__name__)

MAX_SENDING = 16
DOMAIN_PAUSE = timedelta(minutes=5)
_RECORD_TRIES_S = (0.2, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class _Job:
    delivery: Delivery
    message: Message | Outcome


class Lanes:
    """The hand-offs of one run.

    Args:
        store: The database.
        clock: The only clock that is read.
        settings: How many connections, and which limits.
        composer: Turns deliveries into messages.
        transport: Not yet entered.
        stop: When set, nothing more is claimed and hand-offs in flight are ended.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        settings: SmtpSettings,
        composer: Composer,
        transport: Transport,
        stop: asyncio.Event,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lanes = settings.connections
        self._composer = composer
        self._transport = transport
        self._stop = stop
        self._writer = GroupCommit(store)
        self._pace = Pace(
            per_second=settings.rate_per_second, per_domain=settings.per_domain_connections
        )
        self._claimed: deque[_Job] = deque()
        self._claiming = asyncio.Lock()
        self._sending = asyncio.Semaphore(MAX_SENDING)
        self._breaker = Breaker()
        self._paused: set[str] = set()
        self._broken: Exception | None = None
        self._ended = 0
        self.on_ended: Callable[[int], None] | None = None

    @property
    def relay_error(self) -> str | None:
        """What the relay said when it stopped the run, None when it did not."""
        return self._breaker.tripped_by

    async def run(self) -> None:
        """Hand off until nothing is ready now.

        Raises:
            StorageError: If the database refused, after hand-offs in flight have ended.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._writer)
            await stack.enter_async_context(self._transport)
            await asyncio.gather(*(self._lane(number) for number in range(self._lanes)))
            await self._give_back_rest()
        if self._broken is not None:
            raise self._broken

    async def _lane(self, number: int) -> None:
        try:
            while (job := await self._next()) is not None:
                await self._deliver(job, number)
                self._ended += 1
                if self.on_ended is not None:
                    self.on_ended(self._ended)
        except StorageError as exc:
            self._broken = self._broken or exc

    async def _next(self) -> _Job | None:
        async with self._claiming:
            if self._stop.is_set() or self._broken is not None or self.relay_error is not None:
                return None
            if not self._claimed:
                deliveries = await self._writer.commit(
                    lambda tx: ledger.claim_deliveries(tx, self._clock())
                )
                if not deliveries:
                    return None
                self._claimed.extend(await asyncio.to_thread(self._compose, deliveries))
            return self._claimed.popleft()

    def _compose(self, deliveries: list[Delivery]) -> list[_Job]:
        with self._store.read() as tx:
            messages = self._composer.compose_batch(tx, deliveries)
        return [_Job(one, messages[one.id]) for one in deliveries]

    async def _deliver(self, job: _Job, lane: int) -> None:
        message = job.message
        if isinstance(message, Outcome):
            log.error("digest not built", delivery=job.delivery.id)
            await self._record(job.delivery, message)
            return
        domain = message.recipient.rpartition("@")[2].lower()
        if domain in self._paused:
            await self._give_back(
                job.delivery, self._clock() + DOMAIN_PAUSE, "waiting: its domain asked for a pause"
            )
            return
        async with self._pace.slot(domain):
            await self._hand_off(job.delivery, message, domain, lane)

    async def _hand_off(self, delivery: Delivery, message: Message, domain: str, lane: int) -> None:
        async with AsyncExitStack() as sending:

            async def intend() -> bool:
                await sending.enter_async_context(self._sending)
                return await self._writer.commit(
                    lambda tx: ledger.intend(tx, delivery.id, delivery.fence, self._clock())
                )

            try:
                done = await self._transport.hand_off(
                    message, name=f"{delivery.period}-{delivery.id}", lane=lane, intend=intend
                )
            except StorageError:
                raise
            except Exception:  # the lease says what becomes of it: ready, or unknown
                log.exception("hand-off broke", delivery=delivery.id)
                return
            self._learn(done, domain)
            if done.outcome.kind is OutcomeKind.WITHDRAWN:
                log.info("hand-off withdrawn", delivery=delivery.id)
                return
            await self._record(delivery, done.outcome, early=not done.of_recipient)

    def _learn(self, done: HandOff, domain: str) -> None:
        if pauses_domain(done.outcome):
            self._paused.add(domain)
            log.warning("domain paused", code=done.outcome.code, enhanced=done.outcome.enhanced)
        known = self.relay_error is not None
        if self._breaker.note(done.outcome, of_recipient=done.of_recipient) and not known:
            log.error("relay refuses, handing off stops", code=done.outcome.code)

    async def _record(self, delivery: Delivery, outcome: Outcome, *, early: bool = False) -> None:
        """Record an outcome, in spite of a database that is busy for a while."""
        for wait_s in _RECORD_TRIES_S:
            try:
                await self._writer.commit(lambda tx: self._write(tx, delivery, outcome, early))
            except StorageError:
                log.warning("outcome not recorded yet", delivery=delivery.id)
                await asyncio.sleep(wait_s)
            else:
                return
        await self._writer.commit(lambda tx: self._write(tx, delivery, outcome, early))

    def _write(self, tx: Session, delivery: Delivery, outcome: Outcome, early: bool) -> None:
        now = self._clock()
        recorded = ledger.record(
            tx,
            delivery.id,
            delivery.fence,
            outcome,
            now,
            retry_at=_retry_at(delivery, outcome, now, early=early),
            counts_as_attempt=counts_as_attempt(outcome),
            counts_as_try=not _waits_for_relay(outcome, early=early),
        )
        log.info(
            "handed off" if recorded else "outcome came too late",
            delivery=delivery.id,
            outcome=outcome.kind.value,
            code=outcome.code,
            enhanced=outcome.enhanced,
        )
        if recorded:
            note_refusal(tx, delivery, outcome, now)

    async def _give_back(
        self, delivery: Delivery, next_attempt_at: datetime, reply: str = ""
    ) -> None:
        await self._writer.commit(
            lambda tx: ledger.give_back(
                tx, delivery.id, delivery.fence, next_attempt_at=next_attempt_at, reply=reply
            )
        )

    async def _give_back_rest(self) -> None:
        """Return what was claimed and not begun, so that the next run need not wait."""
        try:
            while self._claimed:
                delivery = self._claimed.popleft().delivery
                await self._give_back(delivery, delivery.next_attempt_at or self._clock())
        except StorageError as exc:
            self._broken = self._broken or exc


def _retry_at(
    delivery: Delivery, outcome: Outcome, now: datetime, *, early: bool
) -> datetime | None:
    if outcome.kind is OutcomeKind.RETRY:
        if _waits_for_relay(outcome, early=early):
            return now
        return now + backoff(delivery.tries + 1)
    if outcome.kind is OutcomeKind.UNKNOWN:
        return now + backoff(delivery.tries + 1)
    return None


def _waits_for_relay(outcome: Outcome, *, early: bool) -> bool:
    """The relay may be back at the next run; this one has stopped before it named anybody."""
    return outcome.relay_trouble and early
