"""`make faults`: 2,000 seeded crash points; `make faults SEED=17` runs one of them alone."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.support.faults.campaign import run_campaign, table
from tests.support.faults.points import DATABASES, Database


def main() -> int:
    """Run the points asked for; return 1 if the oracle found anything wrong."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this point alone, and tell what it is")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--database", choices=[one.value for one in Database])
    words = parser.parse_args()
    databases = (Database(words.database),) if words.database else DATABASES
    seeds = (
        range(words.first, words.first + words.points)
        if words.seed is None
        else range(words.seed, words.seed + 1)
    )
    began = time.monotonic()
    results = run_campaign(
        seeds, databases, jobs=min(words.jobs, len(seeds)), verbose=words.seed is not None
    )
    wrong = [one for one in results if one.verdict.wrong]
    missed = [one.point.seed for one in results if not one.died and not one.verdict.wrong]
    print(table(results))
    print(f"seeds {seeds[0]} to {seeds[-1]}, {time.monotonic() - began:.0f} s")
    if missed:
        print(f"not reached, so no crash: seeds {missed}")
    for one in wrong:
        print(f"rerun: make faults SEED={one.point.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
