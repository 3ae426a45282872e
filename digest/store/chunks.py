"""Cutting ids into lists that fit one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

_T = TypeVar("_T")
_CHUNK = 10_000


def chunks(values: Collection[_T]) -> Iterator[list[_T]]:
    """Cut values into lists that fit one statement."""
    whole = list(values)
    for start in range(0, len(whole), _CHUNK):
        yield whole[start : start + _CHUNK]
