"""Plain text for people: aligned tables, counts, dates. Everything ends up on stdout."""

from __future__ import annotations

import csv
import io
import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

Cell = str | int | float | datetime | date | None

_ELLIPSIS = "…"
_FORMULA = frozenset("=+-@\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its heading, its side, and where long cells are cut.

    `max_width` is in terminal cells; None leaves the cells whole.
    """

    heading: str
    align: Literal["left", "right"] = "left"
    max_width: int | None = None


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, indent: str = "") -> str:
    """Lay out rows under headings; numbers belong in right-aligned columns."""
    cells = [
        [_fit(say(cell), column.max_width) for cell, column in zip(row, columns, strict=True)]
        for row in rows
    ]
    widths = [
        max([width_of(column.heading), *(width_of(row[place]) for row in cells)])
        for place, column in enumerate(columns)
    ]
    headings = [column.heading for column in columns]
    return "\n".join(indent + _line(row, columns, widths) for row in [headings, *cells])


def facts(pairs: Sequence[tuple[str, Cell]], *, indent: str = "") -> str:
    """Lay out names and values in two columns, leaving out what is None."""
    known = [(name, say(value)) for name, value in pairs if value is not None]
    widest = max((width_of(name) for name, _ in known), default=0)
    return "\n".join(
        f"{indent}{name}{' ' * (widest - width_of(name))}  {value}".rstrip()
        for name, value in known
    )


def say(value: Cell) -> str:
    """Write one value as a person reads it: 12,345 and 2026-02-03 08:00 UTC."""
    match value:
        case None:
            return "-"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case int() | float():
            return f"{value:,}"
        case date():
            return value.isoformat()
    return printable(value)


def count(number: int, singular: str, plural: str = "") -> str:
    """Write a count with its noun: `1 paper`, `1,204 papers`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def printable(text: str) -> str:
    """Replace what could move the cursor or turn the writing direction by a space."""
    return "".join(
        " " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") else sign for sign in text
    )


def width_of(text: str) -> int:
    """Count the terminal cells of a text: wide signs take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def shorten(text: str, cells: int) -> str:
    """Cut a text to so many terminal cells, with an ellipsis where something is lost."""
    return _fit(printable(text), cells)


def document(content: Mapping[str, Any]) -> str:
    """Write one JSON document, escaped where stdout could not write all signs."""
    utf8 = (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
    return json.dumps(content, ensure_ascii=not utf8, indent=2, default=_json_value)


def csv_lines(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV under a heading, instants as in JSON.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        cells = [row[name] for name in names]
        texts = ["" if one is None else str(_plain_value(one)) for one in cells]
        writer.writerow(
            [f"'{text}" if text.startswith(tuple("=+-@\t")) else text for text in texts]
        )
    return file.getvalue().rstrip("\n")


def _plain_value(value: object) -> object:
    return value if isinstance(value, str | int) else _json_value(value)


def tolerate_narrow_terminals() -> None:
    """Let signs that a terminal cannot write become `?` instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _json_value(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Path():
            return str(value)
        case frozenset() | set():
            return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _fit(text: str, cells: int | None) -> str:
    if cells is None or width_of(text) <= cells:
        return text
    kept, used = "", 0
    for sign in text:
        used += width_of(sign)
        if used > cells - 1:
            break
        kept += sign
    return kept.rstrip(" ,;:·") + _ELLIPSIS


def _line(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    padded = [
        " " * (width - width_of(cell)) + cell
        if column.align == "right"
        else cell + " " * (width - width_of(cell))
        for cell, column, width in zip(row, columns, widths, strict=True)
    ]
    return "  ".join(padded).rstrip()
