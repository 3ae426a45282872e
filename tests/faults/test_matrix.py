"""Zombies, a database that fails, and people and papers that change in the middle of a run."""

from __future__ import annotations

import pytest

from tests.support.faults.points import (
    DATABASES,
    Crash,
    Database,
    Hook,
    Meddling,
    Point,
    What,
)
from tests.support.faults.runner import Result, Runner

THROUGH_A_RUN = [0.0, 0.2, 0.4, 0.6, 0.8]


def run(runner: Runner, database: Database, **changes: object) -> Result:
    chosen = {"seed": 0, "database": database, "pipelining": True, "death": None, **changes}
    result = runner.run(Point(**chosen))  # type: ignore[arg-type]
    assert result.verdict.wrong == ()
    return result


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("part", THROUGH_A_RUN)
def test_a_zombie_that_wakes_up_after_its_lease_sends_nothing_twice(
    runner: Runner, database: Database, part: float, *, pipelining: bool
) -> None:
    asleep = Crash(hook=Hook.AFTER_COMMIT, part=part, wakes=True)

    result = run(runner, database, death=asleep, pipelining=pipelining)

    assert result.died
    assert result.verdict.states["sent"] + result.verdict.states["unknown"] == 10


@pytest.mark.parametrize("database", DATABASES)
def test_a_zombie_under_resend_repeats_the_same_mail_at_most(
    runner: Runner, database: Database
) -> None:
    asleep = Crash(hook=Hook.AFTER_COMMIT, part=0.5, wakes=True)

    result = run(runner, database, death=asleep, policy="resend")

    assert result.died


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("part", THROUGH_A_RUN)
def test_a_full_disk_for_a_while_loses_nothing(
    runner: Runner, database: Database, part: float
) -> None:
    run(runner, database, meddling=Meddling(what=What.FULL, part=part, one=2))


@pytest.mark.parametrize("database", DATABASES)
def test_a_disk_that_stays_full_between_250_and_the_outcome_leaves_unknown(
    runner: Runner, database: Database
) -> None:
    """The outcome is tried for seconds; then the lease says what nobody could write down."""
    full = Meddling(what=What.FULL, part=0.4)

    result = run(runner, database, meddling=full, connections=1, pipelining=False)

    assert result.verdict.states["sent"] + result.verdict.states["unknown"] == 10
    assert result.verdict.states["unknown"] <= 1


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("what", [What.LOCK, What.CUT])
@pytest.mark.parametrize("part", THROUGH_A_RUN)
def test_a_database_that_is_locked_or_lost_between_commits(
    runner: Runner, database: Database, what: What, part: float
) -> None:
    run(runner, database, meddling=Meddling(what=what, part=part))


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("part", [0.0, 0.15, 0.3, 0.5])
def test_whoever_leaves_in_the_middle_of_a_run_gets_what_had_begun_and_no_more(
    runner: Runner, database: Database, part: float
) -> None:
    result = run(
        runner, database, meddling=Meddling(what=What.UNSUBSCRIBE, part=part, one=3), connections=1
    )

    assert result.verdict.accepted in (8, 9)


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("papers", [(0, 1), (1, 0), (0, 2), (2, 0), (3, 1)])
@pytest.mark.parametrize("part", [0.15, 0.3, 0.6])
def test_papers_that_become_one_in_the_middle_of_a_run_are_sent_once(
    runner: Runner, database: Database, papers: tuple[int, int], part: float
) -> None:
    one, other = papers
    merged = Meddling(what=What.MERGE, part=part, one=one, other=other)

    result = run(runner, database, meddling=merged)

    assert result.verdict.states == {"sent": 10}


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("pipelining", [False, True])
def test_two_ticks_at_once_do_the_work_of_one(
    runner: Runner, database: Database, *, pipelining: bool
) -> None:
    result = run(runner, database, second_worker=True, pipelining=pipelining)

    assert result.verdict.states == {"sent": 10}
    assert result.verdict.accepted == 10
