"""`python -m benchmarks [NAME]`: run one or all, print one table, write var/bench.json."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path

import benchmarks
from benchmarks.result import Result

_PARTS = {
    "__main__",
    "delivery_world",
    "ordinary_stack",
    "population",
    "result",
    "smtp_sinks",
}
"""Modules that measure nothing themselves."""

NAMES = sorted(
    module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name not in _PARTS
)


def main(names: list[str]) -> int:
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}")
        return 2
    results: list[Result] = []
    for name in names or NAMES:
        results += importlib.import_module(f"benchmarks.{name}").run()
    rows = [result.as_json() for result in results]
    _print(rows)
    target = Path("var/bench.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


def _print(rows: list[dict[str, object]]) -> None:
    table = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
