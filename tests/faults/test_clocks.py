"""Clocks that change: daylight saving both ways, and ticks on either side of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.clock import fixed_clock
from digest.delivery.outbox import OutboxTransport
from digest.delivery.run import deliver
from digest.model import Schedule
from digest.settings import Settings
from digest.store import ledger
from digest.store.engine import Store
from tests.support.ledger_world import (
    PlainComposer,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    message_ids,
)

HALF_AN_HOUR = timedelta(minutes=30)


def tick(store: Store, outbox: Path, at: datetime) -> None:
    asyncio.run(
        deliver(
            store,
            clock=fixed_clock(at),
            settings=Settings(),
            composer=PlainComposer(),
            transport=OutboxTransport(outbox),
            message_ids=message_ids(at.isoformat().replace(":", "-").replace("+", "-")),
        )
    )


def in_new_york(store: Store, *, hour: int, first: datetime) -> None:
    add_papers(store, 9, opened_at=first - timedelta(hours=6))
    add_subscribers(
        store,
        1,
        next_digest_at=first,
        max_papers=2,
        schedule=Schedule(timezone="America/New_York", hour=hour, weekdays=frozenset(range(7))),
    )


@pytest.mark.parametrize(
    ("hour", "days", "scheduled"),
    [
        pytest.param(
            2,
            [datetime(2026, 3, day, 4, tzinfo=UTC) for day in (7, 8, 9)],
            [
                ("2026-03-07", datetime(2026, 3, 7, 7, tzinfo=UTC)),
                ("2026-03-08", datetime(2026, 3, 8, 7, tzinfo=UTC)),
                ("2026-03-09", datetime(2026, 3, 9, 6, tzinfo=UTC)),
            ],
            id="an hour that is skipped means the first instant after it",
        ),
        pytest.param(
            1,
            [
                datetime(2026, 10, 31, 4, tzinfo=UTC),
                datetime(2026, 11, 1, 4, tzinfo=UTC),
                datetime(2026, 11, 2, 4, tzinfo=UTC),
            ],
            [
                ("2026-10-31", datetime(2026, 10, 31, 5, tzinfo=UTC)),
                ("2026-11-01", datetime(2026, 11, 1, 5, tzinfo=UTC)),
                ("2026-11-02", datetime(2026, 11, 2, 6, tzinfo=UTC)),
            ],
            id="of an hour that comes twice the first counts",
        ),
    ],
)
def test_daylight_saving_mails_each_day_once(
    store: Store,
    tmp_path: Path,
    hour: int,
    days: list[datetime],
    scheduled: list[tuple[str, datetime]],
) -> None:
    in_new_york(store, hour=hour, first=scheduled[0][1])
    ticks = [day + number * HALF_AN_HOUR for day in days for number in range(9)]

    for at in ticks:
        tick(store, tmp_path / "outbox", at)

    with store.read() as tx:
        found = [one.delivery for one in reversed(ledger.list_entries(tx))]
    assert [(one.period, one.scheduled_at) for one in found] == scheduled
    assert [one.state.value for one in found] == ["sent", "sent", "sent"]
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 3
    assert_all_accounted_for(store)


def test_a_clock_that_is_set_back_over_the_repeated_hour_mails_once(
    store: Store, tmp_path: Path
) -> None:
    first = datetime(2026, 11, 1, 5, tzinfo=UTC)
    in_new_york(store, hour=1, first=first)

    for minutes in (0, 60, 0, 30, -60, 0, 61):
        tick(store, tmp_path / "outbox", first + timedelta(minutes=minutes))

    with store.read() as tx:
        (one,) = ledger.list_entries(tx)
    assert (one.delivery.period, one.delivery.state) == ("2026-11-01", "sent")
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1
