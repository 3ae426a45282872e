"""A mail from outside, taken apart within bounds. Pure.

The standard library's parser is tolerant, but not quick on everything: its work grows
with how deep parts are nested, and with the square of the length of a Content-Type.
Whatever is beyond what mail programs write is refused before it is parsed.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from digest.errors import ReportError

MAX_BYTES = 250_000
"""So much of a file is read: what a report says stands at its beginning, and a digest of
ours that comes back has less than 90,000."""

_MAX_NESTING = 60
_MAX_CONTENT_TYPE = 4_000
_MAX_HEADER = 4_000
_MAX_PARTS = 100
_MAX_TEXT = 200_000
_CONTENT_TYPE = re.compile(
    rb"^content-type[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE
)
_NESTS = re.compile(rb"boundary|message/", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a mail: its type, its headers in their order, and its text.

    `returned` says that the part is, or is inside, a mail within the mail; `text` is ""
    for a part that holds others.
    """

    content_type: str
    headers: tuple[tuple[str, str], ...]
    text: str
    returned: bool

    def all(self, name: str) -> list[str]:
        """Return the values of all headers of this name, in lower case."""
        return [value for known, value in self.headers if known == name]

    def first(self, name: str) -> str:
        """Return the value of the first header of this name, "" where there is none."""
        return next(iter(self.all(name)), "")


def take_apart(data: bytes) -> tuple[Part, ...]:
    """Return the parts of a mail in their order; the first is the mail itself.

    Raises:
        ReportError: If this is no mail, or one that no mail program writes.
    """
    plain = data[:MAX_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for found in _CONTENT_TYPE.finditer(plain):
        if found.end() - found.start() > _MAX_CONTENT_TYPE:
            raise ReportError("a Content-Type is longer than any mail program writes")
    types = b"\n".join(found.group() for found in _CONTENT_TYPE.finditer(plain))
    if len(_NESTS.findall(types)) > _MAX_NESTING:
        raise ReportError("more parts are nested than any mail program writes")
    try:
        message = email.message_from_bytes(plain, policy=email.policy.compat32)
        parts = tuple(_parts(message, returned=False, left=[_MAX_PARTS]))
    except Exception as exc:  # the library promises no error for bytes that mean harm
        raise ReportError(f"cannot be taken apart: {type(exc).__name__}") from exc
    if not parts[0].headers:
        raise ReportError("this is no mail: it has no header")
    return parts


def decoded_words(value: str) -> str:
    """Read the encoded-words of a header's value (RFC 2047); what cannot be read stays."""
    try:
        return "".join(
            piece if isinstance(piece, str) else piece.decode(charset or "ascii", "replace")
            for piece, charset in decode_header(value)
        )
    except (HeaderParseError, LookupError, ValueError):
        return value


def _parts(message: Message, *, returned: bool, left: list[int]) -> Iterator[Part]:
    if left[0] <= 0:
        return
    left[0] -= 1
    payload = message.get_payload()
    content_type = message.get_content_type()
    holds_fields = content_type in (
        "message/delivery-status",
        "message/global-delivery-status",
        "message/feedback-report",
    )
    yield Part(
        content_type=content_type,
        headers=_headers(message),
        text=_fields(message) if holds_fields else _text(message),
        returned=returned,
    )
    if isinstance(payload, list) and not holds_fields:
        inside = returned or content_type.startswith("message/")
        for one in payload:
            if isinstance(one, Message):
                yield from _parts(one, returned=inside, left=left)


def _headers(message: Message) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.strip().lower(), " ".join(_utf8(str(value)[:_MAX_HEADER]).split()))
        for name, value in message.raw_items()
    )


def _fields(message: Message) -> str:
    """Return the groups of fields of a status part, which the parser took for mails."""
    payload = message.get_payload()
    if not isinstance(payload, list):
        return _text(message)
    groups = []
    for one in payload:
        if not isinstance(one, Message):
            continue
        lines = [f"{name}: {_utf8(str(value))}" for name, value in one.raw_items()]
        groups.append("\n".join(lines))
        groups.append(_text(one))
    text = "\n\n".join(groups)[:_MAX_TEXT]
    encoding = str(message.get("content-transfer-encoding", "")).strip().lower()
    if encoding in ("base64", "quoted-printable"):
        bare = Message()
        bare["Content-Transfer-Encoding"] = encoding
        bare.set_payload(text.strip())
        return _text(bare) or text
    return text


def _text(message: Message) -> str:
    if isinstance(message.get_payload(), list):
        return ""
    payload = message.get_payload(decode=True)
    return payload[:_MAX_TEXT].decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _utf8(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
