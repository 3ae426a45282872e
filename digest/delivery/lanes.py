"""Lanes: each pulls a claimed delivery, hands it off, records the outcome, and pulls again.

The outcome of one delivery and the intent of the next are put to the writer together.
Where the transport can, the next is begun along with the content of this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime

import structlog
from sqlmodel import Session

from digest.clock import Clock
from digest.delivery.composing import Composer
from digest.delivery.limits import Limits, Wait
from digest.delivery.outcomes import (
    Breaker,
    backoff,
    counts_as_attempt,
)
from digest.delivery.pace import Pace
from digest.delivery.returns.refusals import note_refusal
from digest.delivery.supply import Job, Supply
from digest.delivery.transport import HandOff, Transport
from digest.delivery.writer import GroupCommit
from digest.errors import StorageError
from digest.model import Delivery, Message, Outcome, OutcomeKind
from digest.settings import SmtpSettings
from digest.store import ledger
from digest.store.engine import Store
from digest.store.ledger import Recording
from digest.store.send_limits import load_limits, save_limits

log = structlog.get_logger(__name__)

MAX_SENDING = 16
"""Deliveries of a process that are `sending` at once: so many may be unknown after a crash."""

_SAVE_EVERY = 50
"""So many changes of limits may be lost in a crash; a hold is kept at once."""
_RECORD_TRIES_S = (0.2, 1.0, 5.0)


class Lanes:
    """The hand-offs of one run.

    Each lane has one delivery `sending` at most. Where there are fewer lanes than
    `MAX_SENDING`, some may have the next one begun as well.

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
        self.clock = clock
        self.transport = transport
        self._lanes = min(settings.connections, MAX_SENDING)
        self._spare = MAX_SENDING - self._lanes
        # A lane asks for two things at once: the outcome of one and the intent of the next.
        self.writer = GroupCommit(store, worth=self._lanes * 3 // 2)
        self.limits = Limits()
        self._store = store
        self._per_minute = settings.per_domain_per_minute
        self.pace = Pace(
            per_second=settings.rate_per_second, per_domain=settings.per_domain_connections
        )
        self.supply = Supply(
            store,
            clock=clock,
            composer=composer,
            writer=self.writer,
            batch=ledger.MAX_CLAIM,
            may_go_on=lambda: self.may_go_on,
        )
        self.log = log.bind()  # once: the lazy one is made anew for each line
        self._stop = stop
        self._breaker = Breaker()
        self._broken: Exception | None = None
        self._ended = 0
        self.on_ended: Callable[[int], None] | None = None

    @property
    def relay_error(self) -> str | None:
        """What the relay said when it stopped the run, None when it did not."""
        return self._breaker.tripped_by

    @property
    def may_go_on(self) -> bool:
        """Whether another delivery may be begun."""
        return not self._stop.is_set() and self._broken is None and self.relay_error is None

    async def run(self) -> None:
        """Hand off until nothing is ready now.

        Raises:
            StorageError: If the database refused, after hand-offs in flight have ended.
        """
        await asyncio.to_thread(self._load_limits)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.writer)
            await stack.enter_async_context(self.transport)
            await asyncio.gather(*(_Lane(self, number).run() for number in range(self._lanes)))
            await self._give_back_rest()
            self._save_limits(at_least=1)
        if self._broken is not None:
            raise self._broken

    def _load_limits(self) -> None:
        with self._store.read() as tx:
            self.limits = Limits(load_limits(tx), per_minute=self._per_minute)
        held = self.limits.relay_hold(self.clock())
        if held is not None:
            self._breaker.tripped_by = (
                f"held until {held.held_until_at:%Y-%m-%d %H:%M} UTC after it refused us "
                f"({held.reason}); `digest deliveries limits --clear relay` ends that"
            )

    def _save_limits(self, *, at_least: int) -> None:
        """Let the next commit keep what changed; should that fail, the next change is kept."""
        if self.limits.changes >= at_least:
            changed, now = self.limits.take_changed(), self.clock()
            self.writer.submit(_save_each, lambda tx: save_limits(tx, changed, now))

    def wait_of(self, domain: str) -> Wait | None:
        """Say how long a message to a domain must wait."""
        return self.limits.wait_of(domain, self.clock())

    def begin(self, domain: str) -> Wait | None:
        """Count a message to a domain as begun, unless it must wait."""
        now = self.clock()
        wait = self.limits.wait_of(domain, now)
        if wait is None:
            self.limits.use(domain, now)
            self._save_limits(at_least=_SAVE_EVERY)
        return wait

    def take_spare(self) -> bool:
        """Take the right to have one more delivery `sending`, if there is one left."""
        if self._spare == 0:
            return False
        self._spare -= 1
        return True

    def return_spare(self) -> None:
        """Give such a right back."""
        self._spare += 1

    def learn(self, done: HandOff, domain: str) -> None:
        """Take note of what an outcome says about its domain and the relay."""
        outcome, known = done.outcome, self.relay_error is not None
        stops = self._breaker.note(outcome, of_recipient=done.of_recipient) and not known
        if stops:
            log.error("relay refuses, handing off stops", code=outcome.code, said=outcome.reply)
        self.limits.note(outcome, domain, self.clock(), relay_stops=stops)
        if outcome.kind is not OutcomeKind.SENT:
            self._save_limits(at_least=1)

    def count_ended(self) -> None:
        """Tell whoever watches that one more has ended."""
        self._ended += 1
        if self.on_ended is not None:
            self.on_ended(self._ended)

    def break_off(self, error: Exception) -> None:
        """Begin nothing more: the database refused, or something broke; raised at the end."""
        self._broken = self._broken or error

    def intend_all(self, tx: Session, claimed: Sequence[Delivery]) -> list[bool]:
        """Commit intents; for the writer."""
        return ledger.intend_all(tx, claimed, self.clock())

    def record_all(self, tx: Session, recordings: Sequence[Recording]) -> list[bool]:
        """Commit outcomes, and what follows from them; for the writer."""
        now = self.clock()
        recorded = ledger.record_all(tx, recordings, now)
        for one, was_recorded in zip(recordings, recorded, strict=True):
            if was_recorded:
                note_refusal(tx, one.delivery, one.outcome, now)
        return recorded

    async def give_back(
        self, delivery: Delivery, next_attempt_at: datetime, reply: str = ""
    ) -> None:
        """Return a claim on which nothing was begun."""
        await self.writer.commit(
            lambda tx: ledger.give_back(
                tx, delivery.id, delivery.fence, next_attempt_at=next_attempt_at, reply=reply
            )
        )

    async def give_back_unbegun(self, job: Job) -> None:
        """Return a claim as it was: it may be begun at once by the next run."""
        await self.give_back(job.delivery, job.delivery.next_attempt_at or self.clock())

    async def _give_back_rest(self) -> None:
        """Return what was claimed and not begun, so that the next run need not wait."""
        try:
            for job in await self.supply.close():
                await self.give_back_unbegun(job)
        except StorageError as exc:
            self.break_off(exc)


