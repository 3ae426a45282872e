"""What a sender is told to do, and what it writes down for whoever outlives it."""

from __future__ import annotations

import json
import os
import resource
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one sender is to do.

    Args:
        url: Of the database.
        port: Of the server on loopback.
        runs: ISO instants; at each, all that is owed is delivered once.
        notes: File to which it writes what happened, a JSON document a line.
        policy: `unknown_policy`.
        connections: To the server.
        hook: Where it ends, None for nowhere.
        nth: At which passing of the hook.
        part: For a send: how much of it is written before.
        signal_number: With which signal it ends itself, 0 for `os._exit`.
        meddle: What somebody does to the database after a commit, None for nothing.
        meddle_nth: After which.
        one: Reader, or paper that goes.
        other: Paper that it becomes.
        sabotage: How the engine is broken on purpose, None for not at all.
    """

    url: str
    port: int
    runs: tuple[str, ...]
    notes: str
    policy: str = "hold"
    connections: int = 3
    hook: str | None = None
    nth: int = 1
    part: float = 0.0
    signal_number: int = 0
    meddle: str | None = None
    meddle_nth: int = 1
    one: int = 0
    other: int = 0
    sabotage: str | None = None

    def to_json(self) -> str:
        """Write it for `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, document: str) -> Task:
        """Read what `to_json` wrote."""
        read: dict[str, Any] = json.loads(document)
        return cls(**{**read, "runs": tuple(read["runs"])})


def note(task: Task, document: dict[str, Any]) -> None:
    """Write down what happened; it is on file before this returns."""
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (allowed[1], allowed[1]))
    file = os.open(task.notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(document).encode() + b"\n")
    finally:
        os.close(file)
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)


def notes_of(task: Task) -> list[dict[str, Any]]:
    """Read what a sender wrote down."""
    path = Path(task.notes)
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]
