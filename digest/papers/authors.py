"""Split the author strings of feeds into names.

Feeds give one name an element, or all in one string in a dozen styles. Where a string
cannot be split honestly it is kept whole, as the display string it is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from digest.papers.text import clean_text

MAX_AUTHORS = 500
_MAX_STRING_CHARS = 40_000
_MAX_NAME_CHARS = 100
_MAX_NAME_WORDS = 7

_RSS_AUTHOR = re.compile(r"^[^\s@]{1,80}@[^\s@]{1,200}\s+\((?P<names>.+)\)$", re.DOTALL)
_INNERMOST_PARENTHESES = re.compile(r"\([^()]*\)")
_BLANKS = re.compile(r"[^\S\r\n]+")
_LINE_END = re.compile(r" ?[\r\n][\r\n ]*")
_HARD_SEPARATOR = re.compile(r"[;；、\n]|</?br\s*/?>", re.IGNORECASE)
_AND = re.compile(r",?\s+(?:and|&)\s+", re.IGNORECASE)
_ET_AL = re.compile(r"\bet\.? al(?:ii)?\b\.?\s*$", re.IGNORECASE)
# "D.", "A.S.", "J.-P.", "J. R. R." and "DJ": what stands after a comma in "Kukla, D."
_INITIALS = re.compile(r"^(?:[^\W\d_]\.[\s-]?|[^\W\d_]-)+[^\W\d_]?\.?$|^[A-Z]{1,3}$")
_TRAILING_INITIALS = re.compile(r"^(?P<family>\S.*?)\s+(?:[A-Z]{1,3}|(?:[A-Z]\.[\s-]?)+)$")
# "Joseph" or "de Araujo" before a comma is a family name; two CJK names are two people.
_FAMILY_ALONE = re.compile(r"^(?:[^\W\d_A-Z]{1,4}\s+)*(?![\u2e80-\uffef])\S+$")
_SUFFIX = re.compile(r"^(?:jr|sr|ii|iii|iv)\.?$", re.IGNORECASE)


def split_authors(raw: Sequence[str]) -> tuple[str, ...]:
    """Split author strings into names, in order.

    "A, B and C" gives three names, "Kukla, D., Crampton, A." two, "Brandão S, Saeedi
    H." two; affiliations in parentheses, addresses and "et al." are left out. At most
    500 names.
    """
    names: list[str] = []
    for text in raw:
        names.extend(_split_one(text[:_MAX_STRING_CHARS], alone=len(raw) == 1))
        if len(names) >= MAX_AUTHORS:
            break
    return tuple(names[:MAX_AUTHORS])


def family_name(author: str) -> str:
    """Return the family name of one author, as far as the writing tells it.

    "Kukla, D." and "Kukla D" and "Dana Kukla" give "Kukla".
    """
    if "," in author:
        return author.split(",", 1)[0].strip()
    found = _TRAILING_INITIALS.match(author)
    if found:
        return found["family"].strip()
    words = [word for word in author.split() if not _SUFFIX.match(word)]
    return words[-1] if words else author.strip()


def _split_one(raw: str, *, alone: bool) -> Iterable[str]:
    raw = html.unescape(raw)
    found = _RSS_AUTHOR.match(raw.strip())
    text = found["names"] if found else raw
    text = _LINE_END.sub("\n", _BLANKS.sub(" ", _without_affiliations(text)))
    parts = [part for part in _HARD_SEPARATOR.split(text) if part.strip(" ,")]
    if len(parts) > 1:
        # Wiley joins with ",\n"; a list of "Family, Given" may be joined with ";".
        return _kept(part.strip(" ,") for part in parts)
    line = clean_text(parts[0], max_chars=_MAX_STRING_CHARS) if parts else ""
    return _kept(_split_line(line, alone=alone))


def _split_line(text: str, *, alone: bool) -> list[str]:
    text = _ET_AL.sub("", text).strip(" ,")
    pieces = [piece.strip() for piece in _AND.sub(", ", text).split(",")]
    pieces = _join_suffixes([piece for piece in pieces if piece])
    if len(pieces) < 2:
        return pieces
    if len(pieces) % 2 == 0 and all(_INITIALS.match(piece) for piece in pieces[1::2]):
        return [f"{family}, {given}" for family, given in _pairs(pieces)]
    if len(pieces) == 2 and (not alone or _FAMILY_ALONE.match(pieces[0])):
        return [f"{pieces[0]}, {pieces[1]}"]
    if any(_overlong(piece) for piece in pieces):
        return [text]
    return pieces


def _pairs(pieces: Sequence[str]) -> Iterable[tuple[str, str]]:
    return zip(pieces[0::2], pieces[1::2], strict=True)


def _join_suffixes(pieces: Iterable[str]) -> list[str]:
    joined: list[str] = []
    for piece in pieces:
        if joined and _SUFFIX.match(piece):
            joined[-1] = f"{joined[-1]} {piece}"
        else:
            joined.append(piece)
    return joined


def _without_affiliations(text: str) -> str:
    """Take balanced parentheses out, from the innermost outwards."""
    for _ in range(4):
        shorter = _INNERMOST_PARENTHESES.sub(" ", text)
        if shorter == text:
            break
        text = shorter
    return text


def _kept(names: Iterable[str]) -> list[str]:
    """Clean names; addresses are no names, and what is left empty goes."""
    kept = []
    for name in names:
        words = [word for word in clean_text(name, max_chars=400).split() if "@" not in word]
        text = _ET_AL.sub("", " ".join(words)).strip(" ,;*†‡§")
        text = re.sub(r"(?<=[^\W\d_]{2})\.$", "", text)
        if any(sign.isalpha() for sign in text):
            kept.append(text)
    return kept


def _overlong(name: str) -> bool:
    return len(name) > _MAX_NAME_CHARS or len(name.split()) > _MAX_NAME_WORDS
