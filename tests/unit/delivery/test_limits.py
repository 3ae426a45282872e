"""What may be handed off now: holds that grow, and rates of domains."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.delivery.limits import Limits, Wait
from digest.delivery.outcomes import Stage, decide_outcome
from digest.model import Outcome, SendLimit

NOW = datetime(2026, 2, 2, 8, tzinfo=UTC)
SLOW_DOWN = decide_outcome(Stage.RCPT, 421, "4.7.0 slow down")
REFUSED = decide_outcome(Stage.MAIL, 550, "5.7.1 not you")
SENT = decide_outcome(Stage.CONTENT, 250, "2.0.0 ok")
MINUTE = timedelta(minutes=1)


def note(limits: Limits, outcome: Outcome, at: datetime, *, relay_stops: bool = False) -> None:
    limits.note(outcome, "slow.example", at, relay_stops=relay_stops)


def test_a_domain_that_asks_for_patience_is_held_and_no_other() -> None:
    limits = Limits()

    note(limits, SLOW_DOWN, NOW)

    assert limits.wait_of("slow.example", NOW) == Wait(
        NOW + 5 * MINUTE, "waiting: its domain asked for a pause"
    )
    assert limits.wait_of("slow.example", NOW + 5 * MINUTE) is None
    assert limits.wait_of("quick.example", NOW) is None


def test_each_hold_after_another_lasts_longer_until_something_is_accepted() -> None:
    limits = Limits()
    note(limits, SLOW_DOWN, NOW)
    note(limits, SLOW_DOWN, NOW + 2 * MINUTE)
    second = NOW + 5 * MINUTE
    note(limits, SLOW_DOWN, second)

    assert limits.wait_of("slow.example", second + 14 * MINUTE) is not None
    assert limits.wait_of("slow.example", second + 15 * MINUTE) is None
    note(limits, SENT, second + 15 * MINUTE)
    note(limits, SLOW_DOWN, second + 16 * MINUTE)
    assert limits.wait_of("slow.example", second + 21 * MINUTE) is None


def test_the_relay_is_held_when_it_refuses_us_and_stops_the_run() -> None:
    limits = Limits()

    note(limits, REFUSED, NOW, relay_stops=True)

    (changed,) = limits.take_changed()
    assert changed == SendLimit(
        key="relay", held_until_at=NOW + 5 * MINUTE, holds=1, reason="550 5.7.1 not you"
    )
    assert limits.relay_hold(NOW) == changed
    assert limits.relay_hold(NOW + 5 * MINUTE) is None


def test_no_hold_of_the_relay_is_longer_than_an_hour() -> None:
    known = SendLimit(key="relay", held_until_at=NOW, holds=7, reason="no")
    limits = Limits([known])

    note(limits, REFUSED, NOW, relay_stops=True)

    assert limits.relay_hold(NOW + 59 * MINUTE) is not None
    assert limits.relay_hold(NOW + 60 * MINUTE) is None


@pytest.mark.parametrize(
    "outcome",
    [
        decide_outcome(Stage.CONNECT, None, "connection refused"),
        decide_outcome(Stage.RCPT, 450, "4.7.1 greylisted, come back"),
        decide_outcome(Stage.RCPT, 550, "5.1.1 nobody"),
    ],
)
def test_other_outcomes_hold_nothing(outcome: Outcome) -> None:
    limits = Limits()

    note(limits, outcome, NOW, relay_stops=True)

    assert limits.take_changed() == []


def test_a_hold_that_was_kept_still_holds() -> None:
    before = Limits()
    note(before, SLOW_DOWN, NOW)

    after = Limits(before.take_changed())

    assert after.wait_of("slow.example", NOW + MINUTE) is not None


def test_an_acceptance_lifts_what_was_held_and_says_so() -> None:
    limits = Limits([SendLimit(key="slow.example", held_until_at=NOW, holds=2, reason="421")])

    note(limits, SENT, NOW)

    assert limits.take_changed() == [SendLimit(key="slow.example", lifted_at=NOW)]


def test_what_was_on_its_way_when_a_domain_asked_for_patience_does_not_end_the_pause() -> None:
    limits = Limits()
    note(limits, SLOW_DOWN, NOW)

    note(limits, SENT, NOW + MINUTE)

    assert limits.wait_of("slow.example", NOW + MINUTE) is not None


def test_what_was_on_its_way_when_the_relay_refused_us_does_not_end_its_hold() -> None:
    limits = Limits()
    note(limits, REFUSED, NOW, relay_stops=True)

    note(limits, SENT, NOW + MINUTE)

    assert limits.relay_hold(NOW + MINUTE) is not None


def test_a_domain_gets_so_many_in_a_minute_and_then_waits() -> None:
    limits = Limits(per_minute=2)
    limits.use("x.example", NOW)
    limits.use("x.example", NOW)

    wait = limits.wait_of("x.example", NOW)

    assert wait == Wait(
        NOW + timedelta(seconds=30), "waiting: as many as allowed have gone to its domain"
    )
    assert limits.wait_of("x.example", NOW + timedelta(seconds=30)) is None
    assert limits.wait_of("y.example", NOW) is None


def test_what_was_used_of_a_rate_is_remembered_by_the_next_run() -> None:
    before = Limits(per_minute=1)
    before.use("x.example", NOW)

    after = Limits(before.take_changed(), per_minute=1)

    assert after.wait_of("x.example", NOW) is not None
    assert after.wait_of("x.example", NOW + MINUTE) is None
    assert Limits(before.take_changed()).wait_of("x.example", NOW) is None


def test_a_clock_set_back_gives_no_more_than_there_was() -> None:
    limits = Limits(per_minute=1)
    limits.use("x.example", NOW)

    assert limits.wait_of("x.example", NOW - timedelta(days=1)) is not None


def test_what_is_remembered_of_domains_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.delivery.limits.REMEMBERED", 2)
    limits = Limits(per_minute=1)

    limits.use("a.example", NOW)
    limits.use("b.example", NOW)
    limits.use("c.example", NOW)

    assert limits.wait_of("a.example", NOW) is None
    assert limits.wait_of("c.example", NOW) is not None


def test_a_hold_that_is_put_back_stays_beside_a_newer_change_of_the_rate() -> None:
    limits = Limits(per_minute=5)
    note(limits, SLOW_DOWN, NOW)
    unsaved = limits.take_changed()
    limits.use("slow.example", NOW)

    limits.put_back(unsaved)

    (changed,) = limits.take_changed()
    assert (changed.held_until_at, changed.tokens) == (NOW + 5 * MINUTE, 4)
