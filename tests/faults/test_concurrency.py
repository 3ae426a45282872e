"""Two of everything at once, zombies, clocks that jump, and people who leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from digest.clock import fixed_clock
from digest.delivery import lane
from digest.delivery.materialise import Materialised, materialise
from digest.delivery.outbox import OutboxTransport
from digest.delivery.run import DeliverCounts, deliver
from digest.delivery.smtp import SmtpTransport
from digest.delivery.transport import Ahead, HandOff, Intend, Transport
from digest.errors import StorageError
from digest.model import ConsentKind, Message, OutcomeKind, SubscriberId
from digest.settings import DigestSettings, Settings
from digest.store import ledger
from digest.store.engine import Store
from digest.store.ledger import Recording
from digest.store.subscribers import suppress
from tests.support.ledger_world import (
    DAY,
    MONDAY,
    PlainComposer,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    counts,
    message_ids,
    smtp_settings,
    states,
)
from tests.support.smtp_server import Drop, smtp_server

LEASE = timedelta(minutes=15)


def run(
    store: Store,
    transport: Transport,
    *,
    at: datetime = MONDAY,
    ids: str = "m",
    settings: Settings | None = None,
) -> DeliverCounts:
    return asyncio.run(
        deliver(
            store,
            clock=fixed_clock(at),
            settings=settings or Settings(),
            composer=PlainComposer(),
            transport=transport,
            message_ids=message_ids(ids),
        )
    )


def at_once(*work: Callable[[], object]) -> None:
    """Run each in a thread of its own; the first error is raised here."""
    errors: list[BaseException] = []

    def guarded(do: Callable[[], object]) -> None:
        try:
            do()
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=guarded, args=(do,)) for do in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_two_runs_at_once_hand_each_digest_off_once(store: Store, database_url: str) -> None:
    add_papers(store, 3)
    add_subscribers(store, 120)
    other = Store(database_url)

    with smtp_server() as server:
        settings = smtp_settings(server.port)
        at_once(
            lambda: run(store, SmtpTransport(settings.smtp), ids="a", settings=settings),
            lambda: run(other, SmtpTransport(settings.smtp), ids="b", settings=settings),
        )
    other.close()

    assert len(server.accepted) == 120
    assert set(server.accepted.values()) == {1}
    assert counts(store).sent == 120
    assert_all_accounted_for(store)


def test_two_materialisers_at_once_prepare_nothing_twice(store: Store, database_url: str) -> None:
    add_papers(store, 3)
    add_subscribers(store, 300)
    other = Store(database_url)
    done: list[Materialised] = []

    def prepare(one: Store, ids: str) -> None:
        done.append(
            asyncio.run(
                materialise(
                    one,
                    clock=fixed_clock(MONDAY),
                    settings=DigestSettings(),
                    message_ids=message_ids(ids),
                    shard_size=20,
                )
            )
        )

    at_once(lambda: prepare(store, "a"), lambda: prepare(other, "b"))
    other.close()

    prepared = sorted([*done[0].ids, *done[1].ids])
    assert len(prepared) == len(set(prepared)) == 300
    assert counts(store).prepared == 300
    assert_all_accounted_for(store)


class LeavingTransport(OutboxTransport):
    """Somebody unsubscribes between RCPT and the intent."""

    def __init__(self, folder: Path, store: Store) -> None:
        super().__init__(folder)
        self._store = store

    async def hand_off(
        self,
        message: Message,
        *,
        name: str,
        lane: int,
        intend: Intend,
        ahead: Ahead | None = None,
    ) -> HandOff:
        if message.recipient == "reader2@example.org":
            with self._store.write() as tx:
                suppress(tx, SubscriberId(2), ConsentKind.UNSUBSCRIBED, MONDAY)
        return await super().hand_off(message, name=name, lane=lane, intend=intend, ahead=ahead)


def test_whoever_leaves_before_the_intent_is_not_mailed(store: Store, tmp_path: Path) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3)

    result = run(store, LeavingTransport(tmp_path / "outbox", store))

    assert result == DeliverCounts(prepared=3, sent=2, skipped=1)
    assert sorted(path.name for path in (tmp_path / "outbox").iterdir()) == [
        "2026-02-02-1.eml",
        "2026-02-02-3.eml",
    ]
    assert_all_accounted_for(store)


class SleepingTransport(OutboxTransport):
    """Falls asleep before the intent, for longer than the lease; another worker comes by."""

    def __init__(self, folder: Path, store: Store) -> None:
        super().__init__(folder)
        self._store = store
        self.answers: list[OutcomeKind] = []

    async def hand_off(
        self,
        message: Message,
        *,
        name: str,
        lane: int,
        intend: Intend,
        ahead: Ahead | None = None,
    ) -> HandOff:
        await deliver(
            self._store,
            clock=fixed_clock(MONDAY + LEASE),
            settings=Settings(),
            composer=PlainComposer(),
            transport=OutboxTransport(self._folder),
            message_ids=message_ids("other"),
        )
        done = await super().hand_off(message, name=name, lane=lane, intend=intend, ahead=ahead)
        self.answers.append(done.outcome.kind)
        return done


def test_a_zombie_with_an_expired_lease_hands_nothing_off(store: Store, tmp_path: Path) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)
    transport = SleepingTransport(tmp_path / "outbox", store)

    result = run(store, transport)

    assert transport.answers == [OutcomeKind.WITHDRAWN]
    assert result == DeliverCounts(prepared=1, sent=1)
    with store.read() as tx:
        (entry,) = ledger.list_entries(tx)
    assert (entry.delivery.fence, entry.delivery.attempts) == (2, 1)


def test_a_clock_that_jumps_mails_nothing_twice(store: Store, tmp_path: Path) -> None:
    add_papers(store, 8)
    add_subscribers(store, 1, max_papers=2)
    outbox = OutboxTransport(tmp_path / "outbox")

    for number, at in enumerate(
        (
            MONDAY,
            MONDAY - DAY,
            MONDAY + 2 * DAY,
            MONDAY,
            MONDAY + DAY,
            MONDAY + 30 * DAY,
            MONDAY + 3 * DAY,
            MONDAY + 4 * DAY,
        )
    ):
        run(store, outbox, at=at, ids=f"run{number}")

    with store.read() as tx:
        deliveries = [entry.delivery for entry in ledger.list_entries(tx)]
    assert len({one.period for one in deliveries}) == len(deliveries)
    assert [one.period for one in deliveries if one.state == "sent"] == ["2026-02-04", "2026-02-02"]
    assert_all_accounted_for(store)


@pytest.mark.parametrize(("losses", "state"), [(2, "sent"), (9, "sending")])
def test_a_database_lost_between_250_and_the_outcome(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    losses: int,
    state: str,
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)
    lost = iter(range(losses))
    record = ledger.record_all

    def failing(tx: Session, *args: object, **kwargs: object) -> list[bool]:
        if next(lost, None) is not None:
            raise StorageError("the database refused: disk I/O error")
        return record(tx, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "record_all", failing)
    monkeypatch.setattr(lane, "_RECORD_TRIES_S", (0.0, 0.0, 0.0))

    if state == "sent":
        run(store, OutboxTransport(tmp_path / "outbox"))
    else:
        with pytest.raises(StorageError, match="disk I/O error"):
            run(store, OutboxTransport(tmp_path / "outbox"))

    assert states(store) == [state]
    monkeypatch.setattr(ledger, "record_all", record)
    run(store, OutboxTransport(tmp_path / "outbox"), at=MONDAY + LEASE)
    assert states(store) == ["sent" if state == "sent" else "unknown"]
    assert_all_accounted_for(store)


def test_what_was_begun_beside_an_outcome_that_cannot_be_recorded_is_given_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 4)
    record = ledger.record_all

    def failing(tx: Session, recordings: Sequence[Recording], now: datetime) -> list[bool]:
        if [one for one in recordings if (one.delivery.id, one.outcome.kind) == (1, "sent")]:
            raise StorageError("the database refused: disk I/O error")
        return record(tx, recordings, now)

    monkeypatch.setattr(ledger, "record_all", failing)
    monkeypatch.setattr(lane, "_RECORD_TRIES_S", (0.0, 0.0, 0.0))

    with smtp_server(pipelining=True) as server:
        settings = smtp_settings(server.port, connections=1)
        with pytest.raises(StorageError, match="disk I/O error"):
            run(store, SmtpTransport(settings.smtp), settings=settings)
        broken_off = states(store)
        monkeypatch.setattr(ledger, "record_all", record)
        run(store, SmtpTransport(settings.smtp), settings=settings, at=MONDAY + LEASE)

    assert broken_off == ["sending", "sent", "ready", "ready"]
    assert states(store) == ["unknown", "sent", "sent", "sent"]
    assert sorted(server.accepted.values()) == [1, 1, 1, 1]
    assert_all_accounted_for(store)


@pytest.mark.parametrize(
    ("policy", "mails", "final"), [("hold", 1, "unknown"), ("resend", 2, "sent")]
)
def test_an_unknown_delivery_is_resent_only_by_policy(
    store: Store, policy: str, mails: int, final: str
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 1)

    with smtp_server() as server:
        settings = smtp_settings(server.port).model_copy(
            update={"digest": DigestSettings.model_validate({"unknown_policy": policy})}
        )
        server.on("CONTENT", Drop(accept=True), times=1)
        first = run(store, SmtpTransport(settings.smtp), settings=settings)
        early = run(
            store, SmtpTransport(settings.smtp), settings=settings, at=MONDAY + timedelta(minutes=4)
        )
        run(
            store, SmtpTransport(settings.smtp), settings=settings, at=MONDAY + timedelta(minutes=5)
        )

    assert first.unknown == 1
    assert early == DeliverCounts()
    assert list(server.accepted.values()) == [mails]
    assert len({one.content for one in server.received}) == 1
    assert states(store) == [final]
    assert_all_accounted_for(store)


class BrokenTransport(OutboxTransport):
    """Breaks its promise and raises, before or after the intent."""

    def __init__(self, folder: Path, *, intends: bool) -> None:
        super().__init__(folder)
        self._intends = intends

    async def hand_off(
        self,
        message: Message,
        *,
        name: str,
        lane: int,
        intend: Intend,
        ahead: Ahead | None = None,
    ) -> HandOff:
        if message.recipient == "reader1@example.org":
            if self._intends:
                await intend()
            raise RuntimeError("a bug")
        return await super().hand_off(message, name=name, lane=lane, intend=intend, ahead=ahead)


@pytest.mark.parametrize(("intends", "then"), [(True, "unknown"), (False, "sent")])
def test_a_transport_that_breaks_holds_up_nobody_else(
    store: Store, tmp_path: Path, then: str, *, intends: bool
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3)

    first = run(store, BrokenTransport(tmp_path / "outbox", intends=intends))
    run(store, OutboxTransport(tmp_path / "outbox"), at=MONDAY + LEASE)

    assert (first.sent, first.queued, first.broken) == (2, 1, (1,))
    assert states(store) == [then, "sent", "sent"]


def test_a_database_that_is_gone_ends_the_run_with_its_cause(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_papers(store, 3)
    add_subscribers(store, 3)

    def refuse(*_args: object, **_kwargs: object) -> bool:
        raise StorageError("the database refused: disk full")

    monkeypatch.setattr(ledger, "intend_all", refuse)

    with pytest.raises(StorageError, match="disk full"):
        run(store, OutboxTransport(tmp_path / "outbox"))

    assert not list((tmp_path / "outbox").glob("*.eml"))
    assert_all_accounted_for(store)
