"""The command line: one module per noun, on the frame of `frame.py`."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage.

    Args:
        argv: The words after `digest`; None for those of this process.
    """
    from digest.cli.app import run_command_line

    return run_command_line(argv)
