"""The oracle: judges from the tables, read with plain SQL, and the server's record alone.

It shares no code with the ledger, and does not know how the engine comes to its states.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.support.smtp_server import Received

_PAPER = re.compile(r"https://example\.org/(\d+)(?![\d/])")
_QUEUED = ("ready", "claimed", "sending")
_MAY_HAVE_ARRIVED = ("sent", "unknown")
_ENDED_WITHOUT = ("failed", "bounced", "skipped")

Rows = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the oracle is told of a point.

    Args:
        periods: Which periods have come, oldest first.
        last_run_at: Nobody active may be owed anything from before this.
        resends: Whether `unknown_policy` is resend.
        disturbances: How many senders died, and hand-offs were disturbed by the server.
        refusals: How many hand-offs the server may have refused for good.
        left: Reader who left, and how many hand-offs to them had begun by then.
        merged: Papers that became others, by id, in order.
        settled: Whether the senders that come after have had their time.
    """

    periods: tuple[str, ...]
    last_run_at: datetime
    resends: bool = False
    disturbances: int = 0
    refusals: int = 0
    left: tuple[tuple[int, int], ...] = ()
    merged: tuple[tuple[int, int], ...] = ()
    settled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One acceptance, as the server recorded it."""

    recipient: str
    message_id: str
    date: str
    papers: frozenset[int]
    """Numbers of papers, as their links have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was counted, and what is wrong: nothing, if all holds."""

    accepted: int
    states: Counter[str] = field(default_factory=Counter)
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    subscriber_id: int
    period: str
    state: str
    message_id: str
    papers: tuple[int, ...]


def read_acceptances(received: Sequence[Received]) -> list[Accepted]:
    """Read what the server took with the standard library's parser."""
    found = []
    for one in received:
        message = email.message_from_bytes(one.content, policy=email.policy.default)
        text = message.get_body(("plain",))
        assert text is not None, "a digest has a text part"
        found.append(
            Accepted(
                recipient=one.recipient,
                message_id=str(message["Message-ID"]),
                date=str(message["Date"]),
                papers=frozenset(map(int, _PAPER.findall(text.get_content()))),
            )
        )
    return found


def judge(rows: Rows, accepted: Sequence[Accepted], expected: Expected) -> Verdict:
    """Judge a point.

    Args:
        rows: Runs a query on the point's database.
        accepted: Everything that the server has ever accepted for it.
        expected: What was done to it.
    """
    return _Judge(rows, accepted, expected).judge()


