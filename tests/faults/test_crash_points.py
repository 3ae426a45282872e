"""A short form of `make faults`: the same points, fewer of them."""

from __future__ import annotations

import pytest

from tests.support.faults.points import DATABASES, Database, Death, point_of
from tests.support.faults.runner import Runner

FORKED = range(99_976, 100_004, 2)
KILLED = range(99_972, 99_976)


@pytest.mark.parametrize("seed", [*KILLED, *FORKED])
@pytest.mark.parametrize("database", DATABASES)
def test_a_sender_that_dies_breaks_no_promise(
    runner: Runner, database: Database, seed: int
) -> None:
    result = runner.run(point_of(seed, databases=(database,)))

    assert result.verdict.wrong == (), f"make faults SEED={seed}: {result.point}"
    assert result.died


def test_a_seed_always_draws_the_same_point() -> None:
    assert point_of(17) == point_of(17)
    assert str(point_of(17)) == str(point_of(17))


def test_two_thousand_points_are_of_all_kinds() -> None:
    points = [point_of(seed) for seed in range(2000)]

    kinds = {(one.how, one.database, one.pipelining) for one in points}
    assert len(kinds) == 4 * len(DATABASES)
    assert sum(one.how is Death.KILL for one in points) == 224
