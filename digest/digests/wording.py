"""Dates, counts, names and times, written for people."""

from __future__ import annotations

from datetime import date

from digest.digests.plain import one_line, shorten
from digest.model import Schedule
from digest.subscribers.days import format_days

MAX_NAME = 60
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NUMBERS = (
    *("No", "One", "Two", "Three", "Four", "Five", "Six"),
    *("Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"),
)


def long_date(day: date) -> str:
    """Write a date as "Tuesday 3 February 2026"."""
    return f"{WEEKDAY_NAMES[day.weekday()]} {day.day} {MONTH_NAMES[day.month - 1]} {day.year}"


def short_day(day: date) -> str:
    """Write a date as "Tue 3 Feb"."""
    return f"{WEEKDAY_NAMES[day.weekday()][:3]} {day.day} {MONTH_NAMES[day.month - 1][:3]}"


def number_word(count: int) -> str:
    """Write a count up to twelve as a capitalised word, a larger one with separators."""
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"


def schedule_sentence(schedule: Schedule) -> str:
    """Say when digests come: "You get this at 08:00 (Europe/Paris) on weekdays."."""
    days = format_days(schedule.weekdays)
    return f"You get this at {schedule.hour:02d}:00 ({schedule.timezone}) {days}."


def short_authors(authors: tuple[str, ...]) -> str:
    """Name up to three authors, or two and how many more.

    Names written with a comma ("Lovelace, A.") are parted by semicolons.
    """
    names = [shorten(clean, MAX_NAME) for clean in map(one_line, authors) if clean]
    separator = "; " if any("," in name for name in names) else ", "
    if len(names) <= 3:
        return separator.join(names)
    return f"{names[0]}{separator}{names[1]} and {len(names) - 2:,} more"
