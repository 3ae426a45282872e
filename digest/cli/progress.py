"""One line on stderr that says how far long work is; only on a terminal, only when slow."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from digest.cli.output import shorten

_PATIENCE_S = 1.0
_REDRAW_S = 0.1


class Progress:
    """A line that is redrawn in place, and wiped at the end.

    Args:
        what: What is being done ("polling").
        total: How many steps there will be, or None.
    """

    def __init__(self, what: str, *, total: int | None = None) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._shown = False
        self._next_draw = time.monotonic() + _PATIENCE_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def step(self, label: str = "", *, done: int | None = None) -> None:
        """Say that one more is done, or that `done` are."""
        self._done = self._done + 1 if done is None else done
        if not sys.stderr.isatty() or time.monotonic() < self._next_draw:
            return
        self._next_draw = time.monotonic() + _REDRAW_S
        of = f" of {self._total:,}" if self._total is not None else ""
        line = shorten(f"{self._what}: {self._done:,}{of} {label}".rstrip(), 78)
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
        self._shown = True
