"""One lane: it takes a claimed delivery, hands it off, puts its outcome down, and takes the next.

The outcome of one delivery and the intent of the next are put to the writer together.
Where the transport can, the next is begun along with the content of this one.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from digest.delivery.lease import Lease, begin_lease
from digest.delivery.outcomes import backoff, counts_as_attempt
from digest.delivery.supply import Job
from digest.errors import StorageError
from digest.model import Delivery, Message, Outcome, OutcomeKind
from digest.store.ledger import LEASE, Recording

if TYPE_CHECKING:
    from digest.delivery.lanes import Lanes

log = structlog.get_logger(__name__)

_RECORD_TRIES_S = (0.2, 1.0, 5.0)

_NOT_SAID = Outcome(
    kind=OutcomeKind.RETRY,
    reply="begun ahead and given back: nothing of it was written",
    relay_trouble=True,
)


class Lane:
    """One of the parallel hand-offs of a run; it has one connection.

    Args:
        run: What all lanes share.
        number: Which of them this is.
    """

    def __init__(self, run: Lanes, number: int) -> None:
        self._run = run
        self._number = number
        self._unsettled: list[tuple[Recording, asyncio.Future[bool]]] = []
        self._following: Job | None = None
        self._following_lease: Lease | None = None
        self._has_spare = False

    async def run(self) -> None:
        """Hand off until nothing is ready now, or there is no room for another connection."""
        try:
            while (job := await self._next()) is not None:
                if not await self._deliver(job):
                    break
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

    async def _deliver(self, job: Job) -> bool:
        """Deliver one; return whether this lane goes on."""
        message, run = job.message, self._run
        if isinstance(message, Outcome):
            log.error("digest not built", delivery=job.delivery.id)
            self._submit(job.delivery, message)
            return True
        domain = domain_of(message)
        if job is self._following:
            return await self._hand_off(job, message, domain)
        wait = run.wait_of(domain)
        if wait is None and run.pace.is_unlimited:
            wait = run.begin(domain)
            if wait is None:
                return await self._hand_off(job, message, domain)
        elif wait is None:
            async with run.pace.slot(domain):
                if not run.may_go_on:  # since it began to wait for its turn
                    await run.give_back_unbegun(job)
                    return True
                wait = run.begin(domain)
                if wait is None:
                    return await self._hand_off(job, message, domain)
        await run.give_back(job.delivery, wait.until_at, wait.reason)
        return True

    async def _hand_off(self, job: Job, message: Message, domain: str) -> bool:
        delivery, lease = job.delivery, self._following_lease
        self._following = self._following_lease = None

        async def intend() -> Lease | None:
            nonlocal lease
            lease = lease or await self._intend(delivery)
            return lease

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
            self._run.broken.append(delivery.id)
            return True
        if done.no_room:
            if lease is not None:  # on a connection before, which is gone
                self._submit(delivery, done.outcome, early=True)
            else:
                self._run.supply.put_back(job)
            self._run.retire(self._number)
            return False
        if done.out_of_time:  # it says nothing of the recipient, nor of what the relay takes
            log.warning("too little of the lease was left", delivery=delivery.id)
            self._submit(delivery, done.outcome)
            return True
        self._run.learn(done, domain)
        if done.outcome.kind is OutcomeKind.WITHDRAWN:
            log.info("hand-off withdrawn", delivery=delivery.id)
            return True
        self._submit(delivery, done.outcome, early=not done.of_recipient)
        return True

    async def _begin_next(self) -> Message | None:
        """Intend the next delivery while this one's content is still to be said."""
        try:
            job = self._choose_next()
            if job is None:
                await self._settle(keep_spare=True)
                return None
            lease = await self._intend(job.delivery, keep_spare=True)
        except Exception as exc:  # the one whose turn it is goes on all the same
            self._run.break_off(exc)
            return None
        if lease is None:
            log.info("hand-off withdrawn", delivery=job.delivery.id)
            self._run.count_ended()
            return None
        self._following, self._following_lease = job, lease
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

    async def _intend(self, delivery: Delivery, *, keep_spare: bool = False) -> Lease | None:
        """Commit an intent, and with it the outcome of the delivery before."""
        lease = begin_lease(self._run.clock, LEASE)
        intent = self._run.writer.submit(self._run.intend_all, delivery)
        try:
            await self._settle(keep_spare=keep_spare)
        except Exception:
            await self._take_back(delivery, intent)
            raise
        return lease if await intent else None

    async def _take_back(self, delivery: Delivery, intent: asyncio.Future[bool]) -> None:
        """Give back what was begun beside an outcome that could not be recorded."""
        try:
            begun = await intent
        except Exception as exc:  # then nothing was begun, and the claim's lease ends it
            log.warning("intent not committed", delivery=delivery.id, cause=str(exc))
            return
        if begun:
            self._submit(delivery, _NOT_SAID, early=True)
            await self._settle(keep_spare=True)

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
        refused: Exception | None = None
        for recording, future in unsettled:
            try:
                self._tell(recording, was_recorded=await self._recorded(recording, future))
            except Exception as exc:  # the others are waited for first
                log.exception("outcome not recorded", **_said(recording), cause=str(exc))
                refused = refused or exc
        if self._has_spare and not keep_spare:
            self._has_spare = False
            self._run.return_spare()
        if refused is not None:
            raise refused

    def _tell(self, recording: Recording, *, was_recorded: bool) -> None:
        if was_recorded:
            self._run.log.info("handed off", **_said(recording))
        elif recording.outcome.kind is OutcomeKind.SENT:
            # The ledger says something else by now, and cannot say this as well.
            log.error("accepted too late", **_said(recording), reply=recording.outcome.reply)
            self._run.late.append(recording.delivery.id)
        else:
            log.warning("outcome came too late", **_said(recording))

    async def _recorded(self, recording: Recording, future: asyncio.Future[bool]) -> bool:
        for wait_s in _RECORD_TRIES_S:
            try:
                return await future
            except StorageError:
                log.warning("outcome not recorded yet", delivery=recording.delivery.id)
                await asyncio.sleep(wait_s)
                future = self._run.writer.submit(self._run.record_all, recording)
        return await future


def _said(recording: Recording) -> dict[str, Any]:
    return {
        "delivery": recording.delivery.id,
        "outcome": recording.outcome.kind.value,
        "code": recording.outcome.code,
        "enhanced": recording.outcome.enhanced,
    }


def domain_of(message: Message) -> str:
    """Return the destination domain of a message."""
    return message.recipient.rpartition("@")[2].lower()


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