class _Lane:
    def __init__(self, run: Lanes, number: int) -> None:
        self._run = run
        self._number = number
        self._unsettled: list[tuple[Recording, asyncio.Future[bool]]] = []
        self._following: Job | None = None
        self._has_spare = False

    async def run(self) -> None:
        try:
            while (job := await self._next()) is not None:
                await self._deliver(job)
                self._run.count_ended()
            await self._settle()
        except Exception as exc:  # the other lanes end what they have begun
            self._run.break_off(exc)

    async def _next(self) -> Job | None:
        if self._following is not None:
            return self._following
        job = self._run.supply.take_now() if self._run.may_go_on else None
        if job is None:
            await self._settle()  # it may be long until there is another
            job = await self._run.supply.take()
        return job

    async def _deliver(self, job: Job) -> None:
        message = job.message
        if isinstance(message, Outcome):
            log.error("digest not built", delivery=job.delivery.id)
            self._submit(job.delivery, message)
            return
        domain = domain_of(message)
        if job is self._following:
            await self._hand_off(job.delivery, message, domain)
            return
        wait = self._run.wait_of(domain)
        if wait is None:
            async with self._run.pace.slot(domain):
                if not self._run.may_go_on:  # since it began to wait for its turn
                    await self._run.give_back_unbegun(job)
                    return
                wait = self._run.begin(domain)
                if wait is None:
                    await self._hand_off(job.delivery, message, domain)
                    return
        await self._run.give_back(job.delivery, wait.until_at, wait.reason)

    async def _hand_off(self, delivery: Delivery, message: Message, domain: str) -> None:
        intended = self._following is not None
        self._following = None

        async def intend() -> bool:
            return intended or await self._intend(delivery)

        try:
            done = await self._run.transport.hand_off(
                message,
                name=f"{delivery.period}-{delivery.id}",
                lane=self._number,
                intend=intend,
                ahead=self._begin_next if self._run.pace.is_unlimited else None,
            )
        except StorageError:
            raise
        except Exception:  # the lease says what becomes of it: ready, or unknown
            log.exception("hand-off broke", delivery=delivery.id)
            return
        self._run.learn(done, domain)
        if done.outcome.kind is OutcomeKind.WITHDRAWN:
            log.info("hand-off withdrawn", delivery=delivery.id)
            return
        self._submit(delivery, done.outcome, early=not done.of_recipient)

    async def _begin_next(self) -> Message | None:
        """Intend the next delivery while this one's content is still to be said."""
        try:
            job = self._choose_next()
            if job is None:
                await self._settle(keep_spare=True)
                return None
            intended = await self._intend(job.delivery, keep_spare=True)
        except StorageError as exc:  # the one whose turn it is goes on all the same
            self._run.break_off(exc)
            return None
        if not intended:
            log.info("hand-off withdrawn", delivery=job.delivery.id)
            self._run.count_ended()
            return None
        self._following = job
        return job.message if isinstance(job.message, Message) else None

    def _choose_next(self) -> Job | None:
        run = self._run
        if not run.may_go_on or not (self._has_spare or run.take_spare()):
            return None
        self._has_spare = True
        job = run.supply.take_now()
        if job is None:
            return None
        if isinstance(job.message, Outcome) or run.begin(domain_of(job.message)) is not None:
            run.supply.put_back(job)
            return None
        return job

    async def _intend(self, delivery: Delivery, *, keep_spare: bool = False) -> bool:
        """Commit an intent, and with it the outcome of the delivery before."""
        intent = self._run.writer.submit(self._run.intend_all, delivery)
        await self._settle(keep_spare=keep_spare)
        return await intent

    def _submit(self, delivery: Delivery, outcome: Outcome, *, early: bool = False) -> None:
        now = self._run.clock()
        recording = Recording(
            delivery=delivery,
            outcome=outcome,
            retry_at=_retry_at(delivery, outcome, now, early=early),
            counts_as_attempt=counts_as_attempt(outcome),
            counts_as_try=not _waits_for_relay(outcome, early=early),
        )
        self._unsettled.append(
            (recording, self._run.writer.submit(self._run.record_all, recording))
        )

    async def _settle(self, *, keep_spare: bool = False) -> None:
        """See to it that outcomes are recorded, in spite of a database that is busy for a while."""
        unsettled, self._unsettled = self._unsettled, []
        for recording, future in unsettled:
            recorded = await self._recorded(recording, future)
            self._run.log.info(
                "handed off" if recorded else "outcome came too late",
                delivery=recording.delivery.id,
                outcome=recording.outcome.kind.value,
                code=recording.outcome.code,
                enhanced=recording.outcome.enhanced,
            )
        if self._has_spare and not keep_spare:
            self._has_spare = False
            self._run.return_spare()

    async def _recorded(self, recording: Recording, future: asyncio.Future[bool]) -> bool:
        for wait_s in _RECORD_TRIES_S:
            try:
                return await future
            except StorageError:
                log.warning("outcome not recorded yet", delivery=recording.delivery.id)
                await asyncio.sleep(wait_s)
                future = self._run.writer.submit(self._run.record_all, recording)
        return await future


def domain_of(message: Message) -> str:
    """Return the destination domain of a message."""
    return message.recipient.rpartition("@")[2].lower()


def _save_each(tx: Session, saves: Sequence[Callable[[Session], None]]) -> list[None]:
    return [save(tx) for save in saves]


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
