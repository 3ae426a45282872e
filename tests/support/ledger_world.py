"""A small world for the ledger: a database, papers with open windows, subscribers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import Session, col, select

from digest.model import (
    Delivery,
    DeliveryId,
    DeliveryPlan,
    Digest,
    Interest,
    InterestKind,
    Message,
    Outcome,
    OutcomeKind,
    PaperId,
    Period,
    PlannedPaper,
    QueryId,
    Schedule,
    SubscriberId,
    SubscriberState,
)
from digest.settings import Settings
from digest.store import ledger
from digest.store.engine import Store
from digest.store.interests import get_or_create_query, replace_interests
from digest.store.ledger import LedgerCounts
from digest.store.tables import DeliveryPaperRow, FeedRow, PaperRow, SubscriberRow, WindowRow

MONDAY = datetime(2026, 2, 2, 8, tzinfo=UTC)
"""The scheduled instant of the first digest in these tests."""

DAY = timedelta(days=1)
EVERY_DAY = Schedule(timezone="UTC", hour=8, weekdays=frozenset(range(7)))


def open_store(folder: Path) -> Store:
    """Open a new database; the schema is made once and copied."""
    (folder / "digest.db").write_bytes(_empty_database())
    return Store(f"sqlite:///{folder / 'digest.db'}")


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        store = Store(f"sqlite:///{path}")
        store.ensure_schema()
        store.close()
        return path.read_bytes()


def add_papers(
    store: Store, count: int, *, opened_at: datetime = MONDAY - timedelta(hours=2)
) -> list[PaperId]:
    """Add papers on agents, each with a window that opened then."""
    ids: list[PaperId] = []
    with store.write() as tx:
        feed_id = tx.exec(select(FeedRow.id).where(col(FeedRow.name) == "hf")).first()
        if feed_id is None:
            feed = FeedRow(
                name="hf",
                url="https://example.org/feed",
                kind="feed",
                created_at=opened_at,
                baseline_at=opened_at - DAY,
                next_poll_at=opened_at,
            )
            tx.add(feed)
            tx.flush()
            feed_id = feed.id
        assert feed_id is not None
        for number in range(count):
            paper = PaperRow(
                alias=f"arxiv:{opened_at:%y%m}.{opened_at:%d%H}{number:03}",
                title=f"Agents that plan, part {number}",
                abstract="We study agents that plan ahead.",
                authors=["Ada Lovelace"],
                url=f"https://example.org/{number}",
                first_seen_at=opened_at,
                dated_on=opened_at.date(),
                upvotes=count - number,
            )
            tx.add(paper)
            tx.flush()
            assert paper.id is not None
            tx.add(
                WindowRow(
                    paper_id=paper.id, feed_id=feed_id, listed_at=opened_at, opened_at=opened_at
                )
            )
            ids.append(PaperId(paper.id))
    return ids


def add_subscribers(
    store: Store,
    count: int,
    *,
    next_digest_at: datetime | None = MONDAY,
    welcome_due_at: datetime | None = None,
    schedule: Schedule = EVERY_DAY,
    max_papers: int = 5,
    query: str = "agents",
    domain: str = "example.org",
    state: SubscriberState = SubscriberState.ACTIVE,
) -> list[SubscriberId]:
    """Add subscribers `reader1@…`, who consented long ago and want agents."""
    consented_at = MONDAY - 30 * DAY
    with store.write() as tx:
        rows = [
            SubscriberRow(
                email=f"reader{number}@{domain}",
                email_key=f"reader{number}@{domain}",
                state=state.value,
                timezone=schedule.timezone,
                hour=schedule.hour,
                weekdays=sum(1 << day for day in schedule.weekdays),
                pause_until=schedule.pause_until,
                max_papers=max_papers,
                created_at=consented_at,
                consented_at=consented_at,
                next_digest_at=next_digest_at,
                welcome_due_at=welcome_due_at,
            )
            for number in range(1, count + 1)
        ]
        tx.add_all(rows)
        tx.flush()
        ids = [SubscriberId(row.id) for row in rows if row.id is not None]
        query_id = get_or_create_query(tx, query)
        interest = Interest(kind=InterestKind.KEYWORD, text=query, query_id=query_id)
        replace_interests(tx, {one: [interest] for one in ids}, now=consented_at)
    return ids


def plan(
    subscriber_id: SubscriberId,
    papers: Sequence[PaperId],
    *,
    period: str = "2026-02-02",
    scheduled_at: datetime = MONDAY,
    closes_at: datetime = MONDAY + DAY,
    skip_reason: str = "",
) -> DeliveryPlan:
    return DeliveryPlan(
        subscriber_id=subscriber_id,
        period=Period(period),
        scheduled_at=scheduled_at,
        closes_at=closes_at,
        papers=tuple(PlannedPaper(paper_id=one, query_ids=(QueryId(1),)) for one in papers),
        skip_reason=skip_reason,
    )


def prepare(store: Store, *plans: DeliveryPlan, now: datetime = MONDAY) -> tuple[DeliveryId, ...]:
    with store.write() as tx:
        return ledger.insert_plans(
            tx, plans, now=now, message_ids=[next(_MESSAGE_IDS) for _ in plans]
        ).ids


_NUMBERS = itertools.count(1)
_MESSAGE_IDS = (f"<test-{number}@example.org>" for number in _NUMBERS)


def message_ids(prefix: str = "m") -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"<{prefix}-{next(numbers)}@example.org>"


class PlainComposer:
    """A composer for tests of the way, not of the mail: small, and as quick as can be."""

    def __init__(self, *, refuse: Mapping[str, str] | None = None) -> None:
        self._refuse = refuse or {}

    def check(self) -> None:
        """There are no templates."""

    def compose_batch(
        self, tx: Session, deliveries: Sequence[Delivery]
    ) -> dict[DeliveryId, Message | Outcome]:
        from digest.delivery.composing import load_digests

        digests = load_digests(tx, deliveries)
        return {one.id: self._build(one, digests[one.id]) for one in deliveries}

    def _build(self, delivery: Delivery, digest: Digest) -> Message | Outcome:
        email = digest.subscriber.email
        if email in self._refuse:
            return Outcome(kind=OutcomeKind.FAILED, reply=self._refuse[email])
        titles = "\r\n".join(match.paper.title for match in digest.matches)
        return Message(
            envelope_from="digest@example.org",
            recipient=email,
            message_id=delivery.message_id,
            content=(
                f"From: digest@example.org\r\nTo: {email}\r\n"
                f"Message-ID: {delivery.message_id}\r\nSubject: papers\r\n\r\n{titles}\r\n"
            ).encode(),
        )


def smtp_settings(port: int, **smtp: object) -> Settings:
    return Settings.model_validate(
        {
            "smtp": {
                "host": "127.0.0.1",
                "port": port,
                "security": "none",
                **smtp,
            }
        }
    )


def counts(store: Store) -> LedgerCounts:
    with store.read() as tx:
        return ledger.count_deliveries(tx)


def states(store: Store) -> list[str]:
    with store.read() as tx:
        entries = ledger.list_entries(tx)
    return [entry.delivery.state.value for entry in reversed(entries)]


def assert_all_accounted_for(store: Store) -> None:
    """prepared = sent + bounced + failed + skipped + unknown + queued, and no paper twice.

    The papers of a delivery that may have reached its reader are held by it and by no
    other; a delivery that gave its papers back holds none.
    """
    with store.read() as tx:
        total = ledger.count_deliveries(tx)
        deliveries = [entry.delivery for entry in ledger.list_entries(tx)]
        held = {(row.delivery_id, row.paper_id) for row in tx.exec(select(DeliveryPaperRow)).all()}
    parts = {one.name: getattr(total, one.name) for one in fields(total)}
    assert parts.pop("prepared") == sum(parts.values()) == len(deliveries)
    assert len({(one.subscriber_id, one.period) for one in deliveries}) == len(deliveries)
    seen: set[tuple[int, int]] = set()
    for one in deliveries:
        for paper in one.papers:
            if one.state in ("failed", "bounced", "skipped"):
                assert (one.id, paper.paper_id) not in held
                continue
            assert (one.id, paper.paper_id) in held
            assert (one.subscriber_id, paper.paper_id) not in seen
            seen.add((one.subscriber_id, paper.paper_id))
