"""Set text in columns for plain mails, with the wide characters of East Asia counted as two."""

from __future__ import annotations

import re
import unicodedata

WIDTH = 72
_SPACES = re.compile(r"[ \t\r\n]+")  # a no-break space holds its words together


def wrap(text: str, first: str = "", indent: int = 0) -> str:
    """Wrap text at 72 columns.

    Args:
        text: Any text; its white space counts as single spaces.
        first: A mark that stands in the indent of the first line, right-aligned when it
            is a number ("1.").
        indent: Columns before every line.
    """
    room = WIDTH - indent
    words = _SPACES.split(text.strip())
    line = " ".join(words)
    if len(line) <= room and columns(line) <= room:  # as most are
        return mark(first, indent) + line
    lines: list[str] = []
    line, used = "", 0
    for word in words:
        for part in _parts(word, room):
            width = columns(part)
            if line and used + 1 + width <= room:
                line, used = f"{line} {part}", used + 1 + width
                continue
            if line:
                lines.append(line)
            line, used = part, width
    lines.append(line)
    return mark(first, indent) + f"\n{' ' * indent}".join(lines)


def mark(first: str, indent: int) -> str:
    """Set the mark of a first line into its indent, right-aligned when it is a number."""
    return f"{first:>{indent - 1}} " if first[:1].isdigit() else f"{first:<{indent}}"


def columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    # Below the first combining character only the soft hyphen is not one column wide.
    if text.isascii() or (max(text) < "\u0300" and "\u00ad" not in text):
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _parts(word: str, room: int) -> list[str]:
    """Break a word that is wider than a line."""
    if columns(word) <= room:
        return [word]
    parts: list[str] = []
    part, used = "", 0
    for char in word:
        width = _columns(char)
        if used + width > room:
            parts.append(part)
            part, used = "", 0
        part += char
        used += width
    return [*parts, part]
