"""Subscriber lines: JSONL and CSV as operators import them, and what they ask for.

Every physical line stands alone, so that an open quote or a broken object spoils
nothing but its own line.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from digest.errors import DigestError
from digest.subscribers.wanted import LineError, SubscriberLine, WantedSubscription, check_line

__all__ = ["LineError", "LineProblem", "ReadLine", "SubscriberLine", "parse_lines"]

_KEYS = tuple(field.name for field in fields(SubscriberLine))
_LISTS = ("tags", "keywords", "muted")
_NUMBERS = ("hour", "max_papers", "min_upvotes")
_MAX_LINE_LENGTH = 100_000
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLine:
    """A good line, with its number in the file (the first is 1)."""

    line: int
    wanted: WantedSubscription


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """A line that cannot be used, and why; `email` is empty where it was not readable."""

    line: int
    email: str
    error: str


def parse_lines(source: Iterable[bytes]) -> Iterator[ReadLine | LineProblem]:
    """Read subscriber lines, JSONL where the first line opens an object, else CSV.

    Args:
        source: Lines of the file in UTF-8, with or without a byte order mark.

    Yields:
        For each line that is not blank, what it asks for or what is wrong with it. When
        the header of a CSV file cannot be used, that one problem ends it.
    """
    header: tuple[str, ...] | None = None
    is_csv: bool | None = None
    for number, raw in enumerate(source, start=1):
        if number == 1 and raw.startswith(_UTF16_MARKS):
            yield LineProblem(line=1, email="", error="the file is UTF-16: save it as UTF-8")
            return
        try:
            text = _decoded(raw, first=number == 1)
            if not text.strip():
                continue
            if is_csv is None:
                is_csv = not text.lstrip().startswith("{")
            if not is_csv:
                yield _read(number, _from_json(text))
            elif header is None:
                header = _read_header(text)
            else:
                yield _read(number, _from_csv(text, header))
        except _HeaderError as exc:
            yield LineProblem(line=number, email="", error=str(exc))
            return
        except LineError as exc:
            yield LineProblem(line=number, email=exc.email, error=str(exc))


class _HeaderError(DigestError):
    """The header of a CSV file cannot be used."""


def _read(number: int, line: SubscriberLine) -> ReadLine | LineProblem:
    try:
        return ReadLine(line=number, wanted=check_line(line))
    except DigestError as exc:
        return LineProblem(line=number, email=line.email, error=str(exc))


def _decoded(raw: bytes, *, first: bool) -> str:
    if len(raw) > _MAX_LINE_LENGTH:
        raise LineError("", [f"the line is longer than {_MAX_LINE_LENGTH:,} bytes"])
    try:
        return raw.decode("utf-8-sig" if first else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as exc:
        raise LineError("", ["the line is not UTF-8"]) from exc


# ---- JSONL


def _from_json(text: str) -> SubscriberLine:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as exc:
        cause = getattr(exc, "msg", "nested too deeply")
        raise LineError("", [f"the line is not JSON: {cause}"]) from exc
    if not isinstance(data, dict):
        raise LineError("", ["the line is not a JSON object"])
    email = data.get("email")
    shown = email if isinstance(email, str) else ""
    problems = [f"unknown key {key!r}" for key in data if key not in _KEYS]
    if not isinstance(email, str):
        problems.append("email: must be a text" if "email" in data else "email: is missing")
    problems += [
        f"{key}: must be a list of texts"
        for key in _LISTS
        if data.get(key) is not None and not _is_text_list(data[key])
    ]
    problems += [
        f"{key}: must be a text"
        for key in ("timezone", "days")
        if data.get(key) is not None and not isinstance(data[key], str)
    ]
    problems += [
        f"{key}: must be a whole number"
        for key in _NUMBERS
        if data.get(key) is not None and type(data[key]) is not int
    ]
    if problems:
        raise LineError(shown, problems)
    return _line_of(data)


def _is_text_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


# ---- CSV


def _read_header(text: str) -> tuple[str, ...]:
    if text.lstrip().startswith("["):
        raise _HeaderError("write one JSON object a line, not one list")
    names = tuple(name.strip().lower() for name in _cells(text))
    unknown = [name for name in names if name not in _KEYS]
    if unknown:
        hint = ""
        if len(names) == 1 and any(sign in text for sign in ";\t"):
            hint = "; columns are separated by commas"
        raise _HeaderError(f"unknown column {unknown[0]!r}{hint}; known are {', '.join(_KEYS)}")
    if "email" not in names:
        raise _HeaderError("the header has no column 'email'")
    if len(set(names)) < len(names):
        raise _HeaderError("a column stands twice in the header")
    return names


def _from_csv(text: str, header: Sequence[str]) -> SubscriberLine:
    cells = _cells(text)
    if len(cells) > len(header):
        at = header.index("email")
        raise LineError(
            cells[at].strip(),
            [f"the line has {len(cells)} cells, the header {len(header)}"],
        )
    data: dict[str, Any] = {
        name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()
    }
    email = data.setdefault("email", "")
    for key in _LISTS:
        if key in data:
            data[key] = [part.strip() for part in data[key].split(";") if part.strip()]
    problems = []
    for key in _NUMBERS:
        if key in data:
            digits = data[key]
            if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
                problems.append(f"{key} {digits!r}: must be a whole number")
                continue
            data[key] = int(digits)
    if problems:
        raise LineError(email, problems)
    return _line_of(data)


def _cells(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True, skipinitialspace=True))
    except csv.Error as exc:
        raise LineError("", [f"the line is not CSV: {exc}"]) from exc


def _line_of(data: Mapping[str, Any]) -> SubscriberLine:
    values: dict[str, Any] = dict(data)
    for key in _LISTS:
        if values.get(key) is not None:
            values[key] = tuple(values[key])
    return SubscriberLine(**values)
