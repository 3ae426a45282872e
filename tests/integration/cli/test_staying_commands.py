"""The processes that stay, as processes: started, asked, told to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine

GRACE_S = 60
"""For a busy machine; the process itself promises 30 s after the signal."""


@contextmanager
def started(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start `digest …` and wait until it says that it is running."""
    environ = {name: value for name, value in os.environ.items() if "DIGEST_" not in name}
    process = subprocess.Popen(
        [sys.executable, "-m", "digest", *words, "--json"],
        cwd=folder,
        env={**environ, "DIGEST_WEB__PORT": "0", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.rstrip() == "}":
                break
        yield process, json.loads("".join(lines))
    finally:
        process.kill()
        process.communicate()


def get(url: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.status, answer.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_serves_the_site_and_exits_0_when_told_to_stop(
    digest: CommandLine, number: signal.Signals
) -> None:
    with started(digest.folder, "run") as (process, said):
        status, body = get(said["site"] + "/healthz")
        process.send_signal(number)
        _, errors = process.communicate(timeout=GRACE_S)

    assert status == 200
    assert json.loads(body) == {"status": "ok"}
    assert process.returncode == 0
    assert errors.splitlines()[-1] == "digest: stopped; nothing is in flight"
    assert "Traceback" not in errors


def test_run_finds_what_was_owed_while_it_was_down(digest: CommandLine, demo_feeds: Path) -> None:
    # The first digest was owed many periods ago, and nobody was there.
    digest(
        "subscribers", "add", "ada@example.org", "--keyword", "agents", "--confirmed",
        "--at", "2026-02-02T14:00:00Z",
    )  # fmt: skip

    with started(digest.folder, "worker", "--at", "2026-02-04T13:00:00Z") as (process, _said):
        assert process.stderr is not None
        for line in process.stderr:
            if '"delivered"' in line:
                break
        process.terminate()
        process.communicate(timeout=GRACE_S)

    rows = digest("deliveries", "list", "--json").document["deliveries"]
    assert process.returncode == 0
    assert [(row["period"], row["state"], row["reply"]) for row in rows] == [
        ("2026-02-04", "skipped", "nothing new"),
        ("2026-02-03", "skipped", "service was down"),
    ]


def test_run_in_this_process_says_where_things_are(
    digest: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port = chosen.getsockname()[1]
    monkeypatch.setenv("DIGEST_WEB__PORT", str(port))
    asked: list[int] = []

    def ask_and_stop() -> None:
        # Once the site answers, the signal is in the hands of the loop.
        while not asked:
            try:
                asked.append(get(f"http://127.0.0.1:{port}/healthz")[0])
            except OSError:
                time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask_and_stop)
    asking.start()
    said = digest("run")
    asking.join()

    assert said.code == 0
    assert asked == [200]
    assert said.out.splitlines() == [
        "Daily papers is running; Ctrl-C stops it",
        "",
        f"  site         http://127.0.0.1:{port}",
        "  database     sqlite:///var/digest.db",
        "  mail         outbox var/outbox",
        "  feeds        0",
        "  subscribers  0",
        "",
    ]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("scheduler", {"site": False, "mail": False, "feeds": True}),
        ("worker", {"site": False, "mail": True, "feeds": False}),
        ("web", {"site": True, "mail": False, "feeds": False}),
    ],
)
def test_the_parts_of_run_start_and_stop_alone(
    digest: CommandLine, command: str, shown: dict[str, bool]
) -> None:
    with started(digest.folder, command) as (process, said):
        process.terminate()
        process.communicate(timeout=GRACE_S)

    assert {name: said[name] is not None for name in shown} == shown
    assert process.returncode == 0


def test_a_port_in_use_is_told_in_one_line(
    digest: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(digest.folder, "web") as (_process, said):
        monkeypatch.setenv("DIGEST_WEB__PORT", said["site"].rpartition(":")[2])
        refused = digest("web")

    assert refused.code == 2
    assert len(refused.causes) == 1
    assert refused.causes[0].startswith("digest: web.port: 127.0.0.1:")
    assert refused.causes[0].endswith(" cannot be used: Address already in use")
