from __future__ import annotations

import asyncio

from digest.feeds.politeness import IN_ALL, HostGate


class Time:
    """A clock that moves only when someone sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


def test_arxiv_gets_one_request_every_three_seconds_over_all_its_hosts() -> None:
    time = Time()
    begun_s: list[float] = []

    async def ask(gate: HostGate, host: str) -> None:
        async with gate.turn(host):
            begun_s.append(time.now_s)

    async def scenario() -> None:
        gate = HostGate(clock=time.clock, sleep=time.sleep)
        await asyncio.gather(
            ask(gate, "rss.arxiv.org"), ask(gate, "export.arxiv.org"), ask(gate, "arxiv.org")
        )

    asyncio.run(scenario())
    assert begun_s == [100.0, 103.0, 106.0]


def test_arxiv_is_not_waited_for_when_time_has_passed() -> None:
    time = Time()

    async def scenario() -> None:
        gate = HostGate(clock=time.clock, sleep=time.sleep)
        async with gate.turn("rss.arxiv.org"):
            time.now_s += 10
        async with gate.turn("rss.arxiv.org"):
            pass

    asyncio.run(scenario())
    assert time.slept_s == []


def test_arxiv_is_spaced_by_when_requests_begin_also_after_a_wait_for_a_place() -> None:
    time = Time()
    begun_s: list[float] = []

    async def scenario() -> None:
        gate = HostGate(clock=time.clock, sleep=time.sleep)
        busy = asyncio.Event()

        async def others(number: int) -> None:
            async with gate.turn(f"h{number}.example"):
                await busy.wait()

        async def ask() -> None:
            async with gate.turn("export.arxiv.org."):
                begun_s.append(time.now_s)

        async with asyncio.TaskGroup() as group:
            for number in range(IN_ALL):
                group.create_task(others(number))
            await asyncio.sleep(0)
            group.create_task(ask())
            group.create_task(ask())
            await asyncio.sleep(0)
            time.now_s += 10
            busy.set()

    asyncio.run(scenario())
    assert begun_s == [110.0, 113.0]


def test_arxiv_has_one_connection_at_a_time() -> None:
    assert asyncio.run(_most_at_once("rss.arxiv.org", 4)) == 1


def test_other_hosts_get_two_requests_at_a_time_without_spacing() -> None:
    assert asyncio.run(_most_at_once("notarxiv.org", 6)) == 2


def test_a_host_is_forgotten_when_nobody_waits_for_it() -> None:
    async def scenario() -> int:
        gate = HostGate()
        for number in range(5):
            async with gate.turn(f"h{number}.example"):
                pass
        return len(gate._hosts)

    assert asyncio.run(scenario()) == 0


async def _most_at_once(host: str, requests: int) -> int:
    time = Time()
    gate = HostGate(clock=time.clock, sleep=time.sleep)
    now = most = 0

    async def ask() -> None:
        nonlocal now, most
        async with gate.turn(host):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(ask() for _ in range(requests)))
    return most
