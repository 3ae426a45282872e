"""Outside text, made harmless for one line of a mail, and links that may be followed.

Feeds are cleaned when they are read; what stands here holds even for a text that came
another way.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

MAX_URL = 1800
"""Longer links are dropped, so that a line of a plain text mail stays below 998 bytes
once encoded."""

_LONG_WORD = 40
# Joiners shape letters and emoji; every other format character only hides something.
_KEPT_FORMAT = frozenset("\u200c\u200d")
_UNSAFE_IN_URL = frozenset("<>\"'`{}|\\^")


def one_line(text: str) -> str:
    """Return `text` on one line, without control, bidi or other invisible characters."""
    # All white space parts words, whatever its category.
    line = " ".join(text.split())
    if line.isprintable():
        return line
    kept = []
    for char in text:
        category = unicodedata.category(char)
        if category in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif category in ("Cs", "Cn") or (category == "Cf" and char not in _KEPT_FORMAT):
            continue
        else:
            kept.append(char)
    return " ".join("".join(kept).split())


def header_text(text: str) -> str:
    """Return `text` fit for a header: one line in which nothing looks encoded.

    An `=?` of a feed would be decoded by whoever reads the header, and with it line
    breaks and headers of its choice (CVE-2024-6923).
    """
    clean = one_line(text)
    while "=?" in clean:
        clean = clean.replace("=?", "= ?")
    return clean


def shorten(text: str, limit: int) -> str:
    """Cut `text` at a word to at most `limit` characters, the ellipsis included."""
    if len(text) <= limit:
        return text
    if limit < 3:
        return ""
    room = text[: limit - 1]
    cut = room.rfind(" ")
    # Scripts without spaces, and very long words, are cut where the room ends.
    head = room[: cut if cut > 0 and limit - cut <= _LONG_WORD else limit - 2]
    return f"{head.rstrip(' ,;:.–—-')}\u00a0…"  # never a lone ellipsis on a line


def safe_url(url: str | None) -> str | None:
    """Return `url` if it is an http or https address that may stand in a link, else None."""
    if not url:
        return None
    clean = url.strip()
    if len(clean) > MAX_URL or any(
        char in _UNSAFE_IN_URL or char.isspace() or unicodedata.category(char)[0] == "C"
        for char in clean
    ):
        return None
    try:
        parts = urlsplit(clean)
        host = parts.hostname
    except ValueError:
        return None
    return clean if parts.scheme in ("http", "https") and host else None
