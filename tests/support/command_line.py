"""Run a command in this process, in a folder of its own, and look at what it said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from digest.cli import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document of stdout."""
        return json.loads(self.out)

    @property
    def causes(self) -> list[str]:
        """The lines of stderr."""
        return self.err.splitlines()


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Runs `digest` in `folder`, where its configuration and database are."""

    folder: Path
    captured: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Said:
        """Run one command."""
        self.captured.readouterr()
        code = main(words)
        said = self.captured.readouterr()
        return Said(code=code, out=said.out, err=said.err)

    def configure(self, text: str) -> None:
        """Write the configuration that the commands find."""
        path = self.folder / "config" / "digest.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
