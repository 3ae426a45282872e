"""Migrations, and which tables they make by hand, unknown to SQLAlchemy's metadata."""

from __future__ import annotations

import re

_BY_HAND = re.compile(r"paper_words(_\w+)?|delivery_paper_\d+")


def made_by_hand(name: str | None) -> bool:
    """Tell whether a table is of the full-text index, or a partition of another one."""
    return name is not None and _BY_HAND.fullmatch(name) is not None
