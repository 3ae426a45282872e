"""SMTP: aiosmtplib makes the session, the transaction is said here, command by command.

Only so do we know whether a byte of content was written when a connection drops, and
can commit the intent between RCPT and DATA. TLS is required or forbidden, never
opportunistic.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiosmtplib
import structlog
from aiosmtplib.protocol import SMTPProtocol

from digest.delivery.outcomes import Stage, decide_outcome
from digest.delivery.transport import WITHDRAWN, HandOff, Intend
from digest.errors import ConfigError
from digest.model import Message, Outcome, OutcomeKind
from digest.settings import SmtpSettings, clear_text_problem

log = structlog.get_logger(__name__)

COMMAND_TIMEOUT_S = 300.0
CONTENT_TIMEOUT_S = 600.0
"""For the reply to the content (RFC 5321 §4.5.3.2.6)."""
CONNECT_TIMEOUT_S = 60.0
QUIT_TIMEOUT_S = 5.0

_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds to wait, by stage. Sockets alone use real time."""

    connect_s: float = CONNECT_TIMEOUT_S
    command_s: float = COMMAND_TIMEOUT_S
    content_s: float = CONTENT_TIMEOUT_S


@dataclass(slots=True)
class _Session:
    client: aiosmtplib.SMTP
    handed_off: int = 0


class _Stop(Exception):  # noqa: N818 - a way out of the transaction, not an error
    """The transaction ended early."""

    def __init__(self, stage: Stage, outcome: Outcome) -> None:
        self.stage = stage
        self.outcome = outcome
        super().__init__(outcome.reply)


