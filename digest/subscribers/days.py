"""On which days a subscriber wants their digest: read, written, and said to people."""

from __future__ import annotations

from collections.abc import Iterable

from digest.errors import UsageError

DAILY = frozenset(range(7))
WEEKDAYS = frozenset(range(5))
WEEKLY = frozenset({0})
"""Weekly is Monday."""

_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CODES = tuple(name[:3].lower() for name in _NAMES)
_WORDS = {"daily": DAILY, "weekdays": WEEKDAYS, "weekly": WEEKLY}
_DAYS = {
    **{name.lower(): number for number, name in enumerate(_NAMES)},
    **{code: number for number, code in enumerate(_CODES)},
}


def parse_days(text: str) -> frozenset[int]:
    """Read `daily`, `weekdays`, `weekly`, or days such as `mon,thu`; case does not count.

    Returns:
        Days of the week, 0 is Monday.

    Raises:
        UsageError: Naming what is none of these.
    """
    folded = text.strip().lower()
    if folded in _WORDS:
        return _WORDS[folded]
    parts = [part for part in folded.replace(";", ",").replace(" ", ",").split(",") if part]
    wrong = next((part for part in parts if part not in _DAYS), None)
    if wrong is not None or not parts:
        raise UsageError(
            f"days {wrong or text!r}: write daily, weekdays, weekly, or days such as mon,thu"
        )
    return frozenset(_DAYS[part] for part in parts)


def days_code(weekdays: Iterable[int]) -> str:
    """Write days so that `parse_days` reads them back: `weekdays`, `mon,thu`."""
    days = frozenset(weekdays)
    for word, meaning in _WORDS.items():
        if days == meaning:
            return word
    return ",".join(_CODES[day] for day in sorted(days))


def format_days(weekdays: Iterable[int]) -> str:
    """Say days to a person: "every day", "on weekdays", "on Mondays and Thursdays"."""
    days = frozenset(weekdays)
    if days == DAILY:
        return "every day"
    if days == WEEKDAYS:
        return "on weekdays"
    names = [f"{_NAMES[day]}s" for day in sorted(days)]
    if len(names) == 1:
        return f"on {names[0]}"
    return f"on {', '.join(names[:-1])} and {names[-1]}"
