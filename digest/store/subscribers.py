"""Subscribers: rows to values, the changes of their state, and when they are due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select
from sqlalchemy import select as select_many
from sqlmodel import Session, col, func, insert, select, update

from digest.model import (
    ConsentKind,
    InterestKind,
    Schedule,
    Subscriber,
    SubscriberDraft,
    SubscriberId,
    SubscriberState,
)
from digest.store.consents import Consent, add_consents
from digest.store.interests import interests_of
from digest.store.letters import withdraw_letters
from digest.store.prepared import Columns, PreparedByIds
from digest.store.tables import InterestRow, SubscriberRow
from digest.store.tokens import retire_tokens

_CHUNK = 5_000  # below SQLite's limit of bound parameters (32,766)

_TABLE = SubscriberRow.metadata.tables["subscriber"]
_COLUMNS = (
    _TABLE.c.id,
    _TABLE.c.email,
    _TABLE.c.state,
    _TABLE.c.timezone,
    _TABLE.c.hour,
    _TABLE.c.weekdays,
    _TABLE.c.pause_until,
    _TABLE.c.max_papers,
    _TABLE.c.min_upvotes,
    _TABLE.c.consented_at,
    _TABLE.c.next_digest_at,
    _TABLE.c.created_at,
    _TABLE.c.text_only,
    _TABLE.c.link_epoch,
    _TABLE.c.email_key,
)

_WEAKER: Mapping[ConsentKind, tuple[SubscriberState, ...]] = {
    ConsentKind.BOUNCED: (SubscriberState.PENDING, SubscriberState.ACTIVE),
    ConsentKind.UNSUBSCRIBED: (
        SubscriberState.PENDING,
        SubscriberState.ACTIVE,
        SubscriberState.BOUNCED,
    ),
    ConsentKind.COMPLAINED: (
        SubscriberState.PENDING,
        SubscriberState.ACTIVE,
        SubscriberState.BOUNCED,
        SubscriberState.UNSUBSCRIBED,
    ),
}
"""Which states each kind of suppression replaces: a complaint outlives all others."""


def weekdays_mask(weekdays: Iterable[int]) -> int:
    """Return days of the week as the table keeps them: bit 0 is Monday."""
    return sum(1 << day for day in frozenset(weekdays))


def weekdays_of(mask: int) -> frozenset[int]:
    """Return the days of a mask, 0 is Monday."""
    return frozenset(day for day in range(7) if mask >> day & 1)


# ---- reading

_BY_IDS = PreparedByIds(lambda ids: select_many(*_COLUMNS).where(_TABLE.c.id.in_(ids)))
_READ = Columns(_COLUMNS)


def subscribers_by_ids(tx: Session, ids: Sequence[SubscriberId]) -> dict[SubscriberId, Subscriber]:
    """Return the subscribers with these ids, in two statements."""
    read = _READ.read(_BY_IDS.rows(tx, ids), tx.get_bind().dialect)
    return {one.id: one for one in _with_interests(tx, [tuple(row.values()) for row in read])}


def subscribers_by_keys(tx: Session, keys: Sequence[str]) -> dict[str, Subscriber]:
    """Return the subscribers with these compare keys, by key."""
    found: dict[str, Subscriber] = {}
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        rows = tx.execute(_select().where(col(SubscriberRow.email_key).in_(chunk))).all()
        subscribers = _with_interests(tx, rows)
        found.update((row[-1], one) for row, one in zip(rows, subscribers, strict=True))
    return found


def get_subscriber(tx: Session, subscriber_id: SubscriberId) -> Subscriber | None:
    """Return one subscriber, None when there is none or they were erased."""
    rows = tx.execute(
        _select().where(
            col(SubscriberRow.id) == subscriber_id, col(SubscriberRow.erased_at).is_(None)
        )
    ).all()
    return next(iter(_with_interests(tx, rows)), None)


def get_subscriber_by_key(tx: Session, email_key: str) -> Subscriber | None:
    """Return the subscriber with this compare key (`Address.key`), None when there is none."""
    return subscribers_by_keys(tx, [email_key]).get(email_key)


def list_subscribers(
    tx: Session,
    *,
    after: SubscriberId | None = None,
    limit: int = 1_000,
    state: SubscriberState | None = None,
) -> list[Subscriber]:
    """Return a page of subscribers in the order they came; `after` is the last id seen."""
    query = _select().where(col(SubscriberRow.erased_at).is_(None))
    if after is not None:
        query = query.where(col(SubscriberRow.id) > after)
    if state is not None:
        query = query.where(col(SubscriberRow.state) == state.value)
    rows = tx.execute(query.order_by(col(SubscriberRow.id)).limit(limit)).all()
    return _with_interests(tx, rows)


def count_by_state(tx: Session) -> dict[SubscriberState, int]:
    """Return how many subscribers there are in each state, the erased left out."""
    rows = tx.exec(
        select(SubscriberRow.state, func.count())
        .where(col(SubscriberRow.erased_at).is_(None))
        .group_by(SubscriberRow.state)
    ).all()
    return {SubscriberState(state): count for state, count in rows}


def count_without_interests(tx: Session) -> int:
    """Return how many active subscribers saved nothing that a paper could match."""
    wanted = (
        select(InterestRow.id)
        .where(
            col(InterestRow.subscriber_id) == col(SubscriberRow.id),
            col(InterestRow.kind) != InterestKind.MUTED.value,
        )
        .exists()
    )
    count: int = tx.exec(
        select(func.count())
        .select_from(SubscriberRow)
        .where(
            col(SubscriberRow.state) == SubscriberState.ACTIVE.value,
            col(SubscriberRow.erased_at).is_(None),
            ~wanted,
        )
    ).one()
    return count


def wants_welcome(tx: Session, subscriber_id: SubscriberId) -> bool:
    """Say whether confirming owes this subscriber a welcome digest."""
    return bool(
        tx.exec(
            select(SubscriberRow.wants_welcome).where(col(SubscriberRow.id) == subscriber_id)
        ).first()
    )


# ---- writing


def insert_subscribers(
    tx: Session, drafts: Sequence[SubscriberDraft], *, now: datetime
) -> list[SubscriberId]:
    """Add subscribers; their ids come in the order of the drafts."""
    if not drafts:
        return []
    statement = insert(SubscriberRow).returning(col(SubscriberRow.id), sort_by_parameter_order=True)
    rows = tx.exec(statement, params=[{**_columns(draft), "created_at": now} for draft in drafts])
    return [SubscriberId(row[0]) for row in rows]


def update_preferences(
    tx: Session, changes: Sequence[tuple[SubscriberId, SubscriberDraft]]
) -> None:
    """Write schedule, limits and next digest of these subscribers; the rest stays."""
    if changes:
        tx.exec(
            update(SubscriberRow),
            params=[{"id": one, **_preferences(draft)} for one, draft in changes],
        )


def want_welcome(tx: Session, ids: Sequence[SubscriberId]) -> None:
    """Let confirming owe these subscribers a welcome digest."""
    for start in range(0, len(ids), _CHUNK):
        tx.exec(
            update(SubscriberRow)
            .where(col(SubscriberRow.id).in_(ids[start : start + _CHUNK]))
            .values(wants_welcome=True)
        )


def activate(
    tx: Session,
    subscriber_id: SubscriberId,
    *,
    was: Sequence[SubscriberState],
    consented_at: datetime | None,
    next_digest_at: datetime,
    welcome_due_at: datetime | None = None,
) -> bool:
    """Make a subscriber active, if they are in one of the states `was`.

    Args:
        tx: A writing transaction.
        subscriber_id: Whom.
        was: States that may become active; the update is conditional on them.
        consented_at: The new consent, or None to keep the one on record.
        next_digest_at: When their next digest is owed.
        welcome_due_at: When a welcome digest is owed, or None.

    Returns:
        False when they were in another state, or erased: nothing was changed.
    """
    values: dict[str, Any] = {
        "state": SubscriberState.ACTIVE.value,
        "next_digest_at": next_digest_at,
        "welcome_due_at": welcome_due_at,
    }
    if consented_at is not None:
        values["consented_at"] = consented_at
    result = tx.exec(
        update(SubscriberRow)
        .where(
            col(SubscriberRow.id) == subscriber_id,
            col(SubscriberRow.state).in_([state.value for state in was]),
            col(SubscriberRow.erased_at).is_(None),
        )
        .values(**values)
    )
    return result.rowcount == 1


def suppress(
    tx: Session,
    subscriber_id: SubscriberId,
    kind: ConsentKind,
    at: datetime,
    evidence: str = "",
) -> bool:
    """Stop all digests to a subscriber, and put on record why.

    It updates the subscriber's row, so that it cannot pass a hand-off that checks the
    row in its own transaction. Requests to confirm that are still under way lose their
    force. Doing it again changes nothing.

    Args:
        tx: A writing transaction.
        subscriber_id: Whom.
        kind: `UNSUBSCRIBED`, `BOUNCED` or `COMPLAINED`.
        at: When.
        evidence: Where it came from ("one click", "550 5.1.1"); no address.

    Returns:
        False when they were as strongly suppressed before.
    """
    result = tx.exec(
        update(SubscriberRow)
        .where(
            col(SubscriberRow.id) == subscriber_id,
            col(SubscriberRow.state).in_([state.value for state in _WEAKER[kind]]),
            col(SubscriberRow.erased_at).is_(None),
        )
        .values(state=SubscriberState(kind.value).value, next_digest_at=None, welcome_due_at=None)
    )
    if result.rowcount != 1:
        return False
    withdraw_letters(tx, subscriber_id, now=at)
    retire_tokens(tx, subscriber_id, now=at)
    add_consents(tx, [Consent(subscriber_id=subscriber_id, kind=kind, at=at, evidence=evidence)])
    return True


def set_mail_options(
    tx: Session,
    subscriber_id: SubscriberId,
    *,
    text_only: bool,
    pause_until: datetime | None,
    next_digest_at: datetime,
) -> None:
    """Write how digests look, and until when none are owed; only of an active subscriber."""
    tx.exec(
        update(SubscriberRow)
        .where(
            col(SubscriberRow.id) == subscriber_id,
            col(SubscriberRow.state) == SubscriberState.ACTIVE.value,
        )
        .values(text_only=text_only, pause_until=pause_until, next_digest_at=next_digest_at)
    )


def set_address(tx: Session, subscriber_id: SubscriberId, *, email: str, email_key: str) -> None:
    """Write a new address of an active subscriber; the caller knows that it is free."""
    tx.exec(
        update(SubscriberRow)
        .where(
            col(SubscriberRow.id) == subscriber_id,
            col(SubscriberRow.state) == SubscriberState.ACTIVE.value,
        )
        .values(email=email, email_key=email_key)
    )


def raise_link_epoch(tx: Session, subscriber_id: SubscriberId) -> None:
    """Make the private addresses that a subscriber was given worthless."""
    tx.exec(
        update(SubscriberRow)
        .where(col(SubscriberRow.id) == subscriber_id)
        .values(link_epoch=col(SubscriberRow.link_epoch) + 1)
    )


def set_next_digest_at(
    tx: Session, changes: Sequence[tuple[SubscriberId, datetime | None]]
) -> None:
    """Move on when the next digests are owed."""
    if changes:
        tx.exec(
            update(SubscriberRow),
            params=[{"id": one, "next_digest_at": at} for one, at in changes],
        )


def clear_welcome_due(tx: Session, ids: Sequence[SubscriberId]) -> None:
    """Put on record that the welcome digests of these subscribers are prepared."""
    for start in range(0, len(ids), _CHUNK):
        tx.exec(
            update(SubscriberRow)
            .where(col(SubscriberRow.id).in_(ids[start : start + _CHUNK]))
            .values(welcome_due_at=None)
        )


def _select() -> Select[*tuple[Any, ...]]:
    return select_many(*_COLUMNS)


def _with_interests(tx: Session, rows: Sequence[Any]) -> list[Subscriber]:
    interests = interests_of(tx, [SubscriberId(row[0]) for row in rows])
    return [
        Subscriber(
            id=SubscriberId(row[0]),
            email=row[1],
            state=SubscriberState(row[2]),
            schedule=_schedule(row[3], row[4], row[5], row[6]),
            max_papers=row[7],
            min_upvotes=row[8],
            interests=interests.get(SubscriberId(row[0]), ()),
            consented_at=row[9],
            next_digest_at=row[10],
            created_at=row[11],
            text_only=row[12],
            link_epoch=row[13],
        )
        for row in rows
    ]


@lru_cache(maxsize=1 << 12)
def _schedule(timezone: str, hour: int, weekdays: int, pause_until: datetime | None) -> Schedule:
    """Many have the same; one value serves them all."""
    return Schedule(
        timezone=timezone, hour=hour, weekdays=weekdays_of(weekdays), pause_until=pause_until
    )


def _columns(draft: SubscriberDraft) -> dict[str, Any]:
    return {
        "email": draft.email,
        "email_key": draft.email_key,
        "state": draft.state.value,
        "consented_at": draft.consented_at,
        "wants_welcome": draft.wants_welcome,
        **_preferences(draft),
    }


def _preferences(draft: SubscriberDraft) -> dict[str, Any]:
    return {
        "timezone": draft.schedule.timezone,
        "hour": draft.schedule.hour,
        "weekdays": weekdays_mask(draft.schedule.weekdays),
        "pause_until": draft.schedule.pause_until,
        "max_papers": draft.max_papers,
        "min_upvotes": draft.min_upvotes,
        "next_digest_at": draft.next_digest_at,
    }
