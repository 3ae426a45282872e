"""Transfer encodings of mail bodies, in pieces that can be joined (RFC 2045 §6.7).

Quoted-printable is made piece by piece: every encoded piece begins and ends at the start
of a line, so that pieces of a body that are the same for many readers are encoded once
and joined to those that are personal. A soft line break at the end of a piece stands
for nothing. Whatever the text, no line starts with a dot (RFC 5321 §4.5.2 would double
it) or with "From " (mbox files would change it).
"""

from __future__ import annotations

import binascii
import re

SOFT_BREAK = b"=\r\n"

_WIDTH = 76
# What stands for itself, in a line short enough to be left whole.
_SHORT = 72
_PLAIN = re.compile(r"[!-<>-~](?:[ -<>-~]*[!-<>-~])?")
_UNSAFE_STARTS = (b".", b"From ")
# As `splitlines` and mail programs differ on other line ends, only these are any.
_LINE_ENDS = re.compile(r"\r\n?")


def quote(text: str) -> bytes:
    """Encode a piece of a body, ended so that any other piece may follow.

    Args:
        text: Its lines are parted by line feeds; it may begin and end within a line.
    """
    if (
        len(text) <= _SHORT
        and text.isascii()
        and _PLAIN.fullmatch(text)
        and not text.startswith((".", "From "))
    ):
        return text.encode("ascii") + SOFT_BREAK
    if not text:
        return b""
    if "\r" in text:
        text = _LINE_ENDS.sub("\n", text)
    encoded = binascii.b2a_qp(text.encode("utf-8", errors="replace"))
    if b"\n." in encoded or b"\nFrom " in encoded or encoded.startswith(_UNSAFE_STARTS):
        encoded = b"\n".join(_with_safe_start(line) for line in encoded.split(b"\n"))
    if not text.endswith("\n"):
        encoded += b"=\n"
    return encoded.replace(b"\n", b"\r\n")


def unquote(quoted: bytes) -> bytes:
    """Return the bytes that quoted-printable stands for, their lines ended by line feeds."""
    return binascii.a2b_qp(quoted).replace(b"\r\n", b"\n")


def base64_lines(body: bytes) -> bytes:
    """Encode a whole body as base64, whose text lines end in CRLF (RFC 2045 §6.8)."""
    raw = body.replace(b"\n", b"\r\n")
    encoded = binascii.b2a_base64(raw, newline=False)
    return b"\r\n".join(
        [*(encoded[at : at + _WIDTH] for at in range(0, len(encoded), _WIDTH)), b""]
    )


def excess_of(quoted: int, raw: int) -> int:
    """Weigh an encoding: above 0 where base64 is to be preferred.

    Quoted-printable can be read by people, and is preferred until it takes two fifths
    more than the text itself; scripts outside Latin take three times their bytes.
    """
    return quoted * 5 - raw * 7


def _with_safe_start(line: bytes) -> bytes:
    if not line.startswith(_UNSAFE_STARTS):
        return line
    start, rest = b"=%02X" % line[0], line[1:]
    if len(start) + len(rest) <= _WIDTH:
        return start + rest
    return start + b"=\n" + _with_safe_start(rest)
