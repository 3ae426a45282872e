"""A real SMTP server on loopback that can be told what to do at any verb and byte.

It counts acceptances by (recipient, Message-ID): whatever it has answered, or meant to
answer, 250 to after the final dot. It runs in a thread of its own, so that a test can
kill a sending process while it listens. Commands may be pipelined; it offers PIPELINING
where it is told to.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path

from tests.support.smtp_script import Action, Drop, Rule, first_that_applies

__all__ = ["Drop", "Received", "Rule", "SmtpServer", "client_context", "smtp_server"]

TLS = Path(__file__).resolve().parent / "tls"
_USUAL = {
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "RSET": "250 2.0.0 ok",
}
_ADDRESS = re.compile(r"<([^>]*)>")
_OUT_OF_ORDER = "503 5.5.1 commands out of order"


@dataclass(slots=True)
class Received:
    """An accepted message, with dots taken out again."""

    sender: str
    recipient: str
    content: bytes
    message_id: str = ""


@dataclass(slots=True)
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    sender: str | None = None
    recipient: str = ""
    recipients: list[str] = field(default_factory=list)

    def forget(self) -> None:
        """Begin a new transaction."""
        self.sender, self.recipient, self.recipients = None, "", []


@dataclass(slots=True)
class SmtpServer:
    """The server's state, to be read and scripted from the test's thread."""

    rules: list[Rule] = field(default_factory=list)
    extensions: tuple[str, ...] = ("8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
    offer_starttls: bool = False
    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    received: list[Received] = field(default_factory=list)
    journal: Path | None = None
    """One JSON document a line for each acceptance, written before the reply."""
    connections: int = 0
    open_connections: int = 0
    verbs: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    port: int = 0
    host: str = "127.0.0.1"

    def on(
        self,
        verb: str,
        action: Action = None,
        *,
        recipient: str | None = None,
        times: int | None = None,
        delay_s: float = 0.0,
    ) -> None:
        """Add a rule; `Rule` says what can be said."""
        self.add(Rule(verb=verb, action=action, recipient=recipient, times=times, delay_s=delay_s))

    def add(self, rule: Rule) -> None:
        """Add a rule; the first that applies is used."""
        self.rules.append(rule)

    def acceptances_of(self, recipient: str) -> int:
        return sum(count for (one, _), count in self.accepted.items() if one == recipient)

    def wait_until_idle(self, timeout_s: float = 30.0) -> None:
        """Wait until all connections have ended, so that nothing more can be accepted.

        Raises:
            TimeoutError: If somebody stays connected.
        """
        deadline = time.monotonic() + timeout_s
        while self.open_connections:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.open_connections} connections are still open")
            time.sleep(0.001)

    def forget(self) -> None:
        """Forget rules and records, between two tests on one server."""
        self.rules, self.received, self.verbs, self.lines = [], [], [], []
        self.accepted, self.connections = Counter(), 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        session = _Session(reader, writer, self.connections)
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
            self.open_connections -= 1

    async def _command(self, session: _Session) -> bool:
        raw = await session.reader.readline()
        if not raw.endswith(b"\n"):
            return False  # half a command, and then nobody there
        line = raw.decode().rstrip("\r\n")
        verb = line.split(" ")[0].upper()
        self.verbs.append(verb)
        self.lines.append(line)
        special = {
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "STARTTLS": self._starttls,
            "QUIT": self._quit,
        }
        if verb in special:
            return await special[verb](session, line)
        if verb in ("EHLO", "RSET"):
            session.forget()
        usual = self._greeting() if verb == "EHLO" else _USUAL.get(verb, "502 5.5.1 what?")
        return await self._act(verb, session, usual)

    async def _quit(self, session: _Session, _line: str) -> bool:
        await self._act("QUIT", session, "221 2.0.0 bye")
        return False

    def _greeting(self) -> str:
        offered = [*self.extensions, *(["STARTTLS"] if self.offer_starttls else []), "AUTH PLAIN"]
        lines = ["loopback", *offered]
        return "\r\n".join(
            f"250{' ' if number == len(lines) else '-'}{line}"
            for number, line in enumerate(lines, start=1)
        )

    async def _starttls(self, session: _Session, _line: str) -> bool:
        if not await self._act("STARTTLS", session, "220 2.0.0 go on"):
            return False
        await session.writer.start_tls(server_context())
        self.offer_starttls = False
        return True

    async def _mail(self, session: _Session, line: str) -> bool:
        usual = _USUAL["MAIL"] if session.sender is None else _OUT_OF_ORDER
        rule = self._rule("MAIL", session)
        if _is_yes(rule, usual):
            session.sender = _address(line)
        return await self._do(rule, session, usual)

    async def _rcpt(self, session: _Session, line: str) -> bool:
        session.recipient = _address(line)
        usual = _USUAL["RCPT"] if session.sender is not None else _OUT_OF_ORDER
        rule = self._rule("RCPT", session)
        if _is_yes(rule, usual):
            session.recipients.append(session.recipient)
        return await self._do(rule, session, usual)

    async def _data(self, session: _Session, _line: str) -> bool:
        usual = "354 go on" if session.recipients else _OUT_OF_ORDER
        rule = self._rule("DATA", session)
        if not await self._do(rule, session, usual):
            return False
        if not _is_yes(rule, usual):
            return True
        return await self._content(session)

    async def _content(self, session: _Session) -> bool:
        rule = self._rule("CONTENT", session)
        action = None if rule is None else rule.action
        if rule is not None and isinstance(action, Drop) and action.after_bytes:
            await _read_content(session.reader, limit=action.after_bytes)
            return await self._do(rule, session, "")
        content = await _read_content(session.reader)
        usual = "250 2.0.0 accepted" if session.recipients else "554 5.5.1 no valid recipients"
        late = rule is not None and rule.delay_s > 0
        if rule is not None and rule.before is not None:
            rule.before()
        if action in (None, ""):
            taken, action = bool(session.recipients), usual
        elif isinstance(action, Drop):
            taken = action.accept
        else:
            taken = late or action[:1] in ("2", b"2")
        if taken:
            self._accept(session, content)
        session.forget()
        if rule is None:
            return await self._say(session, usual)
        rule_now = Rule(verb="CONTENT", action=action, delay_s=rule.delay_s, after=rule.after)
        return await self._do(rule_now, session, usual)

    def _accept(self, session: _Session, content: bytes) -> None:
        plain = content.replace(b"\r\n..", b"\r\n.")
        plain = plain[1:] if plain.startswith(b"..") else plain
        message_id = str(BytesHeaderParser().parsebytes(plain)["Message-ID"])
        for recipient in session.recipients or [session.recipient]:
            one = Received(session.sender or "", recipient, plain, message_id)
            self._write_down(one)
            self.received.append(one)
            self.accepted[recipient, message_id] += 1

    def _write_down(self, one: Received) -> None:
        if self.journal is None:
            return
        headers = BytesHeaderParser().parsebytes(one.content)
        document = {
            "sender": one.sender,
            "recipient": one.recipient,
            "message_id": one.message_id,
            "headers": [[name, str(value)] for name, value in headers.items()],
            "content": one.content.decode("latin-1"),
        }
        line = json.dumps(document).encode() + b"\n"
        file = os.open(self.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)

    def _rule(self, verb: str, session: _Session) -> Rule | None:
        return first_that_applies(self.rules, verb, session.recipient, session.number)

    async def _act(self, verb: str, session: _Session, usual: str) -> bool:
        return await self._do(self._rule(verb, session), session, usual)

    async def _do(self, rule: Rule | None, session: _Session, usual: str) -> bool:
        if rule is None:
            return await self._say(session, usual)
        if rule.before is not None:
            rule.before()
        if rule.delay_s:
            await asyncio.sleep(rule.delay_s)
        action = usual if rule.action is None else rule.action
        if isinstance(action, Drop):
            session.writer.write(action.saying)
            await session.writer.drain()
            goes_on = False
        else:
            goes_on = await self._say(session, action)
        if rule.after is not None:
            rule.after()
        return goes_on

    async def _say(self, session: _Session, reply: str | bytes) -> bool:
        raw = reply if isinstance(reply, bytes) else reply.encode() + b"\r\n"
        session.writer.write(raw)
        await session.writer.drain()
        return not raw.startswith(b"421")


def _is_yes(rule: Rule | None, usual: str) -> bool:
    """Say whether a reply lets the client go on."""
    action = usual if rule is None or rule.action is None else rule.action
    return not isinstance(action, Drop) and action[:1] in ("2", "3", b"2", b"3")


async def _read_content(reader: asyncio.StreamReader, limit: int | None = None) -> bytes:
    """Read up to the final dot, which is left out, or so many bytes if they come first."""
    content = b""
    while not (content == b".\r\n" or content.endswith(b"\r\n.\r\n")):
        if limit is None:
            content += await reader.readuntil(b".\r\n")
            continue
        more = await reader.read(limit - len(content))
        if not more:
            raise asyncio.IncompleteReadError(content, limit)
        content += more
        if len(content) >= limit:
            return content
    return content[:-3]


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
def smtp_server(
    *, tls: bool = False, pipelining: bool = False, journal: Path | None = None
) -> Iterator[SmtpServer]:
    """Run a server in a thread until the context is left."""
    server = SmtpServer(journal=journal)
    if pipelining:
        server.extensions = (*server.extensions, "PIPELINING")
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