class _Judge:
    def __init__(self, rows: Rows, accepted: Sequence[Accepted], expected: Expected) -> None:
        self._accepted = accepted
        self._expected = expected
        self._wrong: list[str] = []
        self._readers: dict[int, tuple[str, str, datetime | None]] = {
            one: (address, state, _instant(next_at))
            for one, address, state, next_at in rows(
                "SELECT id, email, state, next_digest_at FROM subscriber"
            )
        }
        self._rows = [
            _Row(number, reader, period, state, message_id, _papers(content))
            for number, reader, period, state, message_id, content in rows(
                "SELECT id, subscriber_id, period, state, message_id, content FROM delivery"
            )
        ]
        self._held = set(rows("SELECT subscriber_id, paper_id, delivery_id FROM delivery_paper"))
        self._merged = dict(expected.merged)
        # Papers are told by their links: the nth paper of the template has link n.
        ids = {old for old, _ in expected.merged} | {one for (one,) in rows("SELECT id FROM paper")}
        self._id_of = dict(enumerate(sorted(ids)))
        self._mails: defaultdict[str, list[Accepted]] = defaultdict(list)
        for one in accepted:
            self._mails[one.message_id].append(one)

    def judge(self) -> Verdict:
        self._every_acceptance_is_known()
        self._never_twice()
        self._every_state_is_true()
        self._nothing_owed_is_lost()
        self._no_paper_twice()
        self._memory_fits()
        self._nobody_who_left()
        if self._expected.settled:
            self._nothing_is_queued()
        return Verdict(
            accepted=len(self._accepted),
            states=Counter(row.state for row in self._rows),
            wrong=tuple(self._wrong),
        )

    def _say(self, what: str) -> None:
        self._wrong.append(what)

    def _now(self, paper: int) -> int:
        """Follow merges to the paper that is left."""
        while paper in self._merged:
            paper = self._merged[paper]
        return paper

    def _every_acceptance_is_known(self) -> None:
        by_message = {row.message_id: row for row in self._rows}
        for one in self._accepted:
            row = by_message.get(one.message_id)
            if row is None:
                self._say(f"{one.recipient} got {one.message_id}, which no delivery has")
            elif self._readers[row.subscriber_id][0] != one.recipient:
                self._say(f"delivery {row.number} went to {one.recipient}, who is not its reader")
            if not one.papers:
                self._say(f"{one.recipient} got {one.message_id} with no paper in it")

    def _never_twice(self) -> None:
        allowed = 1 + (self._expected.disturbances if self._expected.resends else 0)
        for row in self._rows:
            mails = self._mails[row.message_id]
            if len(mails) > allowed:
                self._say(f"delivery {row.number} ({row.period}) was accepted {len(mails)} times")
            if len({one.date for one in mails}) > 1:
                self._say(f"delivery {row.number} was resent with another Date")
            kinds = {
                frozenset(self._now(self._id_of[each]) for each in one.papers) for one in mails
            }
            if len(kinds) > 1 and not self._merged:
                self._say(f"delivery {row.number} was resent with other papers: {kinds}")
        pairs = Counter((row.subscriber_id, row.period) for row in self._rows)
        for (reader, period), times in pairs.items():
            if times > 1:
                self._say(f"reader {reader} has {times} deliveries for {period}")

    def _every_state_is_true(self) -> None:
        refused = 0
        for row in self._rows:
            mails = self._mails[row.message_id]
            if row.state == "sent" and not mails:
                self._say(f"delivery {row.number} is sent, but the server never accepted it")
            if row.state in _ENDED_WITHOUT and mails:
                self._say(f"delivery {row.number} is {row.state}, but the server accepted it")
            if mails and self._expected.settled and row.state not in _MAY_HAVE_ARRIVED:
                self._say(f"delivery {row.number} was accepted, but is {row.state}")
            if mails and row.state in ("ready", "claimed") and not self._expected.resends:
                self._say(f"delivery {row.number} was accepted, but is {row.state}")
            refused += row.state in ("failed", "bounced")
        if refused > self._expected.refusals:
            self._say(f"{refused} deliveries failed, {self._expected.refusals} were refused")

    def _nothing_owed_is_lost(self) -> None:
        have: defaultdict[int, set[str]] = defaultdict(set)
        for row in self._rows:
            have[row.subscriber_id].add(row.period)
        owed = set(self._expected.periods)
        for reader, (_, state, next_at) in self._readers.items():
            if have[reader] - owed:
                self._say(f"reader {reader} has deliveries for {sorted(have[reader] - owed)}")
            if state != "active":
                continue
            if self._expected.settled and owed - have[reader]:
                self._say(f"reader {reader} was owed {sorted(owed - have[reader])}: there is none")
            moved_on = next_at is not None and next_at > self._expected.last_run_at
            if moved_on and owed - have[reader]:
                self._say(f"reader {reader} moved on without {sorted(owed - have[reader])}")
            if self._expected.settled and not moved_on:
                self._say(f"reader {reader} is still owed what was due at {next_at}")

    def _no_paper_twice(self) -> None:
        by_reader: defaultdict[str, defaultdict[int, set[str]]] = defaultdict(
            lambda: defaultdict(set)
        )
        for one in self._accepted:
            for number in one.papers:
                by_reader[one.recipient][self._now(self._id_of[number])].add(one.message_id)
        for reader, papers in by_reader.items():
            for paper, mails in papers.items():
                if len(mails) > 1:
                    self._say(f"{reader} got paper {paper} in {len(mails)} digests")

    def _memory_fits(self) -> None:
        holder = {(reader, paper): delivery for reader, paper, delivery in self._held}
        for row in self._rows:
            for paper in row.papers:
                held_by = holder.get((row.subscriber_id, self._now(paper)))
                if row.state in _ENDED_WITHOUT and held_by == row.number:
                    self._say(f"delivery {row.number} is {row.state}, but keeps paper {paper}")
                if row.state not in _ENDED_WITHOUT and held_by is None:
                    self._say(f"delivery {row.number} is {row.state}, but paper {paper} is free")

    def _nobody_who_left(self) -> None:
        for reader, begun in self._expected.left:
            address = self._readers[reader][0]
            got = {one.message_id for one in self._accepted if one.recipient == address}
            if len(got) > begun:
                self._say(f"reader {reader} left, and got {len(got) - begun} digests after that")

    def _nothing_is_queued(self) -> None:
        for row in self._rows:
            if row.state in _QUEUED:
                self._say(f"delivery {row.number} ({row.period}) is still {row.state}")


def _papers(content: Any) -> tuple[int, ...]:
    document = json.loads(content) if isinstance(content, str) else content
    return tuple(paper for paper, _ in document["papers"])


def _instant(value: Any) -> datetime | None:
    if value is None:
        return None
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
