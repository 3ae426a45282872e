"""Reads back the mails in an outbox: the proof is what arrived, not what we believe."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from digest.model import Alias


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedMail:
    """One mail of the outbox: who got it, and which of the known papers it lists."""

    file: str
    recipient: str
    subject: str
    papers: tuple[Alias, ...]


def read_outbox(folder: Path, titles: Mapping[Alias, str]) -> list[ArrivedMail]:
    """Read all mails of a folder, and find papers by their numbered titles."""
    headings = {
        alias: re.compile(rf"(?:^| )\d+\. {re.escape(title)} ") for alias, title in titles.items()
    }
    return [_read(path, headings) for path in sorted(folder.glob("*.eml"))]


def _read(path: Path, headings: Mapping[Alias, re.Pattern[str]]) -> ArrivedMail:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    text = " ".join(body.get_content().split()) if body else ""
    return ArrivedMail(
        file=path.name,
        recipient=str(message["To"]),
        subject=str(message["Subject"]),
        papers=tuple(alias for alias, heading in headings.items() if heading.search(text)),
    )
