"""The hand-offs of one run: what its lanes share, from the database to the breaker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime

import structlog
from sqlmodel import Session

from digest.clock import Clock
from digest.delivery.composing import Composer
from digest.delivery.lane import Lane, domain_of
from digest.delivery.limits import Limits, Wait, said_of_relay
from digest.delivery.outcomes import Breaker
from digest.delivery.pace import Pace
from digest.delivery.returns.refusals import note_refusal
from digest.delivery.supply import Job, Supply
from digest.delivery.transport import HandOff, Transport
from digest.delivery.writer import GroupCommit
from digest.errors import StorageError
from digest.model import Delivery, DeliveryId, Message, OutcomeKind, SendLimit
from digest.settings import SmtpSettings
from digest.store import ledger
from digest.store.engine import Store
from digest.store.ledger import Recording
from digest.store.send_limits import held_limits, load_limits, save_limits

log = structlog.get_logger(__name__)

MAX_SENDING = 16
"""Deliveries of a process that are `sending` at once: so many may be unknown after a crash."""

_SAVE_EVERY = 50
"""So many changes of limits may be lost in a crash; a hold is kept at once."""


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
        self.writer = GroupCommit(store, worth=max(self._lanes // 2, 1))
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
            must_wait=self._must_wait,
            beside=self._look_at_holds,
        )
        self.log = log.bind()  # once: the lazy one is made anew for each line
        self._stop = stop
        self._breaker = Breaker()
        self._broken: Exception | None = None
        self._without_room: set[int] = set()
        self._ended = 0
        self._saving: asyncio.Future[None] | None = None
        self._is_unsaved = False
        self.late: list[DeliveryId] = []
        """Accepted when the ledger had moved on: see `DeliverCounts`."""
        self.broken: list[DeliveryId] = []
        """Whose hand-off broke off, for a fault of ours."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.on_ended: Callable[[int], None] | None = None

    @property
    def relay_error(self) -> str | None:
        """What the relay said when it stopped the run, None when it did not."""
        return self._breaker.tripped_by

    @property
    def lost_by(self) -> str | None:
        """How the relay was lost, if nothing was accepted after that."""
        return self._breaker.lost_by

    @property
    def may_go_on(self) -> bool:
        """Whether another delivery may be begun."""
        return not self._stop.is_set() and self._broken is None and self.relay_error is None

    async def run(self) -> None:
        """Hand off until nothing is ready now.

        Raises:
            StorageError: If the database refused, after hand-offs in flight have ended.
        """
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._load_limits)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.writer)
            await stack.enter_async_context(self.transport)
            await asyncio.gather(*(Lane(self, number).run() for number in range(self._lanes)))
            while self.supply.has_rest and self.may_go_on:  # of lanes that found no room
                await Lane(self, self._with_connection()).run()
            await self._give_back_rest()
            await self._save_last()
        if self._broken is not None:
            raise self._broken

    def _load_limits(self) -> None:
        with self._store.read() as tx:
            self.limits = Limits(load_limits(tx), per_minute=self._per_minute)
        self._heed_relay()

    def _heed_relay(self) -> None:
        held = self.limits.relay_hold(self.clock())
        if held is not None and self.relay_error is None:
            self._breaker.tripped_by = said_of_relay(held)

    def _look_at_holds(self, tx: Session) -> None:
        """See, with each batch, what another process has met; in a thread."""
        held = held_limits(tx, self.clock())
        if held and self._loop is not None:
            self._loop.call_soon_threadsafe(self._heed, held)

    def _heed(self, held: Sequence[SendLimit]) -> None:
        self.limits.heed(held)
        self._heed_relay()

    def _save_limits(self, *, at_least: int) -> None:
        """Let the next commit keep what changed; should that fail, the one after it."""
        if self.limits.changes >= (1 if self._is_unsaved else at_least):
            changed, now = self.limits.take_changed(), self.clock()
            self._is_unsaved = False
            self._saving = self.writer.submit(_save_each, lambda tx: save_limits(tx, changed, now))
            self._saving.add_done_callback(lambda saved: self._look_at_saved(saved, changed))

    def _look_at_saved(self, saved: asyncio.Future[None], changed: Sequence[SendLimit]) -> None:
        error = None if saved.cancelled() else saved.exception()
        if error is not None:
            log.error("holds not kept", keys=[one.key for one in changed], cause=str(error))
            self.limits.put_back(changed)
            self._is_unsaved = True

    async def _save_last(self) -> None:
        """Keep what changed last, and once more what could not be kept."""
        for _ in range(2):
            self._save_limits(at_least=1)
            if self._saving is not None:
                await asyncio.wait([self._saving])

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

    def _with_connection(self) -> int:
        return min(set(range(self._lanes)) - self._without_room, default=0)

    def retire(self, lane: int) -> None:
        """Let a lane end: the relay has room for the connections of the others only."""
        self._without_room.add(lane)
        log.warning("relay takes fewer connections", lanes=self._lanes - len(self._without_room))

    def _must_wait(self, job: Job) -> bool:
        """Whether a job waits for its domain, while others could be begun."""
        if self.pace.is_unlimited or not isinstance(job.message, Message):
            return False
        return self.pace.is_full(domain_of(job.message))

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


def _save_each(tx: Session, saves: Sequence[Callable[[Session], None]]) -> list[None]:
    return [save(tx) for save in saves]
