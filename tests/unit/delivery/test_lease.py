"""How long a hand-off may go on, by two clocks of which one may be set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from digest.delivery.lease import begin_lease
from digest.delivery.sessions import CONTENT_TIMEOUT_S
from digest.delivery.transaction import RECORD_S
from digest.store.ledger import LEASE

MONDAY = datetime(2026, 2, 2, 8, tzinfo=UTC)


class Clocks:
    """The run's clock and the machine's seconds, both to be set."""

    def __init__(self) -> None:
        self.now = MONDAY
        self.machine_s = 1000.0

    def left_s_after(self, *, by_clock_s: float, by_machine_s: float) -> float:
        lease = begin_lease(lambda: self.now, timedelta(minutes=15), seconds=lambda: self.machine_s)
        self.now += timedelta(seconds=by_clock_s)
        self.machine_s += by_machine_s
        return lease.left_s()


def test_a_lease_runs_out_by_both_clocks_alike() -> None:
    assert Clocks().left_s_after(by_clock_s=240, by_machine_s=240) == 660


def test_a_clock_that_was_set_back_makes_no_lease_longer() -> None:
    assert Clocks().left_s_after(by_clock_s=-3600, by_machine_s=240) == 660


def test_a_clock_that_stands_still_makes_no_lease_longer() -> None:
    assert Clocks().left_s_after(by_clock_s=0, by_machine_s=901) == -1


def test_a_clock_that_was_set_forward_ends_the_lease_for_other_workers_and_for_us() -> None:
    assert Clocks().left_s_after(by_clock_s=960, by_machine_s=1) == -60


def test_a_hand_off_has_four_minutes_from_intent_to_content() -> None:
    assert LEASE.total_seconds() - CONTENT_TIMEOUT_S - RECORD_S == 240
