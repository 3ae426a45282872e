"""Runs many points on several processes, and prints what came of them."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing.util import Finalize
from pathlib import Path

from tests.support import databases
from tests.support.faults.oracle import Verdict
from tests.support.faults.points import Database, point_of
from tests.support.faults.runner import Result, Runner
from tests.support.faults.worlds import PostgresWorld, SqliteWorld, World
from tests.support.faults.zygote import Zygote
from tests.support.smtp_server import smtp_server

_MEMORY = Path("/dev/shm")


@contextmanager
def runner_in(folder: Path, postgres_url: str | None, name: str) -> Iterator[Runner]:
    """Make a runner with a zygote and a server of its own."""
    with ExitStack() as stack:
        zygote = stack.enter_context(Zygote())
        server = stack.enter_context(smtp_server())
        worlds: dict[Database, World] = {Database.SQLITE: SqliteWorld(folder)}
        if postgres_url is not None:
            postgres = PostgresWorld(postgres_url, name)
            stack.callback(postgres.close)
            worlds[Database.POSTGRESQL] = postgres
        yield Runner(folder, zygote, server, worlds)


@contextmanager
def working_folder() -> Iterator[Path]:
    """Make a folder in memory where there is one: senders die here, the machine does not."""
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_campaign(
    seeds: Sequence[int], databases: tuple[Database, ...], *, jobs: int, verbose: bool = False
) -> list[Result]:
    """Run the points of these seeds; tell each violation as it is found."""
    with ExitStack() as stack:
        folder = stack.enter_context(working_folder())
        url = None
        if Database.POSTGRESQL in databases:
            url = stack.enter_context(_server())
        pool = stack.enter_context(
            ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
        )
        parts = [seeds[number::jobs] for number in range(jobs)]
        results: list[Result] = []
        size = max(1, min(25, len(seeds) // (4 * jobs) or 1))
        chunks = [
            part[start : start + size] for part in parts for start in range(0, len(part), size)
        ]
        began = time.monotonic()
        for found in pool.map(
            _run_chunk,
            chunks,
            [str(folder)] * len(chunks),
            [url] * len(chunks),
            [databases] * len(chunks),
        ):
            results += found
            for one in found:
                if verbose or one.verdict.wrong:
                    _tell(one)
            minutes = (time.monotonic() - began) / 60
            print(f"{len(results)} of {len(seeds)} points, {minutes:.1f} min", file=sys.stderr)
        return results


@contextmanager
def _server() -> Iterator[str]:
    """The server that tests use: given, or one of our own."""
    databases.share_folder()
    try:
        url, reason = databases.find_server()
        if reason:
            raise SystemExit(reason)
        yield url
    finally:
        databases.close_own()
        databases.close_shared()


def _tell(result: Result) -> None:
    print(result.point, flush=True)
    for wrong in result.verdict.wrong:
        print(f"  WRONG: {wrong}", flush=True)


_STACK = ExitStack()
_RUNNERS: list[Runner] = []


def _run_chunk(
    seeds: Sequence[int], folder: str, url: str | None, databases: tuple[Database, ...]
) -> list[Result]:
    """Run points in a process of the pool; its runner stays for the next ones."""
    if not _RUNNERS:
        Finalize(None, _STACK.close, exitpriority=10)
        mine = Path(tempfile.mkdtemp(dir=folder))
        _RUNNERS.append(_STACK.enter_context(runner_in(mine, url, f"faults_{mine.name[-8:]}")))
    return [_run_safely(_RUNNERS[0], seed, databases) for seed in seeds]


def _run_safely(runner: Runner, seed: int, databases: tuple[Database, ...]) -> Result:
    point = point_of(seed, databases=databases)
    try:
        return runner.run(point)
    except Exception:  # a point that cannot be run is told, with its seed, as a violation
        wrong = f"could not be run: {traceback.format_exc()}"
        return Result(point=point, died=False, verdict=Verdict(accepted=0, wrong=(wrong,)))


def table(results: Iterable[Result]) -> str:
    """Sum up results by kind of death, database and way of speaking."""
    lines = [
        "death     database    commands    points  died  accepted  sent  unknown  refused  wrong"
    ]
    rows: dict[tuple[str, str, str], list[Result]] = {}
    every = list(results)
    for one in every:
        way = "pipelined" if one.point.pipelining else "one by one"
        key = (one.point.how.value, one.point.database.value, way)
        rows.setdefault(key, []).append(one)
    for key, found in sorted(rows.items()):
        lines.append(_line(key, found))
    lines.append(_line(("all", "", ""), every))
    return "\n".join(lines)


def _line(key: tuple[str, str, str], found: Sequence[Result]) -> str:
    states = [one.verdict.states for one in found]
    return (
        f"{key[0]:10}{key[1]:12}{key[2]:12}{len(found):6}{sum(one.died for one in found):6}"
        f"{sum(one.verdict.accepted for one in found):10}"
        f"{sum(one['sent'] for one in states):6}"
        f"{sum(one['unknown'] for one in states):9}"
        f"{sum(one['failed'] + one['bounced'] for one in states):9}"
        f"{sum(bool(one.verdict.wrong) for one in found):7}"
    )
