"""Build the wire form of a mail by hand: every header, two parts, CRLF.

`email.policy.SMTP` turns a long List-Unsubscribe into an encoded-word and does not
bring every Unicode subject back, so headers are written here; the tests read them back
with the standard library.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from digest.digests.plain import header_text, shorten
from digest.digests.quoted import SOFT_BREAK, base64_lines, excess_of, quote, unquote
from digest.errors import DeliveryError
from digest.model import Message, Rendered

_ATEXT = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+")
_ADDRESS = re.compile(r"[!#-'*+\-./0-9=?A-Z^-~]+@[A-Za-z0-9.\-]+")
_LIST_ID = re.compile(r"[A-Za-z0-9._\-]+")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.\-]+>")
_URI = re.compile(r"[!#-;=?-~]+")
_FEEDBACK_ID = re.compile(r"[A-Za-z0-9._\-]+(?::[A-Za-z0-9._\-]+){3}")
_HEADER_WIDTH = 76
_MAX_NAME = 200


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


@dataclass(frozen=True, slots=True)
class Body:
    """One part of a mail in wire form; `content` ends where a line ends."""

    encoding: str
    content: bytes

    @classmethod
    def of_text(cls, text: str) -> Body:
        """Encode a whole text."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        raw = len(text.encode("utf-8", errors="replace")) + text.count("\n")
        content = quote(text)
        return cls.of_quoted(content, prefer_base64=excess_of(len(content), raw) > 0)

    @classmethod
    def of_quoted(cls, content: bytes, *, prefer_base64: bool) -> Body:
        """Take what is quoted-printable already, or make base64 of it."""
        if prefer_base64:
            return cls("base64", base64_lines(unquote(content)))
        if content.endswith(SOFT_BREAK):
            content = content.removesuffix(SOFT_BREAK) + b"\r\n"
        return cls("quoted-printable", content)

    def decoded(self) -> str:
        """Return the text, its lines parted by line feeds."""
        if self.encoding == "base64":
            return binascii.a2b_base64(self.content).replace(b"\r\n", b"\n").decode()
        return unquote(self.content).decode()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A mail's subject and bodies; `html` is None where the reader wants text alone."""

    subject: str
    text: Body
    html: Body | None

    @classmethod
    def of(cls, rendered: Rendered) -> Encoded:
        """Encode a mail that was rendered whole."""
        return cls(rendered.subject, Body.of_text(rendered.text), Body.of_text(rendered.html))

    @property
    def size(self) -> int:
        """What the bodies take, in bytes."""
        return len(self.text.content) + (0 if self.html is None else len(self.html.content))

    def decoded(self) -> Rendered:
        """Return what a mail program reads; no HTML where there is none."""
        html = "" if self.html is None else self.html.decoded()
        return Rendered(subject=self.subject, text=self.text.decoded(), html=html)


def build_message(encoded: Encoded, *, headers: MailHeaders) -> Message:
    """Build the mail in wire form: text and HTML, or the text alone.

    Digests carry the List-* headers and one-click unsubscribing (RFC 2369, 2919, 8058);
    letters, whose `list_id` and links are empty, do not.

    Raises:
        DeliveryError: Permanent, where a header value would break the mail.
    """
    head = _header_lines(encoded.subject, headers)
    if encoded.html is None:
        content = b"".join((head, _part_head("plain", encoded.text), encoded.text.content))
    else:
        # "=_" stands in no body: both encodings write "=" otherwise (RFC 2045 §6.7).
        boundary = b"=_" + hashlib.sha256(headers.message_id.encode()).hexdigest()[:32].encode()
        content = b"".join(
            (
                head,
                b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n\r\n--%b\r\n'
                % (boundary, boundary),
                _part_head("plain", encoded.text),
                encoded.text.content,
                b"--%b\r\n" % boundary,
                _part_head("html", encoded.html),
                encoded.html.content,
                b"--%b--\r\n" % boundary,
            )
        )
    return Message(
        envelope_from=_address(headers.envelope_from) if headers.envelope_from else "",
        recipient=_address(headers.recipient),
        message_id=headers.message_id,
        content=content,
        has_no_dot_lines=True,
        is_7bit=True,
    )


