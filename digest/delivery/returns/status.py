"""The fields of a delivery status notification (RFC 3464, RFC 6533). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from digest.model import ReportKind

_ENHANCED = re.compile(r"(?<![\d.])([245]\.[0-7]\.\d{1,3})(?!\.?\d)")
_VAGUE = re.compile(r"[245]\.0\.0")

Fields = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientStatus:
    """What is said of one recipient."""

    kind: ReportKind
    status: str | None
    said: str


def field_blocks(text: str) -> list[Fields]:
    """Read groups of fields that empty lines part; names in lower case, first one wins."""
    blocks: list[Fields] = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields: Fields = {}
        for line in re.sub(r"\n[ \t]+", " ", block).split("\n"):
            name, colon, value = line.partition(":")
            if colon and name.strip():
                fields.setdefault(name.strip().lower(), value.strip())
        if fields:
            blocks.append(fields)
    return blocks


def worst_status(blocks: Sequence[Fields]) -> RecipientStatus | None:
    """Return what a notification says in the end: one failure outweighs all else.

    A mail of ours has one recipient; several groups are the stations of one address.
    None where no group speaks of a recipient.
    """
    found = [one for fields in blocks if (one := _recipient_status(fields)) is not None]
    for kind in (ReportKind.FAILED, ReportKind.DELAYED, ReportKind.DELIVERED):
        for one in found:
            if one.kind is kind:
                return one
    return None


def enhanced_in(text: str, classes: str = "245") -> str | None:
    """Return the first enhanced status code of one of these classes in a text, or None."""
    return next((code for code in _ENHANCED.findall(text) if code[0] in classes), None)


def _recipient_status(fields: Fields) -> RecipientStatus | None:
    if not {"action", "status"} & fields.keys():
        return None
    said = fields.get("diagnostic-code", "")
    status = enhanced_in(fields.get("status", ""))
    kind = _kind(fields.get("action", ""), status)
    if kind is None:
        return None
    if status is None or _VAGUE.fullmatch(status):
        classes = {"failed": "54", "delayed": "4"}.get(kind.value, "2")
        if status is not None:
            classes = status[0]
        status = enhanced_in(said, classes) or status
    return RecipientStatus(kind=kind, status=status, said=said or fields.get("status", ""))


def _kind(action: str, status: str | None) -> ReportKind | None:
    word = action.split("(", maxsplit=1)[0].split(";", maxsplit=1)[0].strip().lower()
    match word:
        case "failed" | "failure":
            return ReportKind.FAILED
        case "delayed":
            return ReportKind.DELAYED
        case "delivered":
            return ReportKind.DELIVERED
        case "relayed" | "expanded":  # it left for where no reports come from
            return None
    if status is None:
        return None
    return {
        "5": ReportKind.FAILED,
        "4": ReportKind.DELAYED,
        "2": ReportKind.DELIVERED,
    }[status[0]]
