"""The API keeps to its OpenAPI document, whatever it is sent (schemathesis)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.live_site import served
from tests.support.site_world import add_day, open_site

# Left out: a query in our own language may be refused although it fits the schema
# (positive_data_acceptance), and Allow names the first method of a path only.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,negative_data_rejection"
)


def test_the_api_keeps_to_its_document(tmp_path: Path, database_url: str) -> None:
    command = Path(os.environ.get("SCHEMATHESIS", Path(sys.executable).parent / "schemathesis"))
    if not command.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("CI has no schemathesis, though it installs it")
        pytest.skip("no schemathesis here: set SCHEMATHESIS to its command")
    # A body past the limit of all pages is refused before it is read.
    (tmp_path / "schemathesis.toml").write_text(
        "[checks.negative_data_rejection]\nexpected-statuses = [400, 401, 404, 405, 413, 422]\n",
        encoding="utf-8",
    )
    # The clock stands still here, so that what is used up would never come back.
    world = open_site(database_url, previews_per_minute=1_000_000)
    add_day(world.store)

    with served(world.app) as origin:
        done = subprocess.run(
            [
                *(str(command), "run", f"{origin}/api/openapi.json", "--url", f"{origin}/api"),
                *("--checks", CHECKS, "--max-examples", "40", "--seed", "6"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    world.store.close()

    assert done.returncode == 0, done.stdout[-4_000:]