def _part_head(subtype: str, body: Body) -> bytes:
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {body.encoding}\r\n\r\n"
    ).encode("ascii")


@lru_cache(maxsize=1 << 14)
def encode_phrase(text: str, *, header_name: str) -> str:
    """Write outside text as header value: as it is where it is plain, else encoded-words.

    The result may be folded over lines with CRLF; it reads back as `header_text(text)`.
    """
    clean = header_text(text)
    if clean.isascii() and len(header_name) + 2 + len(clean) <= 200:
        return clean
    header = Header(clean, charset="utf-8", header_name=header_name, maxlinelen=_HEADER_WIDTH)
    return header.encode(splitchars="", linesep="\r\n")


def _header_lines(subject: str, headers: MailHeaders) -> bytes:
    """Write the header, without the lines on the content."""
    if headers.date_at.tzinfo is None:
        raise ValueError("date_at must be aware")
    sender, whose, helped, last = _shared_lines(
        headers.sender, headers.reply_to, headers.list_id, headers.help_url
    )
    lines = [
        sender,
        f"To: {_address(headers.recipient)}\r\n",
        f"Subject: {encode_phrase(subject, header_name='Subject')}\r\n",
        f"Date: {_date(headers.date_at)}\r\n",
        f"Message-ID: {_checked(_MESSAGE_ID, headers.message_id, 'message id')}\r\n",
        whose,
    ]
    if headers.unsubscribe_url:
        # Not folded inside a URL, whatever its length: RFC 8058 wants it whole.
        lines.append(f"List-Unsubscribe: <{_uri(headers.unsubscribe_url)}>")
        if headers.unsubscribe_mailto:
            lines.append(f",\r\n <{_uri(headers.unsubscribe_mailto)}>")
        lines.append("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
    lines.append(helped)
    if headers.archive_url:
        lines.append(f"List-Archive: <{_uri(headers.archive_url)}>\r\n")
    if headers.feedback_id:
        proof = _checked(_FEEDBACK_ID, headers.feedback_id, "feedback id")
        lines.append(f"Feedback-ID: {proof}\r\n")
    lines.append(last)
    return "".join(lines).encode("ascii")


@lru_cache(maxsize=64)
def _shared_lines(
    sender: str, reply_to: str, list_id: str, help_url: str
) -> tuple[str, str, str, str]:
    """Write the lines that all mails of a sender share, in four runs by where they stand."""
    reply = f"Reply-To: {_mailbox(reply_to, header_name='Reply-To')}\r\n" if reply_to else ""
    listed = f"List-Id: <{_checked(_LIST_ID, list_id, 'list id')}>\r\n" if list_id else ""
    return (
        f"From: {_mailbox(sender, header_name='From')}\r\n",
        reply + listed,
        f"List-Help: <{_uri(help_url)}>\r\n" if help_url else "",
        "Auto-Submitted: auto-generated\r\n"
        + ("Precedence: bulk\r\n" if list_id else "")
        + "MIME-Version: 1.0\r\n",
    )


@lru_cache(maxsize=1024)
def _date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC))


def _mailbox(text: str, *, header_name: str) -> str:
    """Write `Name <address>` with the name quoted or encoded as it needs."""
    name, address = parseaddr(text)
    address = _address(address)
    clean = shorten(header_text(name), _MAX_NAME)
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


def _uri(uri: str) -> str:
    return _checked(_URI, uri, "link")


def _checked(shape: re.Pattern[str], value: str, what: str) -> str:
    if len(value) > 900 or not shape.fullmatch(value):
        raise DeliveryError(f"this {what} cannot stand in a mail: {value[:80]!r}", permanent=True)
    return value
