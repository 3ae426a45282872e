"""Hold the floors of coverage: pure modules 95 %, the whole 90 %, branches counted.

Reads the data file that `make cover` has just written; prints both figures and the
modules that pull them down; exits 1 below a floor.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import coverage

WHOLE, PURE = 90.0, 95.0


def percent(rows: list[tuple[str, int, int]]) -> float:
    """Return the covered share of (name, covered, total) rows, in percent."""
    total = sum(row[2] for row in rows)
    return 100.0 * sum(row[1] for row in rows) / total if total else 100.0


def main() -> int:
    """Compare the measured coverage with the floors."""
    contracts = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    pure_names = next(
        tuple(contract["source_modules"])
        for contract in contracts["tool"]["importlinter"]["contracts"]
        if contract["name"].startswith("Pure")
    )
    data = coverage.Coverage()
    data.load()
    rows = []
    for file in data.get_data().measured_files():
        analysis = data._analyze(file)  # noqa: SLF001 (the public API has no branch counts)
        numbers = analysis.numbers
        module = str(Path(file).relative_to(Path.cwd()).with_suffix("")).replace("/", ".")
        covered = numbers.n_executed + numbers.n_executed_branches
        rows.append((module, covered, numbers.n_statements + numbers.n_branches))
    pure = [
        row for row in rows if any(row[0] == n or row[0].startswith(n + ".") for n in pure_names)
    ]
    for label, part, floor in (("whole", rows, WHOLE), ("pure modules", pure, PURE)):
        print(f"{label:<14}{percent(part):6.2f} %  (floor {floor:.0f} %)")  # noqa: T201
    weakest = sorted(rows, key=lambda row: percent([row]))[:12]
    for row in weakest:
        print(f"  {percent([row]):6.1f} %  {row[0]}")  # noqa: T201
    return 0 if percent(rows) >= WHOLE and percent(pure) >= PURE else 1


if __name__ == "__main__":
    sys.exit(main())