class SmtpTransport:
    """Hands mail to the relay: one connection a lane, reused.

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
        refuse_clear_text(settings)
        self._settings = settings
        self._timeouts = timeouts or Timeouts()
        self._tls_context = tls_context
        self._sessions: dict[int, _Session] = {}

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
        await asyncio.gather(*(self._quit(lane) for lane in list(self._sessions)))

    async def check_login(self) -> None:
        """Connect, log in and quit.

        Raises:
            ConfigError: If the relay does not let us in, in its own words.
        """
        try:
            await self._connect(-1)
        except _Stop as stop:
            raise ConfigError([f"smtp.host: {stop.outcome.reply}"]) from stop
        await self._quit(-1)

    async def hand_off(self, message: Message, *, name: str, lane: int, intend: Intend) -> HandOff:
        """Say MAIL, RCPT, commit the intent, say DATA.

        A reused connection that the server has closed, or closes at MAIL with 421, is
        replaced once: nothing was begun on it.
        """
        refused = _refuse_addresses(message)
        if refused is not None:
            return HandOff(outcome=refused)
        try:
            session = await self._session(lane)
            try:
                await self._mail(session, message)
            except _Stop as stop:
                if session.handed_off == 0 or stop.outcome.code not in (None, 421):
                    raise
                self._drop(lane)
                session = await self._connect(lane)
                await self._mail(session, message)
            return HandOff(outcome=await self._after_mail(session, message, lane, intend))
        except _Stop as stop:
            await self._clean_up(lane, stop.outcome)
            early = stop.stage in (Stage.CONNECT, Stage.MAIL)
            return HandOff(outcome=stop.outcome, of_recipient=not early)
        except BaseException:
            self._drop(lane)  # nobody knows what the server waits for
            raise

    async def _after_mail(
        self, session: _Session, message: Message, lane: int, intend: Intend
    ) -> Outcome:
        await self._command(
            session, Stage.RCPT, b"RCPT TO:<" + message.recipient.encode() + b">", (250, 251)
        )
        if not await intend():
            await self._reset(lane)
            return WITHDRAWN
        protocol = session.client.protocol
        await self._command(session, Stage.DATA, b"DATA", (354,))
        if protocol is None or not protocol.is_connected:
            raise _dropped(Stage.DATA, "the relay closed the connection before the content")
        outcome = await self._content(protocol, message.content)
        session.handed_off += 1
        if outcome.kind is OutcomeKind.UNKNOWN:
            self._drop(lane)
        elif outcome.code == 421 or session.handed_off >= self._settings.messages_per_connection:
            await self._quit(lane)
        return outcome

    async def _content(self, protocol: SMTPProtocol, content: bytes) -> Outcome:
        try:
            protocol.write(_stuff_dots(content))
            reply = await protocol.read_response(timeout=self._timeouts.content_s)
        except aiosmtplib.SMTPResponseException as exc:
            return decide_outcome(Stage.CONTENT, None, f"an unreadable reply: {exc.message}")
        except (aiosmtplib.SMTPException, OSError) as exc:
            return decide_outcome(Stage.CONTENT, None, f"no reply to the content: {exc}")
        return decide_outcome(Stage.CONTENT, reply.code, reply.message)

    async def _mail(self, session: _Session, message: Message) -> None:
        command = b"MAIL FROM:<" + message.envelope_from.encode() + b">"
        if not message.content.isascii():
            if not session.client.supports_extension("8bitmime"):
                raise _unable("the relay does not take 8-bit mail")
            command += b" BODY=8BITMIME"
        if not (message.recipient.isascii() and message.envelope_from.isascii()):
            if not session.client.supports_extension("smtputf8"):
                raise _unable("the relay does not take addresses outside ASCII")
            command += b" SMTPUTF8"
        await self._command(session, Stage.MAIL, command, (250,))

    async def _command(
        self, session: _Session, stage: Stage, command: bytes, accepted: tuple[int, ...]
    ) -> None:
        try:
            reply = await session.client.execute_command(command, timeout=self._timeouts.command_s)
        except aiosmtplib.SMTPResponseException as exc:
            raise _dropped(stage, f"an unreadable reply: {exc.message}") from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _dropped(stage, f"no reply to {stage.value.upper()}: {exc}") from exc
        if reply.code not in accepted:
            raise _Stop(stage, decide_outcome(stage, reply.code, reply.message))

    async def _session(self, lane: int) -> _Session:
        session = self._sessions.get(lane)
        if session is not None and session.client.is_connected:
            return session
        self._drop(lane)
        return await self._connect(lane)

    async def _connect(self, lane: int) -> _Session:
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
            local_hostname=_own_name(),
        )
        where = f"{settings.host}:{settings.port}"
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except aiosmtplib.SMTPResponseException as exc:
            client.close()
            outcome = decide_outcome(Stage.CONNECT, exc.code, f"{exc.message} (from {where})")
            raise _Stop(Stage.CONNECT, outcome) from exc
        except (aiosmtplib.SMTPException, OSError, ValueError) as exc:
            client.close()
            trouble = f'cannot reach the relay {where} with security "{settings.security}": {exc}'
            raise _dropped(Stage.CONNECT, trouble) from exc
        session = _Session(client)
        self._sessions[lane] = session
        return session

    async def _clean_up(self, lane: int, outcome: Outcome) -> None:
        """After a refusal the session goes on; after a drop or 421 it does not."""
        if outcome.code is None or outcome.code == 421:
            self._drop(lane)
        else:
            await self._reset(lane)

    async def _reset(self, lane: int) -> None:
        session = self._sessions.get(lane)
        if session is None:
            return
        try:
            await session.client.rset(timeout=self._timeouts.command_s)
        except (aiosmtplib.SMTPException, OSError):
            self._drop(lane)

    def _drop(self, lane: int) -> None:
        session = self._sessions.pop(lane, None)
        if session is not None:
            _close(session.client)

    async def _quit(self, lane: int) -> None:
        session = self._sessions.pop(lane, None)
        if session is None:
            return
        with suppress(aiosmtplib.SMTPException, OSError):
            await session.client.quit(timeout=QUIT_TIMEOUT_S)
        _close(session.client)


def _close(client: aiosmtplib.SMTP) -> None:
    """Close at once: nothing is left to say, and TLS would wait for the other side."""
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


def _own_name() -> str:
    """Return this machine's name for EHLO, without asking any name server."""
    name = socket.gethostname()
    return name if _HOST_NAME.fullmatch(name) else "localhost"


def _refuse_addresses(message: Message) -> Outcome | None:
    """Refuse what could end the command early; aiosmtplib cuts such addresses silently."""
    for address in (message.envelope_from, message.recipient):
        if _UNSAFE.search(address):
            reply = "the address holds characters that no envelope can carry"
            return Outcome(kind=OutcomeKind.FAILED, reply=reply)
    return None


def _stuff_dots(content: bytes) -> bytes:
    """Return content as it follows 354: dots doubled at line starts, the end marked."""
    if content.startswith(b"."):
        content = b"." + content
    if b"\r\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    return content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")


def _dropped(stage: Stage, what: str) -> _Stop:
    return _Stop(stage, decide_outcome(stage, None, what))


def _unable(what: str) -> _Stop:
    return _Stop(Stage.RCPT, Outcome(kind=OutcomeKind.FAILED, reply=what, code=553))
