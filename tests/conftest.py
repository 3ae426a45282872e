"""What all tests share: the two databases (tests/README.md)."""

from __future__ import annotations

import os

import pytest

from tests.support.databases import (
    close_own,
    close_shared,
    database_url,
    postgresql_url,
    share_folder,
    sqlite_url,
    store,
)

__all__ = ["database_url", "postgresql_url", "sqlite_url", "store"]


def pytest_configure() -> None:
    share_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    del config
    close_own()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        close_shared()
