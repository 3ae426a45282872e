"""Papers for the tests of matching."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from digest.model import Alias, Paper, PaperId

MakePaper = Callable[..., Paper]


@pytest.fixture
def make_paper() -> MakePaper:
    def make(
        title: str = "",
        abstract: str = "",
        *,
        number: int = 1,
        authors: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
        feeds: tuple[str, ...] = (),
        upvotes: int | None = None,
        published_on: date | None = None,
        first_seen_at: datetime = datetime(2026, 2, 2, tzinfo=UTC),
    ) -> Paper:
        return Paper(
            id=PaperId(number),
            alias=Alias(f"arxiv:2602.{number:05}"),
            title=title,
            abstract=abstract,
            authors=authors,
            tags=tags,
            feeds=feeds,
            upvotes=upvotes,
            published_on=published_on,
            first_seen_at=first_seen_at,
        )

    return make
