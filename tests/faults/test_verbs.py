"""Something goes wrong at each verb, and nobody dies: what the ledger makes of it."""

from __future__ import annotations

import pytest

from tests.support.faults.points import DATABASES, Database, Point, Trouble
from tests.support.faults.runner import Runner
from tests.support.smtp_script import Action, Drop

HALF_A_REPLY = Drop(saying=b"25")
GIBBERISH = b"\xff\xfe what?\r\n"
ALL_SENT = {"sent": 10}
ONE_UNKNOWN = {"sent": 9, "unknown": 1}


def go_through(
    runner: Runner, database: Database, verb: str, action: Action, *, pipelining: bool
) -> tuple[dict[str, int], int]:
    """Two days of five readers, with one trouble on the first; states, and acceptances."""
    result = runner.run(
        Point(
            seed=0,
            database=database,
            pipelining=pipelining,
            death=None,
            trouble=Trouble(verb=verb, action=action, nth=1 if verb == "CONNECT" else 2),
        )
    )
    assert result.verdict.wrong == ()
    return dict(result.verdict.states), result.verdict.accepted


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("action", [Drop(), HALF_A_REPLY, GIBBERISH, "421 4.3.2 closing"])
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_before_the_content_a_lost_reply_is_made_good(
    runner: Runner, database: Database, verb: str, action: Action, *, pipelining: bool
) -> None:
    done = go_through(runner, database, verb, action, pipelining=pipelining)

    assert done == (ALL_SENT, 10)


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize(
    ("action", "accepted"),
    [
        (Drop(after_bytes=1), 9),
        (Drop(after_bytes=3000), 9),
        (Drop(), 9),
        (Drop(accept=True), 10),
        (Drop(accept=True, saying=b"250 2.0.0 acc"), 10),
        (GIBBERISH, 9),
    ],
)
def test_after_the_content_began_nobody_knows(
    runner: Runner, database: Database, action: Action, accepted: int, *, pipelining: bool
) -> None:
    done = go_through(runner, database, "CONTENT", action, pipelining=pipelining)

    assert done == (ONE_UNKNOWN, accepted)


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("action", ["421 4.3.2 closing", "452 4.3.1 no room"])
def test_a_coded_refusal_of_the_content_is_tried_again(
    runner: Runner, database: Database, action: str, *, pipelining: bool
) -> None:
    done = go_through(runner, database, "CONTENT", action, pipelining=pipelining)

    assert done == (ALL_SENT, 10)


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("verb", ["DATA", "CONTENT"])
def test_a_refusal_for_good_fails_one_digest_and_gives_its_papers_back(
    runner: Runner, database: Database, verb: str, *, pipelining: bool
) -> None:
    done = go_through(runner, database, verb, "554 5.6.0 not this", pipelining=pipelining)

    assert done == ({"sent": 9, "failed": 1}, 9)


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("pipelining", [False, True])
def test_a_dead_address_gets_nothing_more(
    runner: Runner, database: Database, *, pipelining: bool
) -> None:
    done = go_through(runner, database, "RCPT", "550 5.1.1 nobody", pipelining=pipelining)

    assert done == ({"sent": 8, "bounced": 1}, 8)


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("verb", ["QUIT", "RSET"])
def test_trouble_after_the_work_costs_nothing(
    runner: Runner, database: Database, verb: str, *, pipelining: bool
) -> None:
    done = go_through(runner, database, verb, Drop(), pipelining=pipelining)

    assert done == (ALL_SENT, 10)
