"""Mending the bytes of XML feeds before they are parsed. Pure.

Only what is common and certain is mended; everything else is left to the parser, which
forgives a great deal by itself.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from digest.feeds.formats.entries import MAX_AUTHORS

# What the document begins with, how much of that is a byte order mark, and what it means.
# UTF-32 stands before UTF-16, whose mark its own begins with.
_WIDE = (
    (codecs.BOM_UTF8, 3, "utf-8"),
    (codecs.BOM_UTF32_LE, 4, "utf-32-le"),
    (codecs.BOM_UTF32_BE, 4, "utf-32-be"),
    (codecs.BOM_UTF16_LE, 2, "utf-16-le"),
    (codecs.BOM_UTF16_BE, 2, "utf-16-be"),
    (b"<\0", 0, "utf-16-le"),
    (b"\0<", 0, "utf-16-be"),
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]{0,200}\?>")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._-]+)", re.IGNORECASE)
_LATIN = frozenset({"iso-8859-1", "iso8859-1", "latin-1", "latin1", "windows-1252", "cp1252"})
# feedparser looks for an e-mail address in each author with an expression that takes
# seconds on 40 KB.
_LONG_AUTHOR = re.compile(
    rb"(<(?:[\w.-]+:)?(?:author|creator|name|contributor|publisher|managingEditor|webMaster)\b"
    rb"[^<>]{0,500}>\s*(?:<!\[CDATA\[)?[^<]{%d})[^<\]]+" % MAX_AUTHORS
)
# References to halves of surrogate pairs and to NUL: one of them would lose the whole feed.
_IMPOSSIBLE_REFERENCE = re.compile(
    rb"&#(?:x0*(?:d[89a-f][0-9a-f]{2}|0)"
    rb"|0*(?:5529[6-9]|55[3-9]\d\d|56\d{3}|57[0-2]\d\d|573[0-3]\d|5734[0-3]|0));",
    re.IGNORECASE,
)
# feedparser keeps only the last of several identifiers (PubMed gives two or three).
_NEXT_IDENTIFIER = re.compile(rb"</dc:identifier>\s{0,200}<dc:identifier>")
IDENTIFIERS_JOINED_BY = " | "
_ENTRY = re.compile(rb"<(?:[\w.-]+:)?(?:item|entry)[\s>]", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_DOUBLE_DECLARATION = re.compile(rb"<\?xml\?xml[^>]{0,200}\?>")
_PREFIXED_TAG = re.compile(rb"<(/?)rss:(?=[A-Za-z])")
_PREFIXED_ATTRIBUTE = re.compile(rb"\srss:(?=[A-Za-z]+=)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """Bytes to parse, the character set the server named if it must be heeded, warnings."""

    body: bytes
    charset: str | None = None
    warnings: tuple[str, ...] = ()


def mend_encoding(body: bytes, content_type: str) -> Mended:
    """Settle which character set a document is in.

    A byte order mark wins, then what the document declares, then the server. UTF-8
    under a Latin-1 label is recognised, since other text is hardly ever valid UTF-8.
    """
    for mark, length, encoding in _WIDE:
        if body.startswith(mark):
            return _as_utf8(body[length:], encoding)
    declared = _DECLARED.match(body)
    name = declared[1].decode("ascii").lower() if declared else ""
    mislabelled = name in _LATIN and not body.isascii() and _is_utf8(body)
    if mislabelled or name.startswith(("utf-16", "utf-32")):
        return Mended(
            body=_DECLARATION.sub(b"", body, count=1),
            charset="utf-8",
            warnings=(f"declared as {name}, but not written in it",),
        )
    if not declared and not _is_utf8(body):
        served = _CHARSET.search(content_type)
        if served and _is_known(served[1]):
            return Mended(body=body, charset=served[1].lower())
    return Mended(body=body)


def cut_long_authors(body: bytes) -> bytes:
    """Cut author elements that would keep the parser busy for seconds."""
    return _LONG_AUTHOR.sub(rb"\1", body)


def drop_impossible_references(body: bytes) -> bytes:
    """Take out character references that name no character."""
    return _IMPOSSIBLE_REFERENCE.sub(b"", body)


def join_identifiers(body: bytes) -> bytes:
    """Make one element of `dc:identifier` elements that follow each other."""
    return _NEXT_IDENTIFIER.sub(IDENTIFIERS_JOINED_BY.encode("ascii"), body)


def mend_prefixed_rss(body: bytes) -> bytes | None:
    """Take an undeclared `rss:` prefix and a garbled declaration out; None if none is there."""
    if not _PREFIXED_TAG.search(body):
        return None
    plain = _DOUBLE_DECLARATION.sub(b"", body)
    return _PREFIXED_ATTRIBUTE.sub(b" ", _PREFIXED_TAG.sub(rb"<\1", plain))


def breaks_off(body: bytes) -> bool:
    """Tell whether the document ends inside an entry."""
    tail = body[-2_000_000:]
    opened = max(tail.rfind(b"<item"), tail.rfind(b"<entry"))
    closed = max(tail.rfind(b"</item"), tail.rfind(b"</entry"))
    return opened > closed


def holds_entries(body: bytes) -> bool:
    """Tell whether entries stand in the document, wherever; in comments they do not count."""
    return _ENTRY.search(_COMMENT.sub(b"", body)) is not None


def _as_utf8(body: bytes, encoding: str) -> Mended:
    text = body.decode(encoding, errors="replace")
    plain = _DECLARATION.sub(b"", text.encode("utf-8", errors="replace"), count=1)
    return Mended(body=plain, charset="utf-8")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_known(charset: str) -> bool:
    try:
        codecs.lookup(charset)
    except LookupError:
        return False
    return True
