"""Short forms that a paper defines itself: "Large Language Models (LLMs)".

The algorithm of Schwartz and Hearst (2003), "A simple algorithm for identifying
abbreviation definitions in biomedical text": letters of the short form are looked for
from right to left in the words before its parenthesis; its first letter begins a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PARENTHESIS = re.compile(r"\(([^()]{2,80})\)")
_SHORT = re.compile(r"[^\W_][\w.&/+-]{0,9}(?: [\w.&/+-]{1,9})?")
_STOP = re.compile(r"[.;:!?]\s|[()\[\]]")
_MAX_PAIRS = 16


def acronyms(text: str) -> tuple[tuple[str, str], ...]:
    """Give the short forms a text defines, each with its long form, as they stand there."""
    if "(" not in text:
        return ()
    pairs: dict[str, str] = {}
    for short, long in _definitions(text):
        pairs.setdefault(short, long)
        if len(pairs) == _MAX_PAIRS:
            break
    return tuple(pairs.items())


def _definitions(text: str) -> Iterator[tuple[str, str]]:
    for match in _PARENTHESIS.finditer(text):
        before = text[max(0, match.start() - 240) : match.start()].rstrip()
        inner = re.split(r"[,;]", match.group(1), maxsplit=1)[0].strip()
        if _is_short(inner):
            short, candidate = inner, _STOP.split(before)[-1]
        else:
            # The other way round: "LLM (large language model)".
            words = before.split()
            if not words or not _is_short(words[-1]):
                continue
            short, candidate = words[-1], inner
        long = _long_form(short, candidate)
        if long is None and short.endswith("s"):
            short = short[:-1]
            long = _long_form(short, candidate) if len(short) > 1 else None
        if long is not None:
            yield short, long


def _is_short(text: str) -> bool:
    """Tell whether a text looks like a short form; ours also has a capital or a digit."""
    return (
        2 <= len(text) <= 10
        and _SHORT.fullmatch(text) is not None
        and any(char.isupper() for char in text)
    )


def _long_form(short: str, candidate: str) -> str | None:
    """Find the shortest end of `candidate` that spells the short form."""
    words = candidate.split()
    candidate = " ".join(words[-min(len(short) + 5, 2 * len(short)) :])
    place = len(candidate)
    for number in range(len(short) - 1, -1, -1):
        char = short[number].lower()
        if not char.isalnum():
            continue
        place -= 1
        while place >= 0 and (
            candidate[place].lower() != char
            or (number == 0 and place > 0 and candidate[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return None
    long = candidate[place:]
    if len(long) <= len(short) or short.lower() in long.lower().split():
        return None
    return long
