"""SMTP: hands messages to the relay, one transaction each, over reused sessions.

Where the relay offers PIPELINING, MAIL, RCPT and DATA go in one write, and the next
envelope may ride with the content (docs/adr/0015). The intent is committed before DATA
can reach the server: before RCPT's reply is known when they are written together, after
it when each waits for its reply.
"""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Self

from digest.delivery.envelope import Envelope, decide_envelope, refuse_unsafe, wire_form
from digest.delivery.lease import Lease
from digest.delivery.outcomes import Stage
from digest.delivery.sessions import (
    Session,
    Sessions,
    Stopped,
    Timeouts,
    dropped,
    refuse_clear_text,
)
from digest.delivery.transaction import (
    GROUP_REPLIES,
    OutOfTime,
    as_group,
    read_group,
    reset,
    say_content,
    say_data,
    say_recipient,
)
from digest.delivery.transport import WITHDRAWN, Ahead, HandOff, Intend
from digest.delivery.wire import ReplyUnreadableError, WireLostError
from digest.errors import ConfigError
from digest.model import Message, Outcome, OutcomeKind
from digest.settings import SmtpSettings

__all__ = ["SmtpTransport", "Timeouts", "refuse_clear_text"]


class SmtpTransport:
    """Hands mail to the relay: one session a lane, reused.

    Args:
        settings: The relay.
        timeouts: Other than the RFC's, for tests.
        tls_context: Other than the system's, for tests.

    Raises:
        ConfigError: If mail or a password would cross a network in clear.
    """

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        timeouts: Timeouts | None = None,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._timeouts = timeouts or Timeouts()
        self._sessions = Sessions(settings, self._timeouts, tls_context)

    async def __aenter__(self) -> Self:
        """Connect to nobody yet: each lane does with its first message."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say QUIT on all connections."""
        await self._sessions.quit_all()

    async def check_login(self) -> None:
        """Connect, log in and quit.

        Raises:
            ConfigError: If the relay does not let us in, in its own words.
        """
        try:
            await self._sessions.get(-1)
        except Stopped as stop:
            raise ConfigError([f"smtp.host: {stop.outcome.reply}"]) from stop
        await self._sessions.quit(-1)

    async def hand_off(
        self,
        message: Message,
        *,
        name: str,
        lane: int,
        intend: Intend,
        ahead: Ahead | None = None,
    ) -> HandOff:
        """Say the envelope, commit the intent, say the content.

        A reused connection that the server has closed, or closes at MAIL with 421, is
        replaced once: nothing was begun on it.
        """
        unsafe = refuse_unsafe(message)
        if unsafe is not None:
            return HandOff(outcome=unsafe)
        try:
            return HandOff(outcome=await self._hand_off(message, lane, _once(intend), ahead))
        except OutOfTime as stop:
            self._sessions.drop(lane)
            return HandOff(outcome=stop.outcome, out_of_time=True)
        except Stopped as stop:
            await self._clean_up(lane, stop.outcome)
            # A drop at MAIL, once, may be this message's doing; several in a row are not.
            lost = stop.stage is Stage.MAIL and stop.outcome.code is None
            early = stop.stage in (Stage.CONNECT, Stage.MAIL) and not lost
            no_room = stop.stage is Stage.CONNECT and self._sessions.is_crowded(stop.outcome)
            return HandOff(outcome=stop.outcome, of_recipient=not early, no_room=no_room)
        except BaseException:
            self._sessions.drop(lane)  # nobody knows what the server waits for
            raise

    async def _hand_off(
        self, message: Message, lane: int, intend: Intend, ahead: Ahead | None
    ) -> Outcome:
        session = await self._sessions.get(lane)
        try:
            lease = await self._say_envelope(session, message, intend)
        except Stopped as stop:
            worn_out = session.handed_off > 0 and stop.stage is Stage.MAIL
            if not worn_out or stop.outcome.code not in (None, 421):
                raise
            session = await self._sessions.renew(lane)
            lease = await self._say_envelope(session, message, intend)
        if isinstance(lease, Outcome):
            if lease is WITHDRAWN and not session.pipelining:
                await self._reset(lane, session)
            return lease
        return await self._say_content(session, message, lane, lease, ahead)

    async def _say_envelope(
        self, session: Session, message: Message, intend: Intend
    ) -> Lease | Outcome:
        """Come to where the server waits for the content; or say why it need not."""
        if session.envelope_of is not None:
            if session.envelope_of is not message:
                session.wire.abort()
                raise dropped(Stage.MAIL, "an envelope was said that nobody came for")
            session.envelope_of = None
            lease = await intend()
            if lease is None:
                session.wire.abort()
                return WITHDRAWN
            await read_group(session, self._timeouts)
            return lease
        envelope = self._envelope(session, message)
        if isinstance(envelope, Outcome):
            return envelope
        if not session.pipelining:
            await say_recipient(session, envelope, self._timeouts)
        lease = await intend()
        if lease is None:
            return WITHDRAWN
        if not session.pipelining:
            await say_data(session, self._timeouts)
            return lease
        try:
            session.wire.send(as_group(envelope), replies=GROUP_REPLIES)
        except (WireLostError, ReplyUnreadableError) as exc:
            raise dropped(Stage.MAIL, f"no connection for MAIL: {exc}") from exc
        await read_group(session, self._timeouts)
        return lease

    async def _say_content(
        self, session: Session, message: Message, lane: int, lease: Lease, ahead: Ahead | None
    ) -> Outcome:
        next_group = b""
        if ahead is not None and session.pipelining and not self._sessions.is_last(session, more=2):
            next_group = await self._next_group(session, ahead)
        outcome = await say_content(
            session, wire_form(message), self._timeouts, lease, next_group=next_group
        )
        session.handed_off += 1
        session.touch()
        if outcome.kind is OutcomeKind.UNKNOWN or (next_group and outcome.code == 421):
            self._sessions.drop(lane)
        elif outcome.code == 421 or self._sessions.is_last(session, more=1):
            await self._sessions.quit(lane)
        return outcome

    async def _next_group(self, session: Session, ahead: Ahead) -> bytes:
        following = await ahead()
        if following is None or refuse_unsafe(following) is not None:
            return b""
        envelope = self._envelope(session, following)
        if isinstance(envelope, Outcome):
            return b""  # it is told when its turn comes
        session.envelope_of = following
        return as_group(envelope)

    @staticmethod
    def _envelope(session: Session, message: Message) -> Envelope | Outcome:
        return decide_envelope(message, eight_bit=session.eight_bit, smtputf8=session.smtputf8)

    async def _clean_up(self, lane: int, outcome: Outcome) -> None:
        """After a refusal the session goes on; after a drop or 421 it does not."""
        session = self._sessions.current(lane)
        if session is None:
            return
        if outcome.code is None or outcome.code == 421 or not session.wire.is_clean:
            self._sessions.drop(lane)
        else:
            await self._reset(lane, session)

    async def _reset(self, lane: int, session: Session) -> None:
        if not await reset(session, self._timeouts):
            self._sessions.drop(lane)


def _once(intend: Intend) -> Intend:
    """Commit an intent once, also where the envelope is said again on another connection."""
    answers: list[Lease | None] = []

    async def intend_once() -> Lease | None:
        if not answers:
            answers.append(await intend())
        return answers[0]

    return intend_once
