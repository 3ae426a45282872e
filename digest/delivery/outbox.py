"""The outbox: mail as files in a folder, for trying out and for tests."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from digest.delivery.transport import WITHDRAWN, Ahead, HandOff, Intend
from digest.model import Message, Outcome, OutcomeKind


class OutboxTransport:
    """Writes one `.eml` a message, renamed into place, so that repeating is harmless."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __aenter__(self) -> Self:
        """Do nothing yet: the folder is made with the first mail."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing: every file is closed."""

    async def hand_off(
        self,
        message: Message,
        *,
        name: str,
        lane: int,
        intend: Intend,
        ahead: Ahead | None = None,
    ) -> HandOff:
        """Write the message to `<name>.eml`; nothing is begun ahead."""
        try:
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        except OSError as exc:
            return self._trouble(exc)
        if not await intend():
            return HandOff(outcome=WITHDRAWN)
        path = self._folder / f"{name}.eml"
        try:
            await asyncio.to_thread(_write, path, message.content, f".{name}.{lane}.{os.getpid()}")
        except OSError as exc:
            return self._trouble(exc)
        return HandOff(outcome=Outcome(kind=OutcomeKind.SENT, reply=f"written to {path.name}"))

    def _trouble(self, exc: OSError) -> HandOff:
        reply = f"the outbox {self._folder} cannot be written: {exc.strerror}"
        outcome = Outcome(kind=OutcomeKind.RETRY, reply=reply, relay_trouble=True)
        return HandOff(outcome=outcome, of_recipient=False)


def _write(path: Path, content: bytes, temporary_name: str) -> None:
    temporary = path.with_name(temporary_name)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, too, survives a power cut
    finally:
        os.close(folder)
