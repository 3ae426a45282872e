from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.databases import server_url
from tests.support.faults.campaign import runner_in, working_folder
from tests.support.faults.runner import Runner


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """Runs crash points, with a warm process to fork senders from."""
    url, name = server_url(), f"faults_{os.getpid()}"
    with working_folder() as folder, runner_in(folder, url, name) as made:
        yield made
