"""SIGTERM under load: hand-offs in flight end, the rest is given back, nothing is unknown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from digest.store.engine import Store
from tests.support.ledger_world import MONDAY, add_papers, add_subscribers, states
from tests.support.smtp_server import SmtpServer, smtp_server

ROOT = Path(__file__).resolve().parents[2]
READERS = 120
PROMISED_S = 30


def start(folder: Path, url: str, server: SmtpServer, *words: str) -> subprocess.Popen[bytes]:
    config = folder / "digest.toml"
    config.write_text(
        f'[service]\nsecret_key = "{"x" * 40}"\ndata_dir = "{folder}"\n'
        f'[database]\nurl = "{url}"\n[mail]\ntransport = "smtp"\n'
        f'[smtp]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n'
    )
    return subprocess.Popen(
        [sys.executable, "-m", "digest", "--config", str(config), *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("command", ["worker", "deliver"])
def test_sigterm_under_load_ends_what_is_in_flight_and_no_more(
    store: Store, database_url: str, tmp_path: Path, command: str
) -> None:
    add_papers(store, 3)
    add_subscribers(store, READERS)

    with smtp_server(pipelining=True) as server:
        server.on("CONTENT", "", delay_s=0.05)
        process = start(tmp_path, database_url, server, command, "--at", MONDAY.isoformat())
        deadline = time.monotonic() + 90
        while len(server.received) < 20 and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=PROMISED_S)
        server.wait_until_idle()
        accepted = len(server.received)
        after = Counter(states(store))
        server.rules.clear()
        rest = start(tmp_path, database_url, server, "deliver", "--at", MONDAY.isoformat()).wait(
            120
        )

    assert code == 0
    assert 20 <= accepted < READERS
    assert after == {"sent": accepted, "ready": READERS - accepted}
    assert rest == 0
    assert Counter(states(store)) == {"sent": READERS}
    assert set(server.accepted.values()) == {1}
