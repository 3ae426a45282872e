"""One run: mend, prepare, hand off until nothing is ready now, count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, fields

import structlog
from sqlmodel import Session

from digest.clock import Clock
from digest.delivery.composing import Composer
from digest.delivery.known_queries import KnownQueries
from digest.delivery.lanes import Lanes
from digest.delivery.materialise import MessageIds, materialise
from digest.delivery.transport import Transport
from digest.model import DeliveryId
from digest.settings import Settings
from digest.store import ledger
from digest.store.engine import Store
from digest.store.ledger import IdRanges, LedgerCounts, Tidied

log = structlog.get_logger(__name__)

MANY = 1_000
"""So many new deliveries change what a database may believe of its table."""

Progress = Callable[[int, int], None]
"""Called with how many hand-offs have ended, and how many there are in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverCounts(LedgerCounts):
    """The deliveries that were open when a run began or prepared by it, as it ended.

    `relay_error` says in the relay's words why the run stopped handing off, else None.
    `late` were accepted when the ledger had moved on, after their lease had run out or by
    hand: their readers may have them twice, or have what the ledger says failed.
    `broken` are those whose hand-off broke off for a fault of ours.
    """

    relay_error: str | None = None
    late: tuple[DeliveryId, ...] = ()
    broken: tuple[DeliveryId, ...] = ()


async def deliver(
    store: Store,
    *,
    clock: Clock,
    settings: Settings,
    composer: Composer,
    transport: Transport,
    message_ids: MessageIds,
    queries: KnownQueries | None = None,
    stop: asyncio.Event | None = None,
    on_progress: Progress | None = None,
) -> DeliverCounts:
    """Prepare all that is owed and hand it off; never wait for a retry.

    Running twice, in one process or several, hands nothing off twice.

    Args:
        store: The database.
        clock: The only clock that is read.
        settings: Of the digests and of the relay's connections.
        composer: Turns deliveries into messages.
        transport: Not yet entered.
        message_ids: Source of new Message-IDs.
        queries: What this process has indexed so far, None to begin anew.
        stop: When set, no new work is begun and hand-offs in flight are ended.
        on_progress: For a progress bar.

    Raises:
        RenderError: If the templates can render no digest; nothing is prepared.
        StorageError: If the database refuses; hand-offs in flight are ended first.
    """
    stop = stop or asyncio.Event()
    ids, tidied = await asyncio.to_thread(_begin, store, clock, settings)
    if tidied != Tidied():
        log.info("ledger tidied", **{one.name: getattr(tidied, one.name) for one in fields(tidied)})
    # A template that renders nothing would fail everybody's period for good: it holds the
    # run instead, and what is owed is found again once it is mended.
    await asyncio.to_thread(composer.check)
    prepared = await materialise(
        store,
        clock=clock,
        settings=settings.digest,
        message_ids=message_ids,
        queries=queries,
        stop=stop,
    )
    ids.add_all(prepared.ids)
    if len(prepared.ids) >= MANY:
        await asyncio.to_thread(store.refresh_statistics)
    lanes = Lanes(
        store,
        clock=clock,
        settings=settings.smtp,
        composer=composer,
        transport=transport,
        stop=stop,
    )
    if on_progress is not None:
        total = (await asyncio.to_thread(_count, store, ids)).queued
        lanes.on_ended = lambda ended: on_progress(ended, max(total, ended))
        on_progress(0, total)
    await lanes.run()
    counts = await asyncio.to_thread(_count, store, ids)
    result = DeliverCounts(
        **{one.name: getattr(counts, one.name) for one in fields(counts)},
        relay_error=lanes.relay_error or lanes.lost_by,
        late=tuple(lanes.late),
        broken=tuple(lanes.broken),
    )
    if counts.prepared:
        log.info("delivered", **{one.name: getattr(counts, one.name) for one in fields(counts)})
    return result


def _begin(store: Store, clock: Clock, settings: Settings) -> tuple[IdRanges, Tidied]:
    policy = settings.digest.unknown_policy

    def begin(tx: Session) -> tuple[IdRanges, Tidied]:
        ids = ledger.open_delivery_ids(tx)
        tidied, resent_ids = ledger.tidy(tx, clock(), resend_unknown=policy == "resend")
        ids.add_all(resent_ids)
        return ids, tidied

    return store.run(begin)


def _count(store: Store, ids: IdRanges) -> LedgerCounts:
    with store.read() as tx:
        return ledger.count_deliveries(tx, ids)
