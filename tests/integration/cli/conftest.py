"""A command line in a folder of its own, without feeds unless a test adds some."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from digest.demo import run_demo
from tests.support.command_line import CommandLine


@pytest.fixture
def logs_as_they_were() -> Iterator[None]:
    """Commands set up the logs of their process, which here is that of all tests."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def digest(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    logs_as_they_were: None,
) -> CommandLine:
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    command_line = CommandLine(tmp_path, capsys)
    command_line.configure("")
    return command_line


@pytest.fixture
def demo_feeds() -> Path:
    return Path(__file__).resolve().parents[3] / "config" / "demo"


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that was played to its end."""
    folder = tmp_path_factory.mktemp("played")
    run_demo(folder, on_day=lambda _day: None)
    return folder


@pytest.fixture
def after_demo(digest: CommandLine, played: Path) -> CommandLine:
    """A command line whose database is that of the demo, on Wednesday evening."""
    shutil.copytree(played, digest.folder / "var")
    return digest
