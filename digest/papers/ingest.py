"""Store one feed document: a transaction that knows, decides and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlmodel import Session

from digest.model import FeedRecord, PaperIntent
from digest.papers.decide import decide_entries, latest_opening
from digest.papers.signals import SIGNALS, decide_signal
from digest.settings import DigestSettings
from digest.store.engine import Store
from digest.store.fulltext import PaperReader, annotate_papers, any_stale, stale_papers
from digest.store.ingest import apply_plan, known_papers

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestCounts:
    """What one document brought.

    `new_papers` nobody had; `first_listed` are new on this feed, known or not.
    """

    entries: int = 0
    new_papers: int = 0
    first_listed: int = 0
    revised_papers: int = 0


def ingest(
    tx: Session,
    intents: Sequence[PaperIntent],
    feed: FeedRecord,
    *,
    entries: int,
    now: datetime,
    settings: DigestSettings,
    reader: PaperReader | None = None,
    backfill: bool = False,
) -> IngestCounts:
    """Store the papers of a document.

    Args:
        tx: A writing transaction. Record the poll in the same one: then the document
            and the state that says it was read are stored together or not at all.
        intents: From `intents_of`: what the document's entries say.
        feed: The feed they stand in.
        entries: How many entries the document has, those without a title included.
        now: Aware UTC instant of the poll.
        settings: For how long papers stay eligible and are remembered.
        reader: Reads the papers' words and topics; None leaves that to `annotate_stale`.
        backfill: Whether the document is of a past day; see `decide_entries`.
    """
    known = known_papers(
        tx,
        {alias for intent in intents for alias in intent.aliases},
        feed_id=feed.id,
        today=now.date(),
    )
    if feed.kind in SIGNALS:
        plan = decide_signal(intents, known, feed_id=feed.id, now=now)
    else:
        plan = decide_entries(
            intents,
            known,
            feed_id=feed.id,
            now=now,
            latest_opening=latest_opening(
                eligibility_days=settings.eligibility_days,
                retention_days=settings.retention_days,
            ),
            backfill=backfill,
        )
    touched = apply_plan(tx, plan, now=now)
    if reader is not None:
        annotate_papers(tx, reader, touched)
    untitled = entries - len(intents)
    if untitled or plan.unidentified or plan.merges:
        log.info(
            "feed entries sorted out",
            feed=feed.name,
            untitled=untitled,
            unidentified=plan.unidentified,
            merged=len(plan.merges),
        )
    return IngestCounts(
        entries=entries,
        new_papers=len(plan.inserts),
        first_listed=sum(
            window.feed_id == feed.id and window.listed_at == now and not window.backfilled
            for window in plan.windows
        ),
        revised_papers=len(plan.revisions),
    )


def annotate_stale(store: Store, reader: PaperReader, *, batch: int = 500) -> int:
    """Read the papers again that were read otherwise than now, the newest first.

    So it goes after a change of topics, of synonyms, or of how text is read.

    Args:
        store: The database.
        reader: As it is now.
        batch: Papers in one transaction; others may write in between.

    Returns:
        How many were read.
    """
    done = 0
    while True:
        with store.read() as tx:
            if not any_stale(tx, reader.fingerprint):
                break
        with store.write() as tx:
            ids = stale_papers(tx, reader.fingerprint, limit=batch)
            annotate_papers(tx, reader, ids)
        done += len(ids)
    if done:
        log.info("papers read again", papers=done)
    return done
