"""What a measurement gives."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row: `work` says what was done and `count` how often in `seconds` of CPU.

    `ratio` is how many times faster than `against` it was, where the two were compared.
    """

    name: str
    work: str
    count: int
    seconds: float
    peak_mb: int
    ratio: float | None = None
    against: str | None = None

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "work": self.work,
            "seconds": round(self.seconds, 4),
            "per_second": round(self.count / self.seconds) if self.seconds else None,
            "peak_mb": self.peak_mb,
            "ratio": None if self.ratio is None else round(self.ratio, 1),
            "against": self.against,
        }


def timed(work: Callable[[], Value]) -> tuple[Value, float]:
    """Do the work once and give its value and the seconds of CPU it took."""
    start = time.process_time()
    value = work()
    return value, time.process_time() - start


def peak_mb() -> int:
    """Give the most memory this process has held so far, in MB.

    Not `ru_maxrss` where that can be helped: on Linux a child begins with its parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        if found is not None:
            return int(found.group(1)) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
