"""Runs one point: a world, a sender that dies, the senders that come after, the verdict."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.faults import broken
from tests.support.faults.oracle import Expected, Verdict, judge, read_acceptances
from tests.support.faults.points import Crash, Database, Death, Hook, Kill, Point
from tests.support.faults.sender import CRASHED, SECRET_KEY
from tests.support.faults.task import Task, notes_of
from tests.support.faults.worlds import World
from tests.support.faults.zygote import ROOT, Zygote
from tests.support.ledger_world import DAY, MONDAY
from tests.support.smtp_script import Drop, Rule
from tests.support.smtp_server import SmtpServer

LEASE = timedelta(minutes=15)
LATER = timedelta(minutes=80)
_PIPELINING = "PIPELINING"
_REFUSED_FOR_GOOD = ("550 5.1.1", "554 5.5.1", "554 5.6.0")
_COMMAND_DEADLINE_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a point. `died` says whether its sender ended where it should."""

    point: Point
    died: bool
    verdict: Verdict
    notes: tuple[dict[str, Any], ...] = ()


class Runner:
    """Runs points, one after the other.

    Args:
        folder: For databases, configurations and notes.
        zygote: Entered.
        server: Running.
        worlds: One for each database that points may ask for.
    """

    def __init__(
        self,
        folder: Path,
        zygote: Zygote,
        server: SmtpServer,
        worlds: Mapping[Database, World],
    ) -> None:
        self._folder = folder
        self._zygote = zygote
        self._server = server
        self._worlds = worlds
        self._numbers = count(1)
        self._warm: set[Database] = set()
        self._passings: dict[tuple[Database, bool, int], Mapping[str, int]] = {}
        self._extensions = tuple(one for one in server.extensions if one != _PIPELINING)

    def run(self, point: Point, *, sabotage: str | None = None) -> Result:
        """Run a point; where its sender lives past it, try an earlier place."""
        result = self._once(point, sabotage)
        for _ in range(4):
            if result.died or result.verdict.wrong or point.death is None:
                return result
            result = self._once(_earlier(result.point), sabotage)
        return result

    def passings(self, point: Point) -> Mapping[str, int]:
        """Count how often an undisturbed run passes each hook."""
        key = (point.database, point.pipelining, point.connections)
        if key not in self._passings:
            world = self._worlds[point.database]
            if point.database not in self._warm:
                world.renew()
                self._begin(point)
                self._zygote.warm(self._task(point, MONDAY, MONDAY + DAY))
                self._warm.add(point.database)
            world.renew()
            self._begin(point)
            task = self._task(point, MONDAY)
            assert self._zygote.run(task) == 0, notes_of(task)
            self._passings[key] = next(one["passed"] for one in notes_of(task) if "passed" in one)
        return self._passings[key]

    def _once(self, point: Point, sabotage: str | None) -> Result:
        self.passings(point)
        world = self._worlds[point.database]
        world.renew(*broken.for_database(sabotage, sqlite=point.database == Database.SQLITE))
        self._begin(point)
        tasks: list[Task] = []
        crash_at = MONDAY
        if point.on_second_day:
            before = self._task(point, MONDAY)
            self._zygote.run(before)
            crash_at += DAY
            tasks.append(before)
        deaths = self._die(point, crash_at, sabotage, tasks)
        died = bool(deaths)
        disturbed = list(tasks)
        world.make_room()
        self._server.wait_until_idle()
        trouble_came = self._server.rules != [] and any(
            one.times == 0 for one in self._server.rules
        )
        self._server.rules = []
        wrong = self._judge(
            point, tasks, crash_at, deaths=deaths, trouble=trouble_came, settled=False
        ).wrong
        deaths += self._recover(point, crash_at, sabotage, tasks)
        self._server.wait_until_idle()
        verdict = self._judge(
            point, tasks, crash_at + DAY, deaths=deaths, trouble=trouble_came, settled=True
        )
        excused = point.meddling is not None and point.meddling.what.breaks_database
        errors = tuple(
            one["error"]
            for task in tasks
            if not (excused and task in disturbed)
            for one in notes_of(task)
            if "error" in one
        )
        return Result(
            point=point,
            died=died,
            verdict=replace(
                verdict,
                wrong=(
                    *(f"right after the crash: {one}" for one in wrong),
                    *verdict.wrong,
                    *(f"a run ended with: {one}" for one in errors),
                ),
            ),
            notes=tuple(one for task in tasks for one in notes_of(task)),
        )

    def _begin(self, point: Point) -> None:
        self._server.forget()
        self._server.extensions = self._extensions
        if point.pipelining:
            self._server.extensions = (*self._extensions, _PIPELINING)

    def _die(self, point: Point, at: datetime, sabotage: str | None, tasks: list[Task]) -> int:
        """Run the sender that is to die; return how many did."""
        if point.trouble is not None:
            trouble = point.trouble
            self._server.add(
                Rule(verb=trouble.verb, action=trouble.action, nth=trouble.nth, times=1)
            )
        passings = self.passings(point)
        task = replace(self._task(point, at), sabotage=sabotage)
        if point.meddling is not None:
            meddling = point.meddling
            task = replace(
                task,
                meddle=meddling.what.value,
                meddle_nth=1 + int(meddling.part * passings["after commit"]),
                one=meddling.one,
                other=meddling.other,
            )
        tasks.append(task)
        if isinstance(point.death, Kill):
            return self._kill(point.death, point, task)
        pid = self._zygote.start(task if point.death is None else self._mortal(task, point))
        if point.second_worker:
            other = replace(self._task(point, at), sabotage=sabotage)
            tasks.append(other)
            other_pid = self._zygote.start(other)
            self._zygote.wait(other_pid)
        if point.how is Death.STOP:
            return self._wake(point, pid, at, sabotage, tasks)
        return _deaths(self._zygote.wait(pid), CRASHED, task)

    def _mortal(self, task: Task, point: Point) -> Task:
        crash = point.death
        assert isinstance(crash, Crash)
        return replace(
            task,
            hook=crash.hook,
            nth=crash.nth(self.passings(point)),
            part=crash.part * 7 % 1,
            signal_number=signal.SIGSTOP if crash.wakes else 0,
        )

    def _wake(
        self, point: Point, pid: int, at: datetime, sabotage: str | None, tasks: list[Task]
    ) -> int:
        """Let others go on while a sender sleeps past its lease; then wake it up."""
        stopped = self._zygote.wait(pid, stopped=True)
        if stopped != -signal.SIGSTOP:
            return _deaths(stopped, CRASHED, tasks[-1])
        other = replace(self._task(point, at + LEASE), sabotage=sabotage)
        tasks.append(other)
        self._check_exit(self._zygote.run(other), other)
        os.kill(pid, signal.SIGCONT)
        self._check_exit(self._zygote.wait(pid), tasks[0])
        return 1

    def _kill(self, kill: Kill, point: Point, task: Task) -> int:
        known, victims = threading.Event(), list[int]()

        def strike() -> None:
            known.wait(_COMMAND_DEADLINE_S)
            with suppress(ProcessLookupError):
                os.kill(victims[0], signal.SIGKILL)

        timer = threading.Timer(kill.number / 1000, strike)
        rule = Rule(verb=kill.verb, nth=kill.nth, times=1)
        if kill.when == "time":
            rule.before = timer.start
        elif kill.when == "bytes":
            rule.action, rule.before = Drop(after_bytes=kill.number), strike
        elif kill.when == "before":
            rule.before = strike
        else:
            rule.after = strike
        self._server.rules.insert(0, rule)
        if kill.forked:
            pid = self._zygote.start(task)
            victims.append(pid)
            known.set()
            status = self._zygote.wait(pid)
        else:
            with self._command(point, task) as process:
                victims.append(process.pid)
                known.set()
                status = process.wait(_COMMAND_DEADLINE_S)
        timer.cancel()
        return _deaths(status, -signal.SIGKILL, task)

    def _command(self, point: Point, task: Task) -> subprocess.Popen[bytes]:
        """Start `digest deliver` as an operator would."""
        config = self._folder / f"{next(self._numbers)}.toml"
        config.write_text(
            f'[service]\nsecret_key = "{SECRET_KEY}"\ndata_dir = "{self._folder}"\n'
            f'[database]\nurl = "{task.url}"\n'
            '[mail]\ntransport = "smtp"\n'
            f'[smtp]\nhost = "127.0.0.1"\nport = {task.port}\nsecurity = "none"\n'
            f"connections = {task.connections}\n"
            f'[digest]\nunknown_policy = "{task.policy}"\n',
            encoding="utf-8",
        )
        words = ["--config", str(config), "deliver", "--at", task.runs[0], "--json"]
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "digest", *words],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _recover(self, point: Point, at: datetime, sabotage: str | None, tasks: list[Task]) -> int:
        """Let others go on after the crash, until nothing should be queued any more."""
        patient = point.trouble is not None or point.second_death is not None
        later = [LATER] if patient else []
        early = [timedelta(0)] if point.too_early else []
        steps = [*early, LEASE, *later, DAY, *(DAY + one for one in later)]
        task = replace(self._task(point, *(at + one for one in steps)), sabotage=sabotage)
        tasks.append(task)
        if point.second_death is None:
            self._check_exit(self._zygote.run(task), task)
            return 0
        second = self._mortal(task, replace(point, death=point.second_death))
        deaths = _deaths(self._zygote.run(second), CRASHED, task)
        self._server.wait_until_idle()
        steps = [2 * LEASE, LATER, DAY, DAY + LEASE, DAY + LATER]
        last = replace(self._task(point, *(at + one for one in steps)), sabotage=sabotage)
        tasks.append(last)
        self._check_exit(self._zygote.run(last), last)
        return deaths

    @staticmethod
    def _check_exit(status: int, task: Task) -> None:
        if status not in (0, 1):
            raise RuntimeError(f"a sender broke ({status}): {task}")

    def _task(self, point: Point, *runs: datetime) -> Task:
        return Task(
            url=self._worlds[point.database].url,
            port=self._server.port,
            runs=tuple(one.isoformat() for one in runs),
            notes=str(self._folder / f"{next(self._numbers)}.notes"),
            policy=point.policy,
            connections=point.connections,
        )

    def _judge(
        self,
        point: Point,
        tasks: list[Task],
        at: datetime,
        *,
        deaths: int,
        trouble: bool,
        settled: bool,
    ) -> Verdict:
        notes = [one for task in tasks for one in notes_of(task)]
        days = (at - MONDAY).days
        action = point.trouble.action if point.trouble is not None else None
        refused = isinstance(action, str) and action.startswith(_REFUSED_FOR_GOOD)
        world = self._worlds[point.database]
        return judge(
            world.rows,
            read_acceptances(self._server.received),
            Expected(
                periods=tuple(f"{MONDAY + day * DAY:%Y-%m-%d}" for day in range(days + 1)),
                last_run_at=at,
                resends=point.policy == "resend",
                disturbances=deaths + trouble,
                refusals=int(refused and trouble),
                left=tuple((one["left"], one["begun"]) for one in notes if "left" in one),
                merged=tuple((one["merged"], one["into"]) for one in notes if "merged" in one),
                settled=settled,
            ),
        )


def _deaths(status: int, expected: int, task: Task) -> int:
    """Return 1 for a sender that died as it should, 0 for one that lived."""
    if status == expected:
        return 1
    if status in (0, 1):
        return 0
    raise RuntimeError(f"a sender broke ({status}): {task}")


def _earlier(point: Point) -> Point:
    """Move the place of death to where a run surely comes by, in a few steps.

    Trouble may end a run before much is said to the server, but never before a commit.
    """
    death = point.death
    assert death is not None, "who is not to die is not asked to die earlier"
    if isinstance(death, Crash):
        if death.hook in (Hook.BEFORE_COMMIT, Hook.AFTER_COMMIT):
            return replace(point, death=replace(death, part=death.part / 3))
        return replace(point, death=replace(death, hook=Hook.AFTER_COMMIT))
    if death.when == "time":
        return replace(point, death=replace(death, number=death.number // 3))
    if death.nth > 1:
        return replace(point, death=replace(death, nth=1))
    return replace(point, death=Kill(verb="CONNECT", nth=1, when="before"))
