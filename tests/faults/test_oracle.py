"""The oracle can fail: each way of breaking the engine on purpose is found, and told."""

from __future__ import annotations

import pytest

from tests.support.faults.broken import BREAKS
from tests.support.faults.points import DATABASES, Database, Kill, Meddling, Point, Trouble, What
from tests.support.faults.runner import Runner
from tests.support.smtp_script import Drop

ACCEPTED_THEN_KILLED = Kill(verb="CONTENT", nth=2, when="before", forked=True)
KILLED_LATE = Kill(verb="CONTENT", nth=4, when="before", forked=True)

CASES = [
    ("the intent is not committed before DATA", {}, "was accepted, but is claimed"),
    ("the intent is not committed before DATA", {}, "was accepted 2 times"),
    ("an expired hand-off is ready again", {}, "was accepted 2 times"),
    (
        "unknown deliveries are resent though the policy is hold",
        {"trouble": Trouble(verb="QUIT", action=Drop(), nth=1)},
        "was accepted 2 times",
    ),
    ("a resent mail has another Message-ID", {"policy": "resend"}, "which no delivery has"),
    ("a resent mail has another Date", {"policy": "resend"}, "was resent with another Date"),
    (
        "papers of a refused digest are not given back",
        {
            "death": KILLED_LATE,
            "trouble": Trouble(verb="RCPT", action="550 5.1.1 nobody", nth=1),
        },
        "is bounced, but keeps paper",
    ),
    ("what was sent is forgotten", {}, "in 2 digests"),
    ("a digest is lost", {}, "moved on without"),
    (
        "whoever leaves is mailed all the same",
        {"meddling": Meddling(what=What.UNSUBSCRIBE, part=0.0, one=2)},
        "reader 2 left, and got",
    ),
    ("a digest counts as sent that nobody got", {}, "the server never accepted it"),
    ("what a dead worker held is never looked at", {}, "is still"),
]


def point(database: Database, changes: dict[str, object]) -> Point:
    return Point(
        **{  # type: ignore[arg-type]
            "seed": 0,
            "database": database,
            "pipelining": False,
            "death": ACCEPTED_THEN_KILLED,
            **changes,
        }
    )


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize(("sabotage", "changes", "told"), CASES)
def test_a_broken_engine_is_found(
    runner: Runner, database: Database, sabotage: str, changes: dict[str, object], told: str
) -> None:
    result = runner.run(point(database, changes), sabotage=sabotage)

    assert told in "\n".join(result.verdict.wrong)


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"policy": "resend"},
        {
            "death": KILLED_LATE,
            "trouble": Trouble(verb="RCPT", action="550 5.1.1 nobody", nth=1),
        },
        {"meddling": Meddling(what=What.UNSUBSCRIBE, part=0.0, one=2)},
    ],
)
def test_the_same_points_hold_when_nothing_is_broken(
    runner: Runner, database: Database, changes: dict[str, object], *, pipelining: bool
) -> None:
    result = runner.run(point(database, {**changes, "pipelining": pipelining}))

    assert result.verdict.wrong == ()
    assert result.died


def test_every_way_of_breaking_is_tried() -> None:
    assert {sabotage for sabotage, _, _ in CASES} == BREAKS.keys()
