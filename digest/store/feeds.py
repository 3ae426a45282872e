"""Feeds in the store: which are polled, and what their last polls were like.

Removing a feed keeps its row, because listings and windows name it; adding the same
name again revives it with its history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Table, func, update
from sqlmodel import Session, col, select

from digest.errors import NotFoundError, UsageError
from digest.model import FeedDay, FeedId, FeedKind, FeedRecord, FeedSpec, FeedStatus, PollState
from digest.store.feed_days import record_day
from digest.store.tables import FeedRow

SIGNAL_FEEDS = select(FeedRow.id).where(col(FeedRow.kind) == FeedKind.HN.value)
"""Feeds whose listings are a score only: they put no paper into a day."""

_FEED: Table = FeedRow.metadata.tables["feed"]
_STATE_FIELDS = tuple(field.name for field in fields(PollState))


def sync_configured(tx: Session, specs: Sequence[FeedSpec], now: datetime) -> None:
    """Make the feeds of the configuration file the ones that are polled from it.

    Listed feeds are inserted, updated or revived; a feed that was listed and is not any
    more is removed, keeping its history. Feeds added by command are left alone, unless
    the file names them too. Whether a feed is paused is never changed.
    """
    rows = {row.name: row for row in tx.exec(select(FeedRow)).all()}
    for spec in specs:
        row = rows.get(spec.name)
        if row is None:
            tx.add(_new_row(spec, now, from_config=True))
        else:
            _revise(row, spec, now)
            row.from_config = True
    listed = {spec.name for spec in specs}
    for row in rows.values():
        if row.from_config and row.name not in listed:
            row.from_config = False
            row.removed_at = now
    tx.flush()


def add_feed(tx: Session, spec: FeedSpec, now: datetime) -> FeedRecord:
    """Add a feed, or revive one of that name that was removed. Due at once.

    Raises:
        UsageError: If a feed of that name is polled already.
    """
    row = _row(tx, spec.name)
    if row is None:
        row = _new_row(spec, now, from_config=False)
        tx.add(row)
    elif row.removed_at is None:
        raise UsageError(f"a feed named {spec.name} is there already, with the URL {row.url}")
    else:
        _revise(row, spec, now)
    tx.flush()
    return _record(row)


def remove_feed(tx: Session, name: str, now: datetime) -> None:
    """Poll a feed no longer. Its papers and listings stay.

    Raises:
        NotFoundError: If no feed has that name.
        UsageError: If the configuration file lists it, which would bring it back.
    """
    row = _present(tx, name)
    if row.from_config:
        raise UsageError(
            f"feed {name} is listed in the configuration file: take it out there, "
            f"or run `digest feeds pause {name}`"
        )
    row.removed_at = now
    tx.flush()


def set_paused(tx: Session, name: str, *, paused: bool, now: datetime) -> FeedRecord:
    """Pause a feed, or resume it: then it is due at once, even if it was gone.

    Raises:
        NotFoundError: If no feed has that name.
    """
    row = _present(tx, name)
    row.paused = paused
    if not paused:
        row.gone_at = None
        row.next_poll_at = now
    tx.flush()
    return _record(row)


def list_feeds(tx: Session) -> list[FeedRecord]:
    """Return all feeds that are not removed, by name."""
    rows = tx.exec(select(FeedRow).where(col(FeedRow.removed_at).is_(None))).all()
    return sorted((_record(row) for row in rows), key=lambda feed: feed.name.casefold())


def due_feeds(tx: Session, now: datetime) -> list[FeedRecord]:
    """Return the feeds to poll now, the longest due first. Paused and gone ones rest."""
    rows = tx.exec(
        select(FeedRow)
        .where(
            col(FeedRow.removed_at).is_(None),
            col(FeedRow.gone_at).is_(None),
            col(FeedRow.paused).is_(False),
            col(FeedRow.next_poll_at) <= now,
        )
        .order_by(col(FeedRow.next_poll_at), col(FeedRow.id))
    ).all()
    return [_record(row) for row in rows]


def get_feed(tx: Session, name: str) -> FeedRecord | None:
    """Return the feed of that name, None when there is none or it was removed."""
    row = _row(tx, name)
    return None if row is None or row.removed_at is not None else _record(row)


def record_poll(
    tx: Session,
    feed_id: FeedId,
    state: PollState,
    *,
    valid_document: bool,
    new_papers: int = 0,
) -> None:
    """Store the state after a poll, in the transaction that ingests its document.

    Args:
        tx: A writing transaction.
        feed_id: The feed.
        state: From `polling.decide_state`, after `polling.after_ingest`.
        valid_document: Whether this poll read a document, even an empty one. The first
            such poll is the feed's baseline.
        new_papers: How many papers the feed listed for the first time.
    """
    values: dict[str, Any] = {name: getattr(state, name) for name in _STATE_FIELDS}
    if valid_document:
        values["baseline_at"] = func.coalesce(_FEED.c.baseline_at, state.polled_at)
    # Not by way of the class: that would look through all rows the session holds.
    tx.connection().execute(update(_FEED).where(_FEED.c.id == feed_id).values(values))
    if state.polled_at is not None:
        record_day(
            tx,
            feed_id,
            FeedDay(
                day=state.polled_at.date(),
                polls=1,
                failures=1 if state.failures else 0,
                entries=state.entries if valid_document else None,
                new_papers=new_papers,
            ),
        )


def _row(tx: Session, name: str) -> FeedRow | None:
    return tx.exec(select(FeedRow).where(col(FeedRow.name) == name)).one_or_none()


def _present(tx: Session, name: str) -> FeedRow:
    row = _row(tx, name)
    if row is None or row.removed_at is not None:
        raise NotFoundError(f"there is no feed named {name}")
    return row


def _new_row(spec: FeedSpec, now: datetime, *, from_config: bool) -> FeedRow:
    return FeedRow(
        name=spec.name,
        url=spec.url,
        kind=spec.kind.value,
        tags=list(spec.tags),
        cross=spec.cross,
        from_config=from_config,
        created_at=now,
        next_poll_at=now,
    )


def _revise(row: FeedRow, spec: FeedSpec, now: datetime) -> None:
    """Apply a spec; another URL or kind makes what we know of the last reply void.

    So does coming back after a removal. The next document is a baseline again: whoever
    points a feed at another archive does not want the archive mailed.
    """
    if (row.url, row.kind) != (spec.url, spec.kind.value) or row.removed_at is not None:
        row.url, row.kind = spec.url, spec.kind.value
        row.etag = row.last_modified = row.body_hash = row.moved_to = None
        row.gone_at = row.failing_since_at = row.error = None
        row.failures = 0
        row.baseline_at = None
        row.next_poll_at = now
        row.removed_at = None
    if row.tags != list(spec.tags):
        row.tags = list(spec.tags)
    row.cross = spec.cross


def _record(row: FeedRow) -> FeedRecord:
    state: dict[str, Any] = {name: getattr(row, name) for name in _STATE_FIELDS}
    state["status"] = FeedStatus(row.status) if row.status else None
    assert row.id is not None
    return FeedRecord(
        id=FeedId(row.id),
        name=row.name,
        url=row.url,
        kind=FeedKind(row.kind),
        tags=tuple(row.tags),
        cross=row.cross,
        from_config=row.from_config,
        paused=row.paused,
        created_at=row.created_at,
        baseline_at=row.baseline_at,
        **state,
    )
