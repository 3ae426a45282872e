"""Build the wire form of a mail by hand: every header, two parts, CRLF.

`email.policy.SMTP` turns a long List-Unsubscribe into an encoded-word and does not
bring every Unicode subject back, so headers are written here; the tests read them back
with the standard library.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, parseaddr

from digest.digests.plain import header_text
from digest.errors import DeliveryError
from digest.model import Message, Rendered

_ATEXT = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+")
_ADDRESS = re.compile(r"[!#-'*+\-./0-9=?A-Z^-~]+@[A-Za-z0-9.\-]+")
_LIST_ID = re.compile(r"[A-Za-z0-9._\-]+")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.\-]+>")
_URI = re.compile(r"[!#-;=?-~]+")
_FEEDBACK_ID = re.compile(r"[A-Za-z0-9._\-]+(?::[A-Za-z0-9._\-]+){3}")
_HEADER_WIDTH = 76


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHeaders:
    """What the headers of one mail say.

    Args:
        sender: `mail.from`, such as `Daily papers <digest@example.org>`.
        recipient: One ASCII address.
        envelope_from: Where bounces of this mail go.
        message_id: With its angle brackets, the same on every attempt.
        date_at: Aware instant for `Date`, the same on every attempt.
        reply_to: Address, or "" for none.
        list_id: `mail.list_id`, or "" for a letter.
        unsubscribe_url: https link of one-click, or "" for a letter.
        unsubscribe_mailto: `mailto:` URI, or "".
        help_url: Where the reader manages the subscription, or "".
        archive_url: This digest on the web, or "".
        feedback_id: By which mailbox providers sum up complaints, or "".
    """

    sender: str
    recipient: str
    envelope_from: str
    message_id: str
    date_at: datetime
    reply_to: str = ""
    list_id: str = ""
    unsubscribe_url: str = ""
    unsubscribe_mailto: str = ""
    help_url: str = ""
    archive_url: str = ""
    feedback_id: str = ""


def build_message(rendered: Rendered, *, headers: MailHeaders, text_only: bool = False) -> Message:
    """Build the mail in wire form: text and HTML, or the text alone.

    Digests carry the List-* headers and one-click unsubscribing (RFC 2369, 2919, 8058);
    letters, whose `list_id` and links are empty, do not.

    Raises:
        DeliveryError: Permanent, where a header value would break the mail.
    """
    boundary = "=_" + hashlib.sha256(headers.message_id.encode()).hexdigest()[:32]
    lines = _header_lines(rendered.subject, headers)
    if text_only:
        encoding, body = encode_body(rendered.text)
        lines.append("Content-Type: text/plain; charset=utf-8")
        lines.append(f"Content-Transfer-Encoding: {encoding}")
        content = "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body + b"\r\n"
        return _message(headers, content)
    lines.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
    parts = [
        "\r\n".join(lines).encode("ascii"),
        b"",
        *_part(boundary, "plain", rendered.text),
        *_part(boundary, "html", rendered.html),
        f"--{boundary}--".encode("ascii"),
        b"",
    ]
    return _message(headers, b"\r\n".join(parts))


def _message(headers: MailHeaders, content: bytes) -> Message:
    return Message(
        envelope_from=_address(headers.envelope_from) if headers.envelope_from else "",
        recipient=_address(headers.recipient),
        message_id=headers.message_id,
        content=content,
        has_no_dot_lines=True,
        is_7bit=True,
    )


def encode_body(text: str) -> tuple[str, bytes]:
    """Encode a part: its transfer encoding, and the lines without a last line end.

    Quoted-printable, or base64 where that is shorter (scripts outside Latin). No line
    starts with a dot.
    """
    body = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    lines = body.encode("utf-8", errors="replace").split(b"\n")
    # Line by line: over several, b2a_qp spoils a CRLF that follows a space.
    quoted = b"\r\n".join(map(_quoted, lines))
    raw = b"\r\n".join(lines) + b"\r\n"
    if len(quoted) <= len(raw) * 7 // 5:
        return "quoted-printable", quoted
    encoded = base64.encodebytes(raw).replace(b"\n", b"\r\n")
    return "base64", encoded.removesuffix(b"\r\n")


def _quoted(line: bytes) -> bytes:
    """Encode one line, in pieces of at most 76 bytes none of which starts with a dot."""
    pieces = binascii.b2a_qp(line).split(b"=\n")
    if not any(piece.startswith(b".") for piece in pieces):
        return b"=\r\n".join(pieces)
    return b"=\r\n".join(b"=2E" + piece[1:] if piece[:1] == b"." else piece for piece in pieces)


def wire_size(rendered: Rendered) -> int:
    """Return the bytes that the two bodies take in a message."""
    return len(encode_body(rendered.text)[1]) + len(encode_body(rendered.html)[1])


def encode_phrase(text: str, *, header_name: str) -> str:
    """Write outside text as header value: as it is where it is plain, else encoded-words.

    The result may be folded over lines with CRLF; it reads back as `header_text(text)`.
    """
    clean = header_text(text)
    if clean.isascii() and len(header_name) + 2 + len(clean) <= 200:
        return clean
    header = Header(clean, charset="utf-8", header_name=header_name, maxlinelen=_HEADER_WIDTH)
    return header.encode(splitchars="", linesep="\r\n")


def _header_lines(subject: str, headers: MailHeaders) -> list[str]:
    if headers.date_at.tzinfo is None:
        raise ValueError("date_at must be aware")
    lines = [
        f"From: {_mailbox(headers.sender, header_name='From')}",
        f"To: {_address(headers.recipient)}",
        f"Subject: {encode_phrase(subject, header_name='Subject')}",
        f"Date: {format_datetime(headers.date_at.astimezone(UTC))}",
        f"Message-ID: {_checked(_MESSAGE_ID, headers.message_id, 'message id')}",
    ]
    if headers.reply_to:
        lines.append(f"Reply-To: {_mailbox(headers.reply_to, header_name='Reply-To')}")
    if headers.list_id:
        lines.append(f"List-Id: <{_checked(_LIST_ID, headers.list_id, 'list id')}>")
    if headers.unsubscribe_url:
        # Not folded inside a URL, whatever its length: RFC 8058 wants it whole.
        targets = [headers.unsubscribe_url, headers.unsubscribe_mailto]
        uris = [f"<{_checked(_URI, uri, 'unsubscribe link')}>" for uri in targets if uri]
        lines.append("List-Unsubscribe: " + ",\r\n ".join(uris))
        lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    if headers.help_url:
        lines.append(f"List-Help: <{_checked(_URI, headers.help_url, 'help link')}>")
    if headers.archive_url:
        lines.append(f"List-Archive: <{_checked(_URI, headers.archive_url, 'archive link')}>")
    if headers.feedback_id:
        lines.append(f"Feedback-ID: {_checked(_FEEDBACK_ID, headers.feedback_id, 'feedback id')}")
    lines.append("Auto-Submitted: auto-generated")
    if headers.list_id:
        lines.append("Precedence: bulk")
    lines.append("MIME-Version: 1.0")
    return lines


def _part(boundary: str, subtype: str, text: str) -> list[bytes]:
    encoding, body = encode_body(text)
    return [
        f"--{boundary}".encode("ascii"),
        f"Content-Type: text/{subtype}; charset=utf-8".encode("ascii"),
        f"Content-Transfer-Encoding: {encoding}".encode("ascii"),
        b"",
        body,
    ]


def _mailbox(text: str, *, header_name: str) -> str:
    """Write `Name <address>` with the name quoted or encoded as it needs."""
    name, address = parseaddr(text)
    address = _address(address)
    clean = header_text(name)
    if not clean:
        return address
    if _ATEXT.fullmatch(clean) and len(clean) < 60:
        return f"{clean} <{address}>"
    if clean.isascii() and len(clean) < 60:
        escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{address}>'
    header = Header(clean, charset="utf-8", header_name=header_name, maxlinelen=_HEADER_WIDTH)
    return f"{header.encode(splitchars='', linesep=chr(13) + chr(10))}\r\n <{address}>"


def _address(address: str) -> str:
    return _checked(_ADDRESS, address, "address")


def _checked(shape: re.Pattern[str], value: str, what: str) -> str:
    if len(value) > 900 or not shape.fullmatch(value):
        raise DeliveryError(f"this {what} cannot stand in a mail: {value[:80]!r}", permanent=True)
    return value
