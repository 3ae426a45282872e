"""A real SMTP server on loopback that can be told to fail at any command.

It counts acceptances by (recipient, Message-ID): whatever it has answered, or meant to
answer, 250 to after the final dot. It runs in a thread of its own, so that a test can
kill a sending process while it listens.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path

TLS = Path(__file__).resolve().parent / "tls"
_USUAL = {
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "RSET": "250 2.0.0 ok",
}
_ADDRESS = re.compile(r"<([^>]*)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Close the connection; `after_bytes` counts bytes of content, None is at once.

    With `accept` the message counts as accepted although the reply is lost.
    """

    after_bytes: int | None = None
    accept: bool = False


@dataclass(slots=True, kw_only=True)
class Rule:
    """What to do at a verb, instead of what is usual.

    Verbs are CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, CONTENT, RSET, QUIT.
    `recipient` limits it to one address, `times` to the first so many.
    """

    verb: str
    action: str | Drop
    recipient: str | None = None
    times: int | None = None
    delay_s: float = 0.0


@dataclass(slots=True)
class Received:
    """An accepted message, with dots taken out again."""

    sender: str
    recipient: str
    content: bytes


@dataclass(slots=True)
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: str = ""
    recipient: str = ""


@dataclass(slots=True)
class SmtpServer:
    """The server's state, to be read and scripted from the test's thread."""

    rules: list[Rule] = field(default_factory=list)
    extensions: tuple[str, ...] = ("8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
    offer_starttls: bool = False
    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    verbs: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    port: int = 0
    host: str = "127.0.0.1"

    def on(
        self,
        verb: str,
        action: str | Drop,
        *,
        recipient: str | None = None,
        times: int | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self.rules.append(
            Rule(verb=verb, action=action, recipient=recipient, times=times, delay_s=delay_s)
        )

    def acceptances_of(self, recipient: str) -> int:
        return sum(count for (one, _), count in self.accepted.items() if one == recipient)

    def _rule(self, verb: str, recipient: str) -> Rule | None:
        for rule in self.rules:
            if rule.verb != verb or rule.recipient not in (None, recipient) or rule.times == 0:
                continue
            if rule.times is not None:
                rule.times -= 1
            return rule
        return None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        session = _Session(reader, writer)
        try:
            if await self._act("CONNECT", session, "220 loopback ESMTP"):
                while await self._command(session):
                    pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, TimeoutError, ssl.SSLError):
                await asyncio.wait_for(writer.wait_closed(), timeout=1)
            writer.transport.abort()

    async def _command(self, session: _Session) -> bool:
        raw = await session.reader.readline()
        if not raw:
            return False
        line = raw.decode().rstrip("\r\n")
        verb = line.split(" ")[0].upper()
        self.verbs.append(verb)
        self.lines.append(line)
        if verb == "MAIL":
            session.sender, session.recipient = _address(line), ""
        elif verb == "RCPT":
            session.recipient = _address(line)
        special = {"DATA": self._data, "STARTTLS": self._starttls, "QUIT": self._quit}
        if verb in special:
            return await special[verb](session)
        if verb == "EHLO":
            return await self._act(verb, session, self._greeting())
        return await self._act(verb, session, _USUAL.get(verb, "502 5.5.1 what?"))

    async def _quit(self, session: _Session) -> bool:
        await self._act("QUIT", session, "221 2.0.0 bye")
        return False

    def _greeting(self) -> str:
        offered = [*self.extensions, *(["STARTTLS"] if self.offer_starttls else []), "AUTH PLAIN"]
        lines = ["loopback", *offered]
        return "\r\n".join(
            f"250{' ' if number == len(lines) else '-'}{line}"
            for number, line in enumerate(lines, start=1)
        )

    async def _starttls(self, session: _Session) -> bool:
        if not await self._act("STARTTLS", session, "220 2.0.0 go on"):
            return False
        await session.writer.start_tls(server_context())
        self.offer_starttls = False
        return True

    async def _data(self, session: _Session) -> bool:
        rule = self._rule("DATA", session.recipient)
        if rule is not None:
            return await self._apply(rule, session)
        await self._say(session, "354 go on")
        rule = self._rule("CONTENT", session.recipient)
        if rule is not None and isinstance(rule.action, Drop) and rule.action.after_bytes:
            await session.reader.readexactly(rule.action.after_bytes)
            return False
        content = (await session.reader.readuntil(b"\r\n.\r\n"))[:-3]
        if rule is not None:
            if rule.delay_s or (isinstance(rule.action, Drop) and rule.action.accept):
                self._accept(session, content)
            if rule.delay_s and rule.action == "":
                await asyncio.sleep(rule.delay_s)
                return await self._say(session, "250 2.0.0 accepted, late")
            return await self._apply(rule, session)
        self._accept(session, content)
        return await self._say(session, "250 2.0.0 accepted")

    def _accept(self, session: _Session, content: bytes) -> None:
        plain = content.replace(b"\r\n..", b"\r\n.")
        plain = plain[1:] if plain.startswith(b"..") else plain
        message_id = str(BytesHeaderParser().parsebytes(plain)["Message-ID"])
        self.accepted[session.recipient, message_id] += 1
        self.received.append(Received(session.sender, session.recipient, plain))

    async def _act(self, verb: str, session: _Session, usual: str) -> bool:
        rule = self._rule(verb, session.recipient)
        return await (self._say(session, usual) if rule is None else self._apply(rule, session))

    async def _apply(self, rule: Rule, session: _Session) -> bool:
        await asyncio.sleep(rule.delay_s)
        if isinstance(rule.action, Drop):
            return False
        return await self._say(session, rule.action)

    async def _say(self, session: _Session, reply: str) -> bool:
        session.writer.write(reply.encode() + b"\r\n")
        await session.writer.drain()
        return not reply.startswith("421")


def _address(line: str) -> str:
    found = _ADDRESS.search(line)
    return found.group(1) if found else ""


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.crt", TLS / "server.key")
    return context


def client_context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(TLS / "server.crt"))


@contextmanager
def smtp_server(*, tls: bool = False) -> Iterator[SmtpServer]:
    """Run a server in a thread until the context is left."""
    server = SmtpServer()
    started, loop = threading.Event(), asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def serve() -> None:
        listening = await asyncio.start_server(
            server.serve, server.host, 0, ssl=server_context() if tls else None, limit=2**22
        )
        server.port = listening.sockets[0].getsockname()[1]
        started.set()
        await stopping.wait()
        listening.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.01)  # closing a transport takes a turn or two of the loop

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()
