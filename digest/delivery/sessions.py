"""Sessions with the relay: aiosmtplib connects, secures and logs in; each is used for a while.

TLS is required or forbidden, never opportunistic: in clear goes only what the settings
allow (`refuse_clear_text`).
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass

import aiosmtplib

from digest.delivery.outcomes import Stage, decide_outcome
from digest.delivery.wire import ReplyUnreadableError, Wire, WireLostError
from digest.errors import ConfigError
from digest.model import Message, Outcome
from digest.settings import SmtpSettings, clear_text_problem

COMMAND_TIMEOUT_S = 300.0
CONTENT_TIMEOUT_S = 600.0
"""For the reply to the content (RFC 5321 §4.5.3.2.6)."""
CONNECT_TIMEOUT_S = 60.0
QUIT_TIMEOUT_S = 5.0
IDLE_S = 60.0
"""Servers hang up after five minutes, some after one: a new connection is surer."""

TOO_MANY = 421
"""What a server says to a connection that is one too many (RFC 5321 §3.8)."""

_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds to wait, by stage. Sockets alone use real time."""

    connect_s: float = CONNECT_TIMEOUT_S
    command_s: float = COMMAND_TIMEOUT_S
    content_s: float = CONTENT_TIMEOUT_S
    idle_s: float = IDLE_S


class Stopped(Exception):  # noqa: N818 - a way out of a transaction, not an error
    """A transaction ended early, at a stage, with an outcome."""

    def __init__(self, stage: Stage, outcome: Outcome) -> None:
        self.stage = stage
        self.outcome = outcome
        super().__init__(outcome.reply)


def dropped(stage: Stage, what: str) -> Stopped:
    """Say that no reply came, and what happened instead."""
    return Stopped(stage, decide_outcome(stage, None, what))


@dataclass(slots=True, kw_only=True)
class Session:
    """A session that is ready for MAIL.

    `envelope_of` is the message whose envelope was said along with the content of the
    one before it; its replies have not been read.
    """

    wire: Wire
    pipelining: bool
    eight_bit: bool
    smtputf8: bool
    used_at_s: float
    handed_off: int = 0
    envelope_of: Message | None = None

    def touch(self) -> None:
        """Say that it was used just now."""
        self.used_at_s = asyncio.get_running_loop().time()


class Sessions:
    """One session a lane, made when it is asked for and replaced when it is worn out.

    Args:
        settings: The relay.
        timeouts: By stage.
        tls_context: Other than the system's, for tests.

    Raises:
        ConfigError: If mail or a password would cross a network in clear.
    """

    def __init__(
        self, settings: SmtpSettings, timeouts: Timeouts, tls_context: ssl.SSLContext | None
    ) -> None:
        refuse_clear_text(settings)
        self._settings = settings
        self._timeouts = timeouts
        self._tls_context = tls_context
        self._sessions: dict[int, Session] = {}
        self._connecting: set[int] = set()
        self._one_less = asyncio.Event()

    async def get(self, lane: int) -> Session:
        """Return the lane's session, a new one where there is none that can be trusted.

        Raises:
            Stopped: If the relay cannot be reached or does not let us in.
        """
        session = self._sessions.get(lane)
        if session is None:
            return await self.renew(lane)
        if not session.wire.is_clean:
            return await self.renew(lane)
        idle_s = asyncio.get_running_loop().time() - session.used_at_s
        if session.envelope_of is None and idle_s > self._timeouts.idle_s:
            await self.quit(lane)
            return await self.renew(lane)
        return session

    async def renew(self, lane: int) -> Session:
        """Close the lane's session, if there is one, and make another.

        Raises:
            Stopped: If the relay cannot be reached or does not let us in.
        """
        self.drop(lane)
        self._connecting.add(lane)
        try:
            session = await self._new_session()
        except Stopped as stop:
            self._connecting.discard(lane)
            if stop.outcome.code == TOO_MANY:
                await self._others_are_settled()
            raise
        else:
            self._sessions[lane] = session
            return session
        finally:
            self._connecting.discard(lane)
            self._one_less.set()

    async def _new_session(self) -> Session:
        client = await self._connect()
        transport = client.transport
        if not isinstance(transport, asyncio.Transport):
            raise dropped(Stage.CONNECT, "the relay closed the connection")
        return Session(
            wire=Wire(transport),
            pipelining=client.supports_extension("pipelining"),
            eight_bit=client.supports_extension("8bitmime"),
            smtputf8=client.supports_extension("smtputf8"),
            used_at_s=asyncio.get_running_loop().time(),
        )

    async def _others_are_settled(self) -> None:
        """Wait until another is let in, or until nobody asks any more."""
        while self._connecting and not self._sessions:
            self._one_less.clear()
            await self._one_less.wait()

    def is_crowded(self, refusal: Outcome) -> bool:
        """Say whether a connection was refused because others of ours are open."""
        return refusal.code == TOO_MANY and bool(self._sessions)

    def current(self, lane: int) -> Session | None:
        """Return the lane's session as it is, None when it has none."""
        return self._sessions.get(lane)

    def is_last(self, session: Session, *, more: int) -> bool:
        """Say whether a session may not carry so many messages more."""
        return session.handed_off + more > self._settings.messages_per_connection

    def drop(self, lane: int) -> None:
        """Close the lane's session without a word."""
        session = self._sessions.pop(lane, None)
        if session is not None:
            session.wire.abort()

    async def quit(self, lane: int) -> None:
        """Take leave, and close the lane's session."""
        session = self._sessions.pop(lane, None)
        if session is None:
            return
        with suppress(WireLostError, ReplyUnreadableError):
            session.wire.send(b"QUIT\r\n", replies=1)
            await session.wire.reply(QUIT_TIMEOUT_S)
        session.wire.abort()

    async def quit_all(self) -> None:
        """Take leave on all sessions."""
        await asyncio.gather(*(self.quit(lane) for lane in list(self._sessions)))

    async def _connect(self) -> aiosmtplib.SMTP:
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._tls_context,
            username=settings.username or None,
            password=settings.password or None,
            timeout=self._timeouts.connect_s,
            local_hostname=own_name(),
        )
        where = f"{settings.host}:{settings.port}"
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except aiosmtplib.SMTPResponseException as exc:
            _close(client)
            outcome = decide_outcome(Stage.CONNECT, exc.code, f"{exc.message} (from {where})")
            raise Stopped(Stage.CONNECT, outcome) from exc
        except (aiosmtplib.SMTPException, OSError, ValueError) as exc:
            _close(client)
            trouble = f'cannot reach the relay {where} with security "{settings.security}": {exc}'
            raise dropped(Stage.CONNECT, trouble) from exc
        return client


def _close(client: aiosmtplib.SMTP) -> None:
    transport = client.transport
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def refuse_clear_text(settings: SmtpSettings) -> None:
    """Refuse to send mail, or a password, in clear over a network.

    Raises:
        ConfigError: Naming the setting.
    """
    problem = clear_text_problem(settings)
    if problem is not None:
        raise ConfigError([problem])


def own_name() -> str:
    """Return this machine's name for EHLO, without asking any name server."""
    name = socket.gethostname()
    return name if _HOST_NAME.fullmatch(name) else "localhost"
