"""arXiv's rule over several gates and over several processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from structlog.testing import capture_logs

from digest.feeds.politeness import HostGate
from digest.feeds.shared_turn import SharedTurn

HOLDER = """
import asyncio, sys
from pathlib import Path
from digest.feeds.politeness import HostGate

async def main():
    async with HostGate(arxiv_file=Path(sys.argv[1])).turn("rss.arxiv.org"):
        print("begun", flush=True)
        sys.stdin.read()

asyncio.run(main())
"""


class Time:
    """A clock, shared by all, that moves only when someone sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)


def test_two_who_share_a_file_begin_three_seconds_apart_and_never_overlap(tmp_path: Path) -> None:
    time = Time()
    begun_s: list[float] = []
    under_way = 0
    most = 0

    async def ask(turns: SharedTurn) -> None:
        nonlocal under_way, most
        async with turns.turn() as begin:
            begin()
            begun_s.append(time.now_s)
            under_way += 1
            most = max(most, under_way)
            await time.sleep(1)
            under_way -= 1

    async def play() -> None:
        one, other = (
            SharedTurn(tmp_path / "arxiv.lock", spacing_s=3, clock=time.clock, sleep=time.sleep)
            for _ in range(2)
        )
        await ask(one)
        await ask(other)
        await asyncio.gather(ask(one), ask(other))

    asyncio.run(play())

    assert most == 1
    assert begun_s[1] == 1003.0
    assert min(later - earlier for earlier, later in pairwise(begun_s)) >= 3


def test_a_clock_that_was_set_back_keeps_nobody_waiting_for_long(tmp_path: Path) -> None:
    time = Time()
    (tmp_path / "arxiv.lock").write_text("9999999999.000000\n")

    async def play() -> float:
        turns = SharedTurn(tmp_path / "arxiv.lock", spacing_s=3, clock=time.clock, sleep=forward)
        async with turns.turn():
            return time.now_s

    async def forward(seconds: float) -> None:
        waits_s.append(seconds)
        time.now_s = 9_999_999_999.0 + seconds
        await asyncio.sleep(0)

    waits_s: list[float] = []
    asyncio.run(play())

    assert waits_s == [3]


def test_a_gate_waits_until_the_request_of_another_process_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "arxiv.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder_in = holder.stdin
    began = holder.stdout.readline()
    first_at = float(path.read_text())

    async def play() -> list[str]:
        said: list[str] = []

        async def ask() -> None:
            async with HostGate(arxiv_file=path).turn("export.arxiv.org"):
                said.append("asked")

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.5)
        said.append("the other ends")
        holder_in.close()
        async with asyncio.timeout(60):
            await asking
        return said

    with holder:
        said = asyncio.run(play())

    assert began == b"begun\n"
    assert said == ["the other ends", "asked"]
    assert float(path.read_text()) - first_at >= 3


def test_hosts_other_than_arxivs_touch_no_file(tmp_path: Path) -> None:
    async def play() -> None:
        async with HostGate(arxiv_file=tmp_path / "arxiv.lock").turn("127.0.0.1"):
            pass

    asyncio.run(play())

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_used_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    asked = 0

    async def play() -> None:
        nonlocal asked
        turns = SharedTurn(tmp_path / "plain" / "arxiv.lock", spacing_s=3)
        for _ in range(2):
            async with turns.turn() as begin:
                begin()
                asked += 1

    with capture_logs() as logs:
        asyncio.run(play())

    assert asked == 2
    assert [line["event"] for line in logs] == ["requests are spaced within this process alone"]


def test_one_gate_serves_rounds_in_different_event_loops() -> None:
    gate = HostGate()
    done: list[int] = []

    async def ask(number: int) -> None:
        async with gate.turn(f"h{number}.example"):
            await asyncio.sleep(0)
            done.append(number)

    async def play() -> None:
        await asyncio.gather(*(ask(number) for number in range(60)))

    asyncio.run(play())
    asyncio.run(play())

    assert len(done) == 120
