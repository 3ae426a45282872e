from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.store.engine import Store
from tests.support.faults.campaign import runner_in, working_folder
from tests.support.faults.runner import Runner
from tests.support.ledger_world import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """Runs crash points, with a warm process to fork senders from."""
    with working_folder() as folder, runner_in(folder, None, "faults") as made:
        yield made
