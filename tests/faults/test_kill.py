"""A sending process is killed with SIGKILL, and another one goes on after the lease."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digest.clock import fixed_clock
from digest.delivery.run import DeliverCounts, deliver
from digest.delivery.smtp import SmtpTransport
from digest.store.engine import Store
from tests.support.ledger_world import (
    MONDAY,
    PlainComposer,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    counts,
    message_ids,
    smtp_settings,
)
from tests.support.smtp_server import SmtpServer, smtp_server

ROOT = Path(__file__).resolve().parents[2]
AFTER_LEASE = MONDAY + timedelta(minutes=15)
DEADLINE_S = 60


def start_child(database_url: str, server: SmtpServer, *point: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.support.deliver_child",
            database_url,
            str(server.port),
            MONDAY.isoformat(),
            *point,
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def deliver_here(store: Store, server: SmtpServer, at: datetime) -> DeliverCounts:
    settings = smtp_settings(server.port)
    return asyncio.run(
        deliver(
            store,
            clock=fixed_clock(at),
            settings=settings,
            composer=PlainComposer(),
            transport=SmtpTransport(settings.smtp),
            message_ids=message_ids("here"),
        )
    )


@pytest.mark.parametrize("accepted_before", [1, 90])
def test_kill_in_the_middle_of_200_digests(
    store: Store, database_url: str, accepted_before: int
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 200)

    with smtp_server() as server:
        server.on("RCPT", "250 2.1.5 ok", delay_s=0.01)
        child = start_child(database_url, server)
        deadline = time.monotonic() + DEADLINE_S
        while sum(server.accepted.values()) < accepted_before and time.monotonic() < deadline:
            time.sleep(0.001)
        child.kill()
        child.wait()
        accepted = sum(server.accepted.values())
        too_early = deliver_here(store, server, MONDAY)
        result = deliver_here(store, server, AFTER_LEASE)
        again = deliver_here(store, server, AFTER_LEASE + timedelta(hours=1))

    assert accepted_before <= accepted < 200
    assert too_early.queued > 0
    total = counts(store)
    assert (total.prepared, total.queued, total.failed, total.bounced) == (200, 0, 0, 0)
    assert total.sent + total.unknown == 200
    assert total.unknown <= 3
    assert set(server.accepted.values()) == {1}
    assert sum(server.accepted.values()) >= total.sent
    assert result.queued == 0
    assert again == DeliverCounts()
    assert_all_accounted_for(store)


@pytest.mark.parametrize(
    ("point", "unknown", "accepted_by_child"),
    [
        ("claimed", 0, range(2)),
        ("before intent", 0, range(2)),
        ("after intent", 3, range(2)),
        # One whose outcome passed, and one on each of the three lanes.
        ("before outcome", 3, range(1, 5)),
    ],
)
def test_kill_at_each_side_of_each_commit(
    store: Store, database_url: str, point: str, unknown: int, accepted_by_child: range
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 12)

    with smtp_server() as server:
        child = start_child(database_url, server, point)
        assert child.wait(timeout=DEADLINE_S) == -9
        assert sum(server.accepted.values()) in accepted_by_child
        deliver_here(store, server, AFTER_LEASE)

    total = counts(store)
    assert (total.prepared, total.queued) == (12, 0)
    assert total.sent + total.unknown == 12
    assert total.unknown <= max(unknown, 2)
    assert set(server.accepted.values()) == {1}
    assert_all_accounted_for(store)
