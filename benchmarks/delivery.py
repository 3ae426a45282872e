"""Handing off digests of 20 papers to a sink on loopback, the ledger on, beside simpler ways.

Each row runs in a process of its own; seconds are of the clock on the wall, since the
sink, the database and the sender share the machine. `DIGESTS=2000 make bench
NAME=delivery` is a quick run; the full size is 20,000.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiosmtplib

from benchmarks import ordinary_stack
from benchmarks.delivery_world import NOW, PAPERS_EACH, bench_settings, database, populate
from benchmarks.result import Result, peak_mb
from benchmarks.smtp_sinks import HOST, SMTP_SOURCE, far_away, sink
from digest.delivery.lanes import Lanes
from digest.logs import configure_logs
from digest.model import Message
from digest.service import open_service
from digest.store import ledger
from digest.store.engine import Store

CONNECTIONS = 16
FAR_CONNECTIONS = 8
RTT_S = 0.02
_SAMPLE = 500


@dataclass(frozen=True, slots=True)
class Run:
    """What a run in a process of its own gave."""

    count: int
    seconds: float
    peak_mb: int

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def run() -> list[Result]:
    """Measure everything; `ratio` is against bare aiosmtplib unless the row says otherwise."""
    count = int(os.environ.get("DIGESTS", "20000"))
    with database("SQLite") as url:
        messages = _alone(sample_messages, url)
    size = sum(len(one.content) for one in messages) // len(messages)
    rows = list(_near(count, messages, size))
    rows += _far(max(count // 10, 200), messages)
    return rows


def _near(count: int, messages: list[Message], size: int) -> Iterator[Result]:
    with sink() as port:
        bare = _alone(send_bare, messages, port, CONNECTIONS, count // 4)
        ordinary = Run(*_alone(ordinary_stack.send, port, CONNECTIONS, min(count, 300)))
        source = _smtp_source(port, size, count)
        engines = {}
        for kind in ("SQLite", "PostgreSQL"):
            for part in (count // 4, count):
                engines[kind, part] = _engine(kind, port, CONNECTIONS, part)
    about = f"{PAPERS_EACH} papers, {size // 1000} KB, {CONNECTIONS} connections"
    yield _row(f"bare aiosmtplib sendmail, no ledger ({about})", bare)
    yield _row("ordinary stack: Jinja2, css-inline, EmailMessage, aiosmtplib pool", ordinary)
    if source is not None:
        yield _row("postfix smtp-source, same size, no ledger", source)
    for (kind, part), engine in engines.items():
        work = f"whole engine, {kind}, {part:,} digests"
        yield _row(work, engine, bare, "bare aiosmtplib")
        if part == count:
            yield _row(work, engine, ordinary, "ordinary stack")
            if source is not None:
                yield _row(work, engine, source, "smtp-source")


def _far(count: int, messages: list[Message]) -> Iterator[Result]:
    with sink() as near, far_away(near, rtt_s=RTT_S) as port:
        for connections in (FAR_CONNECTIONS, CONNECTIONS):
            bare = _alone(send_bare, messages, port, connections, count // 2)
            where = f"+{RTT_S * 1000:.0f} ms a round trip, {connections} connections"
            yield _row(f"bare aiosmtplib, {where}", bare)
            for kind in ("SQLite", "PostgreSQL"):
                engine = _engine(kind, port, connections, count)
                yield _row(f"whole engine, {kind}, {where}", engine, bare, "bare aiosmtplib")


def _row(work: str, run: Run, other: Run | None = None, against: str | None = None) -> Result:
    print(f"{work}: {run.per_second:,.0f}/s", file=sys.stderr)
    return Result(
        name="delivery",
        work=work,
        count=run.count,
        seconds=run.seconds,
        peak_mb=run.peak_mb,
        ratio=None if other is None else run.per_second / other.per_second,
        against=against,
    )


def _alone(work: Callable[..., Any], *arguments: object) -> Any:
    """Run in a new process, so that its peak of memory is its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as pool:
        return pool.submit(work, *arguments).result()


def _engine(kind: str, port: int, connections: int, count: int) -> Run:
    with database(kind) as url:
        _alone(prepare, url, count)
        ran: Run = _alone(deliver_all, url, port, connections, count)
        return ran


def prepare(url: str, count: int) -> None:
    store = Store(url)
    store.ensure_schema()
    populate(store, count)
    store.close()


def sample_messages(url: str) -> list[Message]:
    """Compose real messages, for those who only send."""
    prepare(url, _SAMPLE)
    service = open_service(bench_settings(url, 25, 1), clock=_clock)
    messages: list[Message] = []
    while True:
        with service.store.write() as tx:
            claimed = ledger.claim_deliveries(tx, NOW)
        if not claimed:
            service.close()
            return messages
        with service.store.read() as tx:
            composed = service.composer.compose_batch(tx, claimed).values()
        messages += [one for one in composed if isinstance(one, Message)]


def deliver_all(url: str, port: int, connections: int, count: int) -> Run:
    """Claim, render, intend, hand off and record everything; materialised before."""
    configure_logs(level="warning")
    service = open_service(bench_settings(url, port, connections), clock=_clock)
    lanes = Lanes(
        service.store,
        clock=_clock,
        settings=service.settings.smtp,
        composer=service.composer,
        transport=service.transport(),
        stop=asyncio.Event(),
    )
    service.composer.check()
    start = time.perf_counter()
    asyncio.run(lanes.run())
    seconds = time.perf_counter() - start
    with service.store.read() as tx:
        sent = ledger.count_deliveries(tx).sent
    service.close()
    assert sent == count, f"{sent} of {count} were sent: {lanes.relay_error}"
    return Run(count, seconds, peak_mb())


def send_bare(messages: list[Message], port: int, connections: int, count: int) -> Run:
    """Send the same bytes by aiosmtplib alone, one client a connection."""

    async def send(waiting: Iterable[Message]) -> None:
        client = aiosmtplib.SMTP(hostname=HOST, port=port, use_tls=False, start_tls=False)
        await client.connect()
        for one in waiting:
            await client.sendmail(one.envelope_from, [one.recipient], one.content)
        await client.quit()

    async def all_of_them() -> None:
        waiting = itertools.islice(itertools.cycle(messages), count)
        await asyncio.gather(*(send(waiting) for _ in range(connections)))

    start = time.perf_counter()
    asyncio.run(all_of_them())
    return Run(count, time.perf_counter() - start, peak_mb())


def _smtp_source(port: int, size: int, count: int) -> Run | None:
    if not SMTP_SOURCE.exists():
        return None
    options = ["-d", "-s", str(CONNECTIONS), "-m", str(count), "-l", str(size)]
    start = time.perf_counter()
    subprocess.run([str(SMTP_SOURCE), *options, f"{HOST}:{port}"], check=True)
    return Run(count, time.perf_counter() - start, 0)


def _clock() -> datetime:
    return NOW
