"""Preparing what is owed, from the tables of papers, feeds and subscribers."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update
from structlog.testing import capture_logs

from digest.clock import fixed_clock
from digest.delivery.composing import digest_of_plan, load_digests
from digest.delivery.materialise import Materialised, materialise, plan_preview
from digest.errors import StorageError
from digest.model import Delivery, Schedule, SubscriberId
from digest.settings import DigestSettings
from digest.store import ledger
from digest.store.engine import Store
from digest.store.subscribers import get_subscriber
from digest.store.tables import PaperRow, QueryRow, SubscriberRow, WindowRow
from tests.support.ledger_world import (
    DAY,
    EVERY_DAY,
    MONDAY,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    counts,
    message_ids,
    plan,
    prepare,
)

HOUR = timedelta(hours=1)


def prepare_owed(
    store: Store, at: datetime = MONDAY, *, ids: str = "m", shard_size: int = 1000
) -> Materialised:
    return asyncio.run(
        materialise(
            store,
            clock=fixed_clock(at),
            settings=DigestSettings(),
            message_ids=message_ids(ids),
            shard_size=shard_size,
        )
    )


def deliveries(store: Store) -> list[Delivery]:
    with store.read() as tx:
        return [entry.delivery for entry in reversed(ledger.list_entries(tx))]


def schedule_of(store: Store, subscriber: SubscriberId) -> tuple[datetime | None, datetime | None]:
    with store.read() as tx:
        row = tx.exec(select(SubscriberRow).where(col(SubscriberRow.id) == subscriber)).one()
        return row.next_digest_at, row.welcome_due_at


def test_the_best_papers_are_taken_and_the_rest_is_counted(store: Store) -> None:
    papers = add_papers(store, 8)
    (subscriber,) = add_subscribers(store, 1, max_papers=3)

    done = prepare_owed(store)

    (delivery,) = deliveries(store)
    assert (len(done.ids), done.candidates, done.existing) == (1, 1, 0)
    assert [one.paper_id for one in delivery.papers] == papers[:3]
    assert (delivery.carried, delivery.left_over) == (3, 5)
    assert list(delivery.rest) == papers[3:]
    assert schedule_of(store, subscriber) == (MONDAY + DAY, None)


def test_shards_cover_everybody_once(store: Store) -> None:
    add_papers(store, 2)
    add_subscribers(store, 25)

    done = prepare_owed(store, shard_size=10)

    assert (len(done.ids), done.subscribers) == (25, 25)
    assert_all_accounted_for(store)


def test_preparing_again_prepares_nothing(store: Store) -> None:
    add_papers(store, 2)
    add_subscribers(store, 3)

    prepare_owed(store)
    again = prepare_owed(store)

    assert again == Materialised()


def test_a_period_whose_date_exists_is_left_and_the_schedule_moves_on(store: Store) -> None:
    papers = add_papers(store, 2)
    (subscriber,) = add_subscribers(store, 1)
    prepare(store, plan(subscriber, papers[:1]), now=MONDAY - HOUR)

    done = prepare_owed(store)

    assert (len(done.ids), done.candidates, done.existing) == (0, 1, 1)
    assert schedule_of(store, subscriber)[0] == MONDAY + DAY


def test_papers_whose_windows_opened_before_consent_are_not_eligible(store: Store) -> None:
    add_papers(store, 2, opened_at=MONDAY - 40 * DAY)
    add_papers(store, 2, opened_at=MONDAY - 15 * DAY)
    new = add_papers(store, 1)
    add_subscribers(store, 1)

    prepare_owed(store)

    assert [one.paper_id for one in deliveries(store)[0].papers] == new


def test_what_became_too_late_is_in_the_next_digest(store: Store) -> None:
    papers = add_papers(store, 2)
    add_subscribers(store, 1)
    prepare_owed(store)

    with store.write() as tx:
        ledger.tidy(tx, MONDAY + DAY)
    prepare_owed(store, MONDAY + DAY, ids="tue")

    monday, tuesday = deliveries(store)
    assert (monday.state, tuesday.state) == ("failed", "ready")
    assert [one.paper_id for one in tuesday.papers] == papers
    assert_all_accounted_for(store)


def test_downtime_is_recorded_and_loses_no_paper(store: Store) -> None:
    papers = add_papers(store, 2)
    add_subscribers(store, 1)

    prepare_owed(store, MONDAY + 3 * DAY + HOUR)

    assert [(one.period, one.state, one.reply) for one in deliveries(store)] == [
        ("2026-02-02", "skipped", "service was down"),
        ("2026-02-03", "skipped", "service was down"),
        ("2026-02-04", "skipped", "service was down"),
        ("2026-02-05", "ready", ""),
    ]
    assert [one.paper_id for one in deliveries(store)[-1].papers] == papers


def test_a_welcome_comes_once_with_papers_of_the_last_week(store: Store) -> None:
    week_old = add_papers(store, 2, opened_at=MONDAY - 6 * DAY)
    add_papers(store, 2, opened_at=MONDAY - 8 * DAY)
    (subscriber,) = add_subscribers(
        store, 1, next_digest_at=MONDAY + 5 * HOUR, welcome_due_at=MONDAY
    )
    with store.write() as tx:  # a baseline opens no window, and is still worth a welcome
        tx.exec(update(WindowRow).values(opened_at=None))

    prepare_owed(store)
    first = schedule_of(store, subscriber)
    with store.write() as tx:
        tx.exec(update(SubscriberRow).values(welcome_due_at=MONDAY + HOUR))
    prepare_owed(store, MONDAY + HOUR, ids="again")

    (welcome,) = deliveries(store)
    assert welcome.period == "welcome"
    assert sorted(one.paper_id for one in welcome.papers) == week_old
    assert first == (MONDAY + DAY, None)
    assert schedule_of(store, subscriber) == (MONDAY + DAY, None)
    assert welcome.closes_at == MONDAY + DAY


def test_a_pause_owes_nothing_and_ends(store: Store) -> None:
    add_papers(store, 2)
    paused = Schedule(
        timezone="UTC", hour=8, weekdays=EVERY_DAY.weekdays, pause_until=MONDAY + 2 * DAY
    )
    (subscriber,) = add_subscribers(store, 1, schedule=paused)

    prepare_owed(store)
    during = counts(store).prepared
    prepare_owed(store, MONDAY + 2 * DAY, ids="after")

    assert during == 0
    assert [one.period for one in deliveries(store)] == ["2026-02-04"]
    assert schedule_of(store, subscriber)[0] == MONDAY + 3 * DAY


def test_a_query_that_cannot_be_read_costs_nobody_else_anything(store: Store) -> None:
    add_papers(store, 2)
    add_subscribers(store, 1)
    add_subscribers(store, 1, query="planning", domain="odd.example")
    with store.write() as tx:
        tx.exec(
            update(QueryRow)
            .where(col(QueryRow.canonical).contains("planning"))
            .values(canonical="((")
        )

    prepare_owed(store)

    assert [one.state for one in deliveries(store)] == ["ready", "skipped"]


def set_zone(store: Store, subscriber: SubscriberId, zone: str) -> None:
    with store.write() as tx:
        tx.exec(
            update(SubscriberRow).where(col(SubscriberRow.id) == subscriber).values(timezone=zone)
        )


def test_a_time_zone_that_cannot_be_read_stops_nobody_else(store: Store) -> None:
    papers = add_papers(store, 2)
    _, odd, _ = add_subscribers(store, 3)
    set_zone(store, odd, "Mars/Base")

    with capture_logs() as logs:
        prepare_owed(store)
    again = prepare_owed(store, MONDAY + HOUR, ids="again")

    first, second, third = deliveries(store)
    assert (first.state, third.state) == ("ready", "ready")
    assert (second.subscriber_id, second.state, second.period) == (odd, "skipped", "2026-02-02")
    assert second.reply.startswith("cannot be planned: time zone 'Mars/Base': is no IANA")
    assert schedule_of(store, odd) == (MONDAY + DAY, None)
    assert again == Materialised()
    (told,) = [one for one in logs if one["log_level"] == "error"]
    assert told["subscriber"] == odd
    set_zone(store, odd, "UTC")
    prepare_owed(store, MONDAY + DAY, ids="mended")
    (mended,) = [one for one in deliveries(store)[3:] if one.subscriber_id == odd]
    assert [one.paper_id for one in mended.papers] == papers


@pytest.mark.parametrize("next_digest_at", [None, MONDAY + 9 * DAY])
def test_an_unreadable_zone_that_owes_nothing_yet_is_looked_at_a_day_later(
    store: Store, next_digest_at: datetime | None
) -> None:
    (odd,) = add_subscribers(store, 1, next_digest_at=next_digest_at)
    set_zone(store, odd, "Mars/Base")

    prepare_owed(store)

    assert deliveries(store) == []
    assert schedule_of(store, odd) == (MONDAY + DAY, None)


def test_an_unreadable_zone_skips_the_welcome_visibly(store: Store) -> None:
    add_papers(store, 2)
    (odd,) = add_subscribers(store, 1, next_digest_at=MONDAY + 5 * HOUR, welcome_due_at=MONDAY)
    set_zone(store, odd, "Mars/Base")

    prepare_owed(store)

    assert [(one.period, one.state) for one in deliveries(store)] == [("welcome", "skipped")]
    assert schedule_of(store, odd) == (MONDAY + 5 * HOUR, None)


def test_an_interest_saved_during_the_run_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_papers(store, 2)
    add_subscribers(store, 1)
    original = ledger.due_subscribers
    calls: list[int] = []

    def late_arrival(*args: object, **kwargs: object) -> list[ledger.DueSubscriber]:
        calls.append(1)
        if len(calls) == 3:  # the look for a second shard, after the papers were matched
            add_subscribers(store, 1, query="agents that plan", domain="late.example")
        return original(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "due_subscribers", late_arrival)

    prepare_owed(store, shard_size=1)

    assert [len(one.papers) for one in deliveries(store)] == [2, 2]


@pytest.mark.parametrize(("failures", "prepared"), [(1, 1), (2, None)])
def test_papers_that_merged_meanwhile_are_looked_at_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, failures: int, prepared: int | None
) -> None:
    add_papers(store, 2)
    add_subscribers(store, 1)
    original = ledger.insert_plans
    left = iter(range(failures))

    def merged(*args: object, **kwargs: object) -> ledger.Inserted:
        if next(left, None) is not None:
            raise IntegrityError(
                "insert", {}, sqlite3.IntegrityError("FOREIGN KEY constraint failed")
            )
        return original(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "insert_plans", merged)

    if prepared is None:
        with pytest.raises(StorageError, match="FOREIGN KEY"):
            prepare_owed(store)
    else:
        assert len(prepare_owed(store).ids) == prepared


def test_sums_that_do_not_add_up_keep_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_papers(store, 2)
    (subscriber,) = add_subscribers(store, 1)
    original = ledger.insert_plans

    def forgetful(*args: object, **kwargs: object) -> ledger.Inserted:
        original(*args, **kwargs)  # type: ignore[arg-type]
        return ledger.Inserted()

    monkeypatch.setattr(ledger, "insert_plans", forgetful)

    with pytest.raises(StorageError, match="1 digests were owed, but 0 were prepared"):
        prepare_owed(store)
    assert counts(store).prepared == 0
    assert schedule_of(store, subscriber)[0] == MONDAY


def test_a_stop_begins_no_shard(store: Store) -> None:
    add_subscribers(store, 1)

    async def stopped() -> Materialised:
        stop = asyncio.Event()
        stop.set()
        return await materialise(
            store,
            clock=fixed_clock(MONDAY),
            settings=DigestSettings(),
            message_ids=message_ids(),
            stop=stop,
        )

    assert asyncio.run(stopped()) == Materialised()


def test_a_preview_is_what_would_be_sent_and_writes_nothing(store: Store) -> None:
    papers = add_papers(store, 2)
    (subscriber_id,) = add_subscribers(store, 1, next_digest_at=MONDAY + DAY)

    with store.read() as tx:
        subscriber = get_subscriber(tx, subscriber_id)
        assert subscriber is not None
        preview = plan_preview(tx, subscriber, now=MONDAY, settings=DigestSettings())
        digest = digest_of_plan(tx, preview, subscriber)

    assert [one.paper_id for one in preview.papers] == papers
    assert preview.period == "2026-02-02"
    assert digest.matches[0].reasons[0].term == "agents"
    assert counts(store).prepared == 0
    assert schedule_of(store, subscriber_id)[0] == MONDAY + DAY


def test_a_digest_reads_as_its_papers_read_now(store: Store) -> None:
    add_papers(store, 2)
    add_subscribers(store, 1)
    prepare_owed(store)
    with store.write() as tx:
        tx.exec(update(PaperRow).where(col(PaperRow.id) == 1).values(title="A new title"))

    with store.read() as tx:
        (digest,) = load_digests(tx, deliveries(store)).values()

    assert [match.paper.title for match in digest.matches] == [
        "A new title",
        "Agents that plan, part 1",
    ]
    assert [reason.field for reason in digest.matches[0].reasons] == ["abstract"]
