"""Warm forks: one process imports everything once, and forks a sender for each task.

`python -m tests.support.faults.zygote` reads commands from standard input and answers on
standard output, a JSON document a line. It has one thread, so that forking it is safe.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.faults.sender import Warm, send
from tests.support.faults.task import Task

ROOT = Path(__file__).resolve().parents[3]


class Zygote:
    """Starts senders and waits for them. A context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.support.faults.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def __enter__(self) -> Self:
        """Wait until it is warm."""
        self._ask({"do": "nothing"})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it; its senders have ended before."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def warm(self, task: Task) -> None:
        """Let it do a task itself, so that senders on that database are quicker."""
        self._ask({"do": "warm", "task": task.to_json()})

    def start(self, task: Task) -> int:
        """Fork a sender; return its process id."""
        pid: int = self._ask({"do": "start", "task": task.to_json()})["pid"]
        return pid

    def wait(self, pid: int, *, stopped: bool = False) -> int:
        """Wait for the end of a sender; return its exit code, or minus its signal.

        With `stopped`, a sender that was stopped counts too.
        """
        status: int = self._ask({"do": "wait", "pid": pid, "stopped": stopped})["status"]
        return status

    def run(self, task: Task) -> int:
        """Start a sender and wait for its end."""
        return self.wait(self.start(task))

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the zygote ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _serve() -> None:
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    warm = Warm()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a sender prints is no answer
    for line in sys.stdin:
        command = json.loads(line)
        answer: dict[str, Any] = {}
        if command["do"] == "start":
            task = Task.from_json(command["task"])
            pid = os.fork()
            if pid == 0:
                _sender(task, warm)
            answer["pid"] = pid
        elif command["do"] == "warm":
            warm.up(Task.from_json(command["task"]))
        elif command["do"] == "wait":
            options = os.WUNTRACED if command["stopped"] else 0
            _, status = os.waitpid(command["pid"], options)
            answer["status"] = _code(status)
        print(json.dumps(answer), file=answers, flush=True)


def _code(status: int) -> int:
    if os.WIFSTOPPED(status):
        return -os.WSTOPSIG(status)
    return os.waitstatus_to_exitcode(status)


def _sender(task: Task, warm: Warm) -> None:
    code = 70
    try:
        code = send(task, warm)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve()
