"""Handing off letters: the mails that are no digests, such as the request to confirm."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import assert_never

import structlog
from sqlmodel import Session

from digest.clock import Clock
from digest.delivery.composing import Sender
from digest.delivery.lane import domain_of
from digest.delivery.lease import Lease, begin_lease
from digest.delivery.limits import Limits, said_of_relay
from digest.delivery.outcomes import Breaker, backoff
from digest.delivery.pace import Pace
from digest.delivery.transport import HandOff, Transport
from digest.delivery.writer import GroupCommit
from digest.digests.letters import change_view, confirm_view, login_view
from digest.digests.message import Encoded, MailHeaders, build_message
from digest.digests.render import DigestRenderer
from digest.digests.schedule import zone_of
from digest.errors import DeliveryError, RenderError, StorageError
from digest.model import Message, Outcome, OutcomeKind, Rendered, Subscriber
from digest.settings import SmtpSettings
from digest.store.engine import Store
from digest.store.ledger import LEASE
from digest.store.letters import (
    Letter,
    LetterKind,
    LetterState,
    claim_letters,
    intend_letter,
    record_letter,
)
from digest.store.send_limits import held_limits
from digest.store.subscribers import subscribers_by_ids
from digest.subscribers.consent import issue_link_token
from digest.subscribers.links import change_url, confirm_url, login_url
from digest.subscribers.tokens import ONE_USE_BYTES, OneUsePurpose

log = structlog.get_logger(__name__)

GIVE_UP_AFTER = timedelta(hours=48)
"""Whoever asked two days ago does not expect the letter any more; asking again sends one."""

RandomBytes = Callable[[int], bytes]

_STATE_OF = {
    OutcomeKind.SENT: LetterState.SENT,
    OutcomeKind.BOUNCED: LetterState.FAILED,
    OutcomeKind.FAILED: LetterState.FAILED,
    OutcomeKind.UNKNOWN: LetterState.UNKNOWN,
    OutcomeKind.RETRY: LetterState.READY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterCounts:
    """What became of the letters that a run took up; `waiting` ones are tried again."""

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    waiting: int = 0
    relay_error: str | None = None


class LetterComposer:
    """Writes letters with our templates.

    Args:
        renderer: Shared with the digests.
        sender: Who the mails are from.
        service_name: The mail's heading.
    """

    def __init__(self, renderer: DigestRenderer, sender: Sender, *, service_name: str) -> None:
        self._renderer = renderer
        self._sender = sender
        self._service_name = service_name

    def build(self, letter: Letter, subscriber: Subscriber, token: str) -> Message:
        """Render and build a letter with its one-use link.

        Raises:
            RenderError: If a template cannot be rendered.
            DeliveryError: If a header would break the mail.
        """
        sender = self._sender
        day = letter.created_at.astimezone(zone_of(subscriber.schedule.timezone)).date()
        return build_message(
            Encoded.of(self._render(letter, subscriber, token, day)),
            headers=MailHeaders(
                sender=sender.sender,
                recipient=letter.email,
                envelope_from=sender.address,
                message_id=f"<letter-{letter.id}.{letter.created_at:%Y%m%d%H%M%S}@{sender.domain}>",
                date_at=letter.created_at,
                reply_to=sender.reply_to,
            ),
        )

    def _render(self, letter: Letter, subscriber: Subscriber, token: str, day: date) -> Rendered:
        base_url, name = self._sender.base_url, self._service_name
        render = self._renderer.render_letter
        match letter.kind:
            case LetterKind.CONFIRM:
                confirm = confirm_view(
                    service_name=name,
                    day=day,
                    interests=subscriber.interests,
                    schedule=subscriber.schedule,
                    confirm_url=confirm_url(base_url, token),
                    before=subscriber.state,
                )
                return render("confirm", confirm)
            case LetterKind.LOGIN:
                return render(
                    "link", login_view(service_name=name, day=day, url=login_url(base_url, token))
                )
            case LetterKind.CHANGE:
                return render(
                    "link",
                    change_view(service_name=name, day=day, url=change_url(base_url, token)),
                )
            case _:
                assert_never(letter.kind)


_PURPOSES = {
    LetterKind.CONFIRM: OneUsePurpose.CONFIRM,
    LetterKind.LOGIN: OneUsePurpose.LOGIN,
    LetterKind.CHANGE: OneUsePurpose.CHANGE,
}


async def deliver_letters(
    store: Store,
    *,
    clock: Clock,
    settings: SmtpSettings,
    composer: LetterComposer,
    transport: Transport,
    random_bytes: RandomBytes,
    stop: asyncio.Event | None = None,
) -> LetterCounts:
    """Hand off the letters that are due now; never wait for a retry.

    Args:
        store: The database.
        clock: The only clock that is read.
        settings: How many connections, and which limits: the same as for digests.
        composer: Writes the letters.
        transport: Not yet entered.
        random_bytes: `secrets.token_bytes`, for the links.
        stop: When set, nothing more is claimed.

    Raises:
        StorageError: If the database refused, after hand-offs in flight have ended.
    """
    run = _Letters(
        store,
        clock=clock,
        settings=settings,
        composer=composer,
        transport=transport,
        random_bytes=random_bytes,
        stop=stop or asyncio.Event(),
    )
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(run.load_limits)
        await stack.enter_async_context(run.writer)
        await stack.enter_async_context(transport)
        await asyncio.gather(*(run.lane(number) for number in range(settings.connections)))
        await run.give_back_rest()
    if run.broken is not None:
        raise run.broken
    return LetterCounts(
        sent=run.ended[LetterState.SENT],
        failed=run.ended[LetterState.FAILED],
        unknown=run.ended[LetterState.UNKNOWN],
        waiting=run.ended[LetterState.READY],
        relay_error=run.breaker.tripped_by,
    )


@dataclass(frozen=True, slots=True)
class _Claimed:
    letter: Letter
    subscriber: Subscriber
    token: str


class _Letters:
    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        settings: SmtpSettings,
        composer: LetterComposer,
        transport: Transport,
        random_bytes: RandomBytes,
        stop: asyncio.Event,
    ) -> None:
        self._store = store
        self._limits = Limits()
        self._clock = clock
        self._composer = composer
        self._transport = transport
        self._random_bytes = random_bytes
        self._stop = stop
        self._claimed: deque[_Claimed] = deque()
        self._claiming = asyncio.Lock()
        self._pace = Pace(
            per_second=settings.rate_per_second, per_domain=settings.per_domain_connections
        )
        self.broken: StorageError | None = None
        self.writer = GroupCommit(store)
        self.breaker = Breaker()
        self.ended: Counter[LetterState] = Counter()

    def load_limits(self) -> None:
        """Read what is held back: letters go to the same relay and domains as digests."""
        with self._store.read() as tx:
            self._limits = Limits(held_limits(tx, self._clock()))
        held = self._limits.relay_hold(self._clock())
        if held is not None:
            self.breaker.tripped_by = said_of_relay(held)

    async def lane(self, number: int) -> None:
        try:
            while (claimed := await self._next()) is not None:
                if not await self._deliver(claimed, number):
                    break
        except StorageError as exc:
            self.broken = self.broken or exc

    async def give_back_rest(self) -> None:
        try:
            while self._claimed:
                letter = self._claimed.popleft().letter
                await self._record(letter, LetterState.READY, "", self._clock())
        except StorageError as exc:
            self.broken = self.broken or exc

    async def _next(self) -> _Claimed | None:
        async with self._claiming:
            if self._stop.is_set() or self.broken is not None:
                return None
            if self.breaker.tripped_by is not None:
                return None
            if not self._claimed:
                self._claimed.extend(await self.writer.commit(self._claim))
            return self._claimed.popleft() if self._claimed else None

    def _claim(self, tx: Session) -> list[_Claimed]:
        """Claim, and make the tokens: only their hashes are kept, so each try has its own."""
        now = self._clock()
        letters = claim_letters(tx, now=now, lease_until_at=now + LEASE)
        subscribers = subscribers_by_ids(tx, [letter.subscriber_id for letter in letters])
        return [
            _Claimed(
                letter,
                subscribers[letter.subscriber_id],
                issue_link_token(
                    tx,
                    _PURPOSES[letter.kind],
                    letter.subscriber_id,
                    now=now,
                    random_bytes=self._random_bytes(ONE_USE_BYTES),
                    content=letter.email if letter.kind is LetterKind.CHANGE else "",
                ),
            )
            for letter in letters
        ]

    async def _deliver(self, claimed: _Claimed, lane: int) -> bool:
        """Deliver one; return whether this lane has a connection to go on with."""
        letter = claimed.letter
        message = await self._build(claimed)
        if isinstance(message, str):
            await self._record(letter, LetterState.FAILED, message, None)
            return True
        domain = domain_of(message)
        wait = self._limits.wait_of(domain, self._clock())
        if wait is not None:
            await self._record(letter, LetterState.READY, wait.reason, wait.until_at)
            return True
        async with self._pace.slot(domain):
            done = await self._hand_off(letter, message, lane)
        if done is None:
            return True
        if done.no_room:
            await self._record(letter, LetterState.READY, done.outcome.reply, self._clock())
            return False
        if not done.out_of_time:
            self.breaker.note(done.outcome, of_recipient=done.of_recipient)
        if done.outcome.kind is not OutcomeKind.WITHDRAWN:
            await self._record(letter, *self._verdict(letter, done.outcome))
        return True

    async def _build(self, claimed: _Claimed) -> Message | str:
        """Return the message, or why there is none."""
        letter = claimed.letter
        try:
            return await asyncio.to_thread(
                self._composer.build, letter, claimed.subscriber, claimed.token
            )
        except (RenderError, DeliveryError) as exc:
            return str(exc)
        except Exception as exc:  # one odd row must not hold up everybody's letters
            log.exception("building a letter broke", letter=letter.id)
            return f"could not be built: {type(exc).__name__}"

    async def _hand_off(self, letter: Letter, message: Message, lane: int) -> HandOff | None:
        async def intend() -> Lease | None:
            lease = begin_lease(self._clock, LEASE)
            begun = await self.writer.commit(
                lambda tx: intend_letter(tx, letter, lease_until_at=lease.until_at)
            )
            return lease if begun else None

        try:
            return await self._transport.hand_off(
                message, name=f"letter-{letter.id}", lane=lane, intend=intend
            )
        except StorageError:
            raise
        except Exception:  # the lease says what becomes of it: ready, or unknown
            log.exception("letter hand-off broke", letter=letter.id)
            return None

    def _verdict(
        self, letter: Letter, outcome: Outcome
    ) -> tuple[LetterState, str, datetime | None]:
        state = _STATE_OF[outcome.kind]
        now = self._clock()
        if state is not LetterState.READY:
            return state, outcome.reply, None
        if now - letter.created_at >= GIVE_UP_AFTER:
            return LetterState.FAILED, f"given up after two days: {outcome.reply}", None
        return state, outcome.reply, now + backoff(letter.attempts)

    async def _record(
        self, letter: Letter, state: LetterState, reply: str, next_attempt_at: datetime | None
    ) -> None:
        now = self._clock()
        recorded = await self.writer.commit(
            lambda tx: record_letter(
                tx, letter, state=state, now=now, reply=reply, next_attempt_at=next_attempt_at
            )
        )
        self.ended[state] += 1
        log.info("letter handed off", letter=letter.id, state=state.value, recorded=recorded)
