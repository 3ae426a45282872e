"""Materialise: everything owed becomes ledger rows, a shard of subscribers a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from digest.clock import Clock
from digest.delivery.editions import Editions
from digest.delivery.known_queries import KnownQueries
from digest.delivery.planning import Edition, Owing, compose_owed, plan_owed, plan_unreadable
from digest.digests.compose import Selection
from digest.digests.schedule import OwedPeriod, next_digest_at, period_of
from digest.errors import CollisionError, DigestError, StorageError
from digest.matching.reading import NO_SYNONYMS, Synonyms
from digest.model import DeliveryPlan, PaperId, QueryId, Subscriber, SubscriberId
from digest.settings import DigestSettings
from digest.store import ledger
from digest.store.engine import Store
from digest.store.ledger import DueSubscriber, IdRanges
from digest.store.subscribers import clear_welcome_due, set_next_digest_at

log = structlog.get_logger(__name__)

SHARD_SIZE = 1000
_TRIES = 4
MessageIds = Callable[[], str]
"""Returns a new Message-ID with its angle brackets, opaque and random."""


@dataclass(slots=True)
class Materialised:
    """What a run prepared: ids of the new deliveries, and counts of plans.

    `candidates` is prepared + `existing`: the periods that had a row already.
    """

    ids: IdRanges = field(default_factory=IdRanges)
    candidates: int = 0
    existing: int = 0
    subscribers: int = 0


async def materialise(
    store: Store,
    *,
    clock: Clock,
    settings: DigestSettings,
    message_ids: MessageIds,
    queries: KnownQueries | None = None,
    stop: asyncio.Event | None = None,
    shard_size: int = SHARD_SIZE,
) -> Materialised:
    """Prepare all that is owed, and move the schedules on.

    Doing it twice, or in two processes at once, prepares nothing twice.

    Args:
        store: The database.
        clock: Read once a shard.
        settings: For how long papers are eligible.
        message_ids: Source of new Message-IDs.
        queries: What this process has indexed so far, None to begin anew.
        stop: When set, no further shard is begun.
        shard_size: Subscribers in one transaction.

    Raises:
        StorageError: If the database refuses, or the sums of a shard do not add up.
    """
    done = Materialised()
    shards = _Shards(store, settings, message_ids, shard_size, queries or KnownQueries())
    while stop is None or not stop.is_set():
        more = await asyncio.to_thread(shards.prepare_next, clock(), done)
        if not more:
            break
    return done


class _Shards:
    """Goes through the due subscribers once, by id; matches the papers once a run."""

    def __init__(
        self,
        store: Store,
        settings: DigestSettings,
        message_ids: MessageIds,
        size: int,
        queries: KnownQueries,
    ) -> None:
        self._store = store
        self._settings = settings
        self._message_ids = message_ids
        self._size = size
        self._queries = queries
        self._after: SubscriberId | None = None
        self._editions: Editions | None = None
        self._today: Edition | None = None

    def prepare_next(self, now: datetime, done: Materialised) -> bool:
        """Prepare one shard; return False when nobody was due."""
        collisions, merged = 0, False
        while True:
            try:
                return self._prepare(now, done)
            except CollisionError:
                if (collisions := collisions + 1) == _TRIES:
                    raise
                log.info("shard collided")
            except IntegrityError as exc:
                if merged:
                    raise StorageError(f"deliveries cannot be prepared: {exc.orig}") from exc
                # Two papers became one after they were matched: look again, once.
                log.info("papers changed during a shard")
                self._editions = self._today = None
                merged = True

    def _prepare(self, now: datetime, done: Materialised) -> bool:
        with self._store.read() as tx:
            if not ledger.due_subscribers(tx, now, limit=1, after=self._after):
                return False
            today = self._match(tx, now)
        with self._store.write_concurrently() as tx:
            due = ledger.due_subscribers(tx, now, limit=self._size, after=self._after, hold=True)
            if self._queries.include(tx, _query_ids(due)):
                self._editions = None  # somebody saved a new interest since
                today = self._match(tx, now)
            owings = self._plan(tx, due, today, now)
            plans = [plan for owing in owings for plan in owing.plans]
            inserted = ledger.insert_plans(
                tx, plans, now=now, message_ids=[self._message_ids() for _ in plans]
            )
            set_next_digest_at(
                tx,
                [
                    (one.subscriber.id, owing.next_digest_at)
                    for one, owing in zip(due, owings, strict=True)
                ],
            )
            clear_welcome_due(tx, [one.subscriber.id for one in due if one.welcome_marked])
            self._check_sums(tx, plans, inserted)
        done.ids.add_all(sorted(inserted.ids))
        done.candidates += len(plans)
        done.existing += inserted.existing
        done.subscribers += len(due)
        if due:
            self._after = due[-1].subscriber.id
        log.info(
            "shard prepared",
            subscribers=len(due),
            prepared=len(inserted.ids),
            existing=inserted.existing,
        )
        return len(due) == self._size

    def _match(self, tx: Session, now: datetime) -> Edition:
        if self._editions is None or self._today is None:
            self._queries.follow(tx)
            self._editions = Editions(self._queries)
            self._today = self._editions.today(tx, now, self._settings)
        return self._today

    def _plan(
        self, tx: Session, due: list[DueSubscriber], today: Edition, now: datetime
    ) -> list[Owing]:
        editions = self._editions
        assert editions is not None
        sent = ledger.sent_papers(tx, [one.subscriber.id for one in due])
        picked = today.select([one.subscriber for one in due], sent)
        return [
            _plan_one(
                one,
                sent=sent.get(one.subscriber.id, ()),
                today=today,
                selection=selection,
                recent=lambda: editions.recent(tx, now),
                now=now,
            )
            for one, selection in zip(due, picked, strict=True)
        ]

    @staticmethod
    def _check_sums(tx: Session, plans: list[DeliveryPlan], inserted: ledger.Inserted) -> None:
        prepared = ledger.count_deliveries(tx, IdRanges(sorted(inserted.ids))).prepared
        if prepared + inserted.existing != len(plans):
            raise StorageError(
                f"{len(plans)} digests were owed, but {prepared} were prepared and "
                f"{inserted.existing} existed: nothing of this shard was kept"
            )


def _query_ids(due: Iterable[DueSubscriber]) -> Iterator[QueryId]:
    return (interest.query_id for one in due for interest in one.subscriber.interests)


def _plan_one(
    due: DueSubscriber,
    *,
    sent: Iterable[PaperId],
    today: Edition,
    selection: Selection,
    recent: Callable[[], Edition],
    now: datetime,
) -> Owing:
    """Plan for one subscriber; a row that cannot be read must not hold up the others."""
    subscriber = due.subscriber
    try:
        return plan_owed(
            subscriber,
            welcome_due=due.welcome_due,
            sent=sent,
            today=today,
            recent=recent,
            now=now,
            selection=selection,
        )
    except StorageError:
        raise
    except DigestError as exc:
        log.exception("digest not planned", subscriber=subscriber.id, cause=str(exc))
        return plan_unreadable(subscriber, welcome_due=due.welcome_due, cause=str(exc), now=now)


def plan_preview(
    tx: Session,
    subscriber: Subscriber,
    *,
    now: datetime,
    settings: DigestSettings,
    synonyms: Synonyms = NO_SYNONYMS,
) -> DeliveryPlan:
    """Compose the digest a subscriber would get if it were due now; writes nothing."""
    today = Editions.of_one(tx, subscriber, synonyms).today(tx, now, settings)
    return compose_owed(
        subscriber,
        OwedPeriod(
            period_of(subscriber.schedule, now), now, next_digest_at(subscriber.schedule, now)
        ),
        today,
        ledger.sent_papers(tx, [subscriber.id]).get(subscriber.id, ()),
    )
