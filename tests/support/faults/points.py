"""A crash point, drawn from a seed: where a sender dies, and what else goes wrong. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tests.support.smtp_script import Action, Drop

READERS = 5
PAPERS = 8
PAPERS_A_DIGEST = 2


class Database(StrEnum):
    """Where the ledger is."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


DATABASES = (Database.SQLITE, Database.POSTGRESQL)
"""Those that points are drawn for."""


class Hook(StrEnum):
    """Where in a sending process a point can be."""

    BEFORE_COMMIT = "before commit"
    AFTER_COMMIT = "after commit"
    BEFORE_SEND = "before send"
    INSIDE_SEND = "inside send"
    AFTER_SEND = "after send"


class Death(StrEnum):
    """How a sender dies."""

    EXIT = "os._exit"
    KILL = "SIGKILL"
    STOP = "SIGSTOP"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A forked sender ends at the nth passing of a hook.

    `part` in [0, 1): how far through all its passings, and through the bytes of one send.
    With `wakes` it only stops, for longer than its lease, and goes on where it was.
    """

    hook: Hook
    part: float
    wakes: bool = False

    def nth(self, passings: Mapping[str, int]) -> int:
        """Return which passing it is, given how many an undisturbed run has."""
        return 1 + int(self.part * max(passings.get(self.hook, 1), 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A real `digest deliver` is killed when the server sees the nth of a verb.

    `when` is before or after the reply, after so many bytes of content, or so many
    milliseconds after the first connection. `forked` takes a forked sender instead.
    """

    verb: str
    nth: int
    when: str
    number: int = 0
    forked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that the server does in the same run, once."""

    verb: str
    action: Action
    nth: int


class What(StrEnum):
    """What somebody else does to the database in the middle of the run."""

    UNSUBSCRIBE = "unsubscribe"
    MERGE = "merge"
    FULL = "disk full"
    LOCK = "lock"
    CUT = "cut"

    @property
    def breaks_database(self) -> bool:
        """Whether a run may end with an error by it."""
        return self in (What.FULL, What.LOCK, What.CUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meddling:
    """Done right after the nth commit.

    Reader `one` leaves; paper `one` becomes `other`; so many commits as `one` says fail
    for want of room, 0 for all that come; the database is locked for a moment; all
    connections to it are cut (PostgreSQL only).
    """

    what: What
    part: float
    one: int = 0
    other: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One crash point, and all that surrounds it."""

    seed: int
    database: Database
    pipelining: bool
    death: Crash | Kill | None
    policy: str = "hold"
    connections: int = 3
    second_worker: bool = False
    second_death: Crash | None = None
    on_second_day: bool = False
    too_early: bool = False
    trouble: Trouble | None = None
    meddling: Meddling | None = None

    @property
    def how(self) -> Death:
        """How the sender dies."""
        if self.death is None:
            return Death.NONE
        if isinstance(self.death, Kill):
            return Death.KILL
        return Death.STOP if self.death.wakes else Death.EXIT

    def __str__(self) -> str:
        """Tell it in one line."""
        extras = [
            f"policy {self.policy}",
            f"{self.connections} connections",
            *(["a second worker"] if self.second_worker else []),
            *(["on the second day"] if self.on_second_day else []),
            *([str(self.second_death)] if self.second_death else []),
            *([str(self.trouble)] if self.trouble else []),
            *([str(self.meddling)] if self.meddling else []),
        ]
        way = "pipelining" if self.pipelining else "one by one"
        return f"seed {self.seed}: {self.database}, {way}, {self.death}; " + ", ".join(extras)


_HOOKS = (
    Hook.BEFORE_COMMIT,
    Hook.BEFORE_COMMIT,
    Hook.AFTER_COMMIT,
    Hook.AFTER_COMMIT,
    Hook.BEFORE_SEND,
    Hook.AFTER_SEND,
    Hook.INSIDE_SEND,
)
_KILL_VERBS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "CONTENT", "QUIT")
_LATER: tuple[Action, ...] = (
    "421 4.3.2 closing",
    "451 4.3.0 later",
    b"\xff\xfe what?\r\n",
    Drop(),
    Drop(saying=b"25"),
)
_TROUBLES: Mapping[str, tuple[Action, ...]] = {
    "CONNECT": ("421 4.3.2 busy", "554 5.3.2 no service", Drop()),
    "EHLO": ("421 4.3.2 busy", Drop()),
    "MAIL": _LATER,
    "RCPT": (*_LATER, "550 5.1.1 nobody", "550 5.7.1 not you", "452 4.2.2 full"),
    "DATA": (*_LATER, "554 5.5.1 no"),
    "CONTENT": (
        *_LATER,
        "554 5.6.0 not this",
        "452 4.3.1 no room",
        Drop(accept=True),
        Drop(accept=True, saying=b"250 2.0.0 acc"),
        Drop(after_bytes=100),
        Drop(after_bytes=4000),
    ),
    "RSET": ("421 4.3.2 closing", Drop()),
    "QUIT": (Drop(),),
}
_PAIRS = ((0, 1), (1, 0), (0, 2), (2, 0), (3, 1), (2, 3))


def point_of(seed: int, *, databases: tuple[Database, ...] = DATABASES) -> Point:
    """Draw the point of a seed: one in nine is a SIGKILL, databases and pipelining take turns."""
    draw = random.Random(seed)
    killed = seed // 4 % 9 == 0
    second_day = not killed and draw.random() < 0.2
    return Point(
        seed=seed,
        database=databases[seed % len(databases)],
        pipelining=seed // 2 % 2 == 1,
        death=_kill(draw) if killed else _crash(draw),
        policy="resend" if draw.random() < 0.25 else "hold",
        connections=draw.choice((1, 3, 3, 5)),
        second_worker=not killed and draw.random() < 0.15,
        second_death=_crash(draw) if draw.random() < 0.15 else None,
        on_second_day=second_day,
        too_early=draw.random() < 0.2,
        trouble=_trouble(draw) if draw.random() < 0.35 else None,
        meddling=None if second_day or killed or draw.random() < 0.7 else _meddling(draw),
    )


def _crash(draw: random.Random) -> Crash:
    return Crash(hook=draw.choice(_HOOKS), part=draw.random())


def _kill(draw: random.Random) -> Kill:
    verb = draw.choice(_KILL_VERBS)
    session = verb in ("CONNECT", "EHLO", "QUIT")
    nth = 1 if session else draw.randint(1, READERS)
    when = draw.choice(("before", "after", "bytes", "time"))
    if when == "time":
        return Kill(verb="CONNECT", nth=1, when=when, number=draw.randint(0, 60))
    if when == "bytes" and verb == "CONTENT":
        return Kill(verb=verb, nth=nth, when=when, number=draw.randint(1, 6000))
    return Kill(verb=verb, nth=nth, when=draw.choice(("before", "after")))


def _trouble(draw: random.Random) -> Trouble:
    verb = draw.choice(tuple(_TROUBLES))
    nth = 1 if verb in ("CONNECT", "EHLO", "QUIT", "RSET") else draw.randint(1, READERS)
    return Trouble(verb=verb, action=draw.choice(_TROUBLES[verb]), nth=nth)


def _meddling(draw: random.Random) -> Meddling:
    part, what = draw.random(), draw.choice(tuple(What))
    if what is What.UNSUBSCRIBE:
        return Meddling(what=what, part=part, one=draw.randint(1, READERS))
    if what is What.MERGE:
        one, other = draw.choice(_PAIRS)
        return Meddling(what=what, part=part, one=one, other=other)
    return Meddling(what=what, part=part, one=draw.randint(1, 2))
