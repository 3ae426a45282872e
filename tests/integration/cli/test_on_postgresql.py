"""The commands, and several processes at once, with the store on PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from digest.clock import fixed_clock
from digest.demo.server import SampleFeeds, serve_samples
from digest.service import open_service
from digest.settings import load_settings
from digest.store import Store, ledger
from tests.support.command_line import CommandLine
from tests.support.databases import new_postgresql
from tests.support.ledger_world import add_papers, add_subscribers
from tests.support.smtp_server import smtp_server

DEADLINE_S = 90
BASELINE, TUESDAY = "2026-02-02T05:30:00Z", "2026-02-03T05:30:00Z"
SIGNED_UP, MORNING = "2026-02-02T14:00:00Z", "2026-02-03T08:00:00Z"
ADA = (
    '{"email": "ada@example.org", "keywords": ["agents", "diffusion", "language model*"],'
    ' "timezone": "UTC", "hour": 7}\n'
)


@pytest.fixture
def samples(demo_feeds: Path) -> Iterator[SampleFeeds]:
    with serve_samples(SampleFeeds(folder=demo_feeds / "day0")) as served:
        yield served


def test_the_whole_way_on_postgresql(
    digest: CommandLine, samples: SampleFeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest.configure(
        "[feeds]\nallow_private_addresses = true\n"
        f'[[feed]]\nname = "hf-daily"\nurl = "{samples.base_url}/hf-daily.json"\n'
        f'[[feed]]\nname = "arxiv"\nurl = "{samples.base_url}/arxiv.xml"\n'
    )
    (digest.folder / "people.jsonl").write_text(ADA, encoding="utf-8")
    with new_postgresql(migrated=False) as url:
        monkeypatch.setenv("DIGEST_DATABASE__URL", url)

        upgraded = digest("db", "upgrade", "--json")
        checked = digest("check", "--json")
        baseline = digest("feeds", "poll", "--at", BASELINE, "--json")
        imported = digest(
            "subscribers", "import", "people.jsonl", "--confirmed", "--at", SIGNED_UP, "--json"
        )
        samples.folder = samples.folder.with_name("day1")
        polled = digest("feeds", "poll", "--at", TUESDAY, "--json")
        delivered = digest("deliver", "--at", MORNING, "--json")
        again = digest("deliver", "--at", MORNING, "--json")
        listed = digest("deliveries", "list", "--json")
        (delivery,) = listed.document["deliveries"]
        why = digest("why", "ada@example.org", delivery["papers"][0], "--at", MORNING, "--json")
        matched = digest("match", "agents", "--at", MORNING, "--json")
        found = digest("papers", "search", "agents", "--at", MORNING, "--json")
        status = digest("db", "status", "--json")
        pages = _pages(digest.folder, delivery["papers"][0])

    assert [one.code for one in (upgraded, checked, baseline, imported, polled, delivered)] == [
        *([0] * 6)
    ]
    assert imported.document["imported"] == 1
    assert polled.document["new_papers"] > 0
    assert (delivered.document["prepared"], delivered.document["sent"]) == (1, 1)
    assert again.document["prepared"] == 0
    assert delivery["state"] == "sent"
    assert len(list((digest.folder / "var" / "outbox").glob("*.eml"))) == 1
    assert why.document["verdict"] != ""
    assert "sent" in why.out
    assert matched.document["total"] > 0
    assert found.document["papers"] != []
    assert status.document["database"].startswith("postgresql+psycopg://")
    assert status.document["rows"]["delivery"] == 1
    assert pages == {"/": 200, "/papers": 200, "/papers?q=agents": 200, "paper": 200, "/tags": 200}


def _pages(folder: Path, alias: str) -> dict[str, int]:
    service = open_service(
        load_settings(folder / "config" / "digest.toml"),
        clock=fixed_clock(datetime.fromisoformat(MORNING)),
    )
    client = TestClient(service.web_app(), base_url=service.settings.service.base_url)
    names = {name: name for name in ("/", "/papers", "/papers?q=agents", "/tags")}
    answers = {
        name: client.get(path).status_code
        for name, path in {**names, "paper": f"/papers/{alias}"}.items()
    }
    service.close()
    return answers


@dataclass
class Running:
    """A process that stays, and the file that it logs to."""

    process: subprocess.Popen[bytes]
    file: Path

    @property
    def log(self) -> str:
        return self.file.read_text(encoding="utf-8")

    def end(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


def start(folder: Path, url: str, command: str, name: str, **settings: str) -> Running:
    environ = {name: value for name, value in os.environ.items() if "DIGEST_" not in name}
    file = folder / f"{name}.log"
    with file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "digest", command],
            cwd=folder,
            env={**environ, "DIGEST_DATABASE__URL": url, "PYTHONUNBUFFERED": "1", **settings},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    return Running(process, file)


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.1)


def test_two_workers_hand_each_digest_off_once(digest: CommandLine, postgresql_url: str) -> None:
    now = datetime.now(UTC)
    store = Store(postgresql_url)
    add_papers(store, 3, opened_at=now - timedelta(hours=2))
    add_subscribers(store, 300, next_digest_at=now - timedelta(minutes=1))

    with smtp_server() as server:
        server.on("RCPT", "250 2.1.5 ok", delay_s=0.05)
        relay = {
            "DIGEST_MAIL__TRANSPORT": "smtp",
            "DIGEST_SMTP__HOST": "127.0.0.1",
            "DIGEST_SMTP__PORT": str(server.port),
            "DIGEST_SMTP__SECURITY": "none",
            "DIGEST_SMTP__CONNECTIONS": "2",
        }
        workers = [
            start(digest.folder, postgresql_url, "worker", name, **relay) for name in ("a", "b")
        ]
        wait_until(lambda: len(server.accepted) == 300)
        codes = [one.end() for one in workers]

    with store.read() as tx:
        deliveries = [entry.delivery for entry in ledger.list_entries(tx)]
    store.close()
    assert codes == [0, 0]
    assert len(server.accepted) == 300
    assert set(server.accepted.values()) == {1}
    assert {(one.state.value, one.fence, one.attempts) for one in deliveries} == {("sent", 1, 1)}
    handed_off = [one.log.count("handed off") for one in workers]
    assert min(handed_off) > 0
    assert sum(handed_off) == 300


def test_of_two_schedulers_one_polls(
    digest: CommandLine, samples: SampleFeeds, postgresql_url: str
) -> None:
    digest.configure(
        "[feeds]\nallow_private_addresses = true\n"
        f'[[feed]]\nname = "hf-daily"\nurl = "{samples.base_url}/hf-daily.json"\n'
    )
    told = ("elected to tick", "another process ticks")
    first, second = (
        start(digest.folder, postgresql_url, "scheduler", name) for name in ("first", "second")
    )

    wait_until(lambda: all(any(word in one.log for word in told) for one in (first, second)))
    wait_until(lambda: "feeds polled" in first.log + second.log)
    codes = [first.end(), second.end()]

    assert codes == [0, 0]
    assert sorted(one.log.count("elected to tick") for one in (first, second)) == [0, 1]
    assert sorted(one.log.count("feeds polled") for one in (first, second)) == [0, 1]
