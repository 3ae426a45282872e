"""Letters: the mails that are no digests, owed until they are sent.

A letter goes `ready -> claimed -> sending -> sent | failed | unknown`, as a delivery
does. `attempts` counts the claims, and is the fence: only who claimed last may record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from sqlalchemy import ColumnElement
from sqlalchemy import select as select_many
from sqlmodel import Session, col, func, insert, or_, select, update

from digest.model import LetterHistory, SubscriberId, SubscriberState
from digest.store.tables import LetterRow, SubscriberRow

LetterId = NewType("LetterId", int)

_CHUNK = 5_000
_MAY_CONFIRM = (
    SubscriberState.PENDING,
    SubscriberState.UNSUBSCRIBED,
    SubscriberState.BOUNCED,
)
"""The states in which someone may still be sent a request to confirm."""


class LetterKind(StrEnum):
    """What a letter says; each is a triple of mail templates."""

    CONFIRM = "confirm"
    LOGIN = "login"
    CHANGE = "change"


class LetterState(StrEnum):
    """States of a letter; `withdrawn` ones were no longer needed."""

    READY = "ready"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A claimed letter; `attempts` counts this attempt too."""

    id: LetterId
    subscriber_id: SubscriberId
    email: str
    kind: LetterKind
    created_at: datetime
    attempts: int


def queue_letters(
    tx: Session,
    ids: Sequence[SubscriberId],
    kind: LetterKind,
    *,
    now: datetime,
    email: str | None = None,
) -> None:
    """Owe each of these subscribers a letter; `email` where it goes to a new address."""
    if ids:
        tx.exec(
            insert(LetterRow),
            params=[
                {
                    "subscriber_id": one,
                    "kind": kind.value,
                    "state": LetterState.READY.value,
                    "email": email,
                    "created_at": now,
                    "next_attempt_at": now,
                }
                for one in ids
            ],
        )


def letter_histories(
    tx: Session, ids: Sequence[SubscriberId], kind: LetterKind
) -> dict[SubscriberId, LetterHistory]:
    """Return what letters of a kind these subscribers were owed since they last consented.

    Withdrawn ones do not count; those who were owed none are absent.
    """
    found: dict[SubscriberId, LetterHistory] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = tx.exec(
            select(LetterRow.subscriber_id, func.count(), func.max(LetterRow.created_at))
            .join(SubscriberRow, col(SubscriberRow.id) == col(LetterRow.subscriber_id))
            .where(
                col(LetterRow.subscriber_id).in_(ids[start : start + _CHUNK]),
                col(LetterRow.kind) == kind.value,
                col(LetterRow.state) != LetterState.WITHDRAWN.value,
                or_(
                    col(SubscriberRow.consented_at).is_(None),
                    col(LetterRow.created_at) > col(SubscriberRow.consented_at),
                ),
            )
            .group_by(col(LetterRow.subscriber_id))
        ).all()
        found.update(
            (SubscriberId(one), LetterHistory(count=count, last_at=last))
            for one, count, last in rows
        )
    return found


def claim_letters(
    tx: Session, *, now: datetime, lease_until_at: datetime, limit: int = 50
) -> list[Letter]:
    """Claim letters that are due, oldest first.

    Letters that lost their point (the subscriber has confirmed meanwhile, or complained)
    are withdrawn; leases that ran out are taken back first: a claimed letter is ready
    again, one that was being sent becomes `unknown`.
    """
    _reap(tx, now)
    due = (
        col(LetterRow.state) == LetterState.READY.value,
        col(LetterRow.next_attempt_at) <= now,
    )
    _withdraw_pointless(tx, due, now)
    rows = tx.execute(
        select_many(
            col(LetterRow.id),
            col(LetterRow.subscriber_id),
            func.coalesce(LetterRow.email, SubscriberRow.email),
            col(LetterRow.kind),
            col(LetterRow.created_at),
            col(LetterRow.attempts),
        )
        .join(SubscriberRow, col(SubscriberRow.id) == col(LetterRow.subscriber_id))
        .where(*due)
        .order_by(col(LetterRow.next_attempt_at), col(LetterRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True, of=LetterRow)
    ).all()
    claimed = [
        Letter(
            id=LetterId(one),
            subscriber_id=SubscriberId(subscriber_id),
            email=email,
            kind=LetterKind(kind),
            created_at=created_at,
            attempts=attempts + 1,
        )
        for one, subscriber_id, email, kind, created_at, attempts in rows
    ]
    tx.exec(
        update(LetterRow)
        .where(col(LetterRow.id).in_([letter.id for letter in claimed]))
        .values(
            state=LetterState.CLAIMED.value,
            attempts=col(LetterRow.attempts) + 1,
            lease_until_at=lease_until_at,
        )
    )
    return claimed


def _withdraw_pointless(tx: Session, due: Sequence[ColumnElement[bool]], now: datetime) -> None:
    """Withdraw all of them at once: a page full of them must not hide the others."""
    for kind in LetterKind:
        needs_one = select(SubscriberRow.id).where(
            col(SubscriberRow.state).in_([state.value for state in _needs(kind)]),
            col(SubscriberRow.erased_at).is_(None),
        )
        tx.exec(
            update(LetterRow)
            .where(
                *due,
                col(LetterRow.kind) == kind.value,
                col(LetterRow.subscriber_id).not_in(needs_one),
            )
            .values(state=LetterState.WITHDRAWN.value, lease_until_at=None, finished_at=now)
        )


def intend_letter(tx: Session, letter: Letter, *, lease_until_at: datetime) -> bool:
    """Say that a letter is being handed off: `claimed -> sending`.

    Returns:
        False when the claim was lost, or the subscriber needs the letter no more: then
        nothing may be sent.
    """
    state = tx.exec(
        select(SubscriberRow.state)
        .where(col(SubscriberRow.id) == letter.subscriber_id)
        .with_for_update(read=True)
    ).first()
    if state is None or SubscriberState(state) not in _needs(letter.kind):
        return False
    result = tx.exec(
        update(LetterRow)
        .where(
            col(LetterRow.id) == letter.id,
            col(LetterRow.state) == LetterState.CLAIMED.value,
            col(LetterRow.attempts) == letter.attempts,
        )
        .values(state=LetterState.SENDING.value, lease_until_at=lease_until_at)
    )
    return result.rowcount == 1


def record_letter(
    tx: Session,
    letter: Letter,
    *,
    state: LetterState,
    now: datetime,
    reply: str = "",
    next_attempt_at: datetime | None = None,
) -> bool:
    """Record what became of a letter.

    Args:
        tx: A writing transaction.
        letter: As claimed.
        state: `SENT`, `FAILED`, `UNKNOWN`, `WITHDRAWN`, or `READY` to try again.
        now: When it ended.
        reply: The server's words.
        next_attempt_at: When to try again; needed for `READY`.

    Returns:
        False when the claim was lost; nothing was changed.
    """
    again = state is LetterState.READY
    result = tx.exec(
        update(LetterRow)
        .where(
            col(LetterRow.id) == letter.id,
            col(LetterRow.attempts) == letter.attempts,
            col(LetterRow.state).in_(
                [
                    LetterState.CLAIMED.value,
                    LetterState.SENDING.value,
                    LetterState.UNKNOWN.value,
                ]
            ),
        )
        .values(
            state=state.value,
            reply=reply,
            lease_until_at=None,
            finished_at=None if again else now,
            next_attempt_at=next_attempt_at or now,
        )
    )
    return result.rowcount == 1


def withdraw_letters(tx: Session, subscriber_id: SubscriberId, *, now: datetime) -> None:
    """Withdraw the letters of a subscriber that are not being handed off yet."""
    tx.exec(
        update(LetterRow)
        .where(
            col(LetterRow.subscriber_id) == subscriber_id,
            col(LetterRow.state).in_([LetterState.READY.value, LetterState.CLAIMED.value]),
        )
        .values(state=LetterState.WITHDRAWN.value, lease_until_at=None, finished_at=now)
    )


def letters_since(
    tx: Session, subscriber_id: SubscriberId, kind: LetterKind, *, since: datetime
) -> LetterHistory | None:
    """Return the letters of a kind that a subscriber was owed since an instant, or None."""
    count, last = tx.exec(
        select(func.count(), func.max(LetterRow.created_at)).where(
            col(LetterRow.subscriber_id) == subscriber_id,
            col(LetterRow.kind) == kind.value,
            col(LetterRow.state) != LetterState.WITHDRAWN.value,
            col(LetterRow.created_at) > since,
        )
    ).one()
    return LetterHistory(count=count, last_at=last) if count else None


def was_written_to(tx: Session, email: str, *, since: datetime) -> bool:
    """Say whether a letter went, or is to go, to this new address since an instant."""
    found = tx.exec(
        select(LetterRow.id).where(col(LetterRow.email) == email, col(LetterRow.created_at) > since)
    ).first()
    return found is not None


def _needs(kind: LetterKind) -> tuple[SubscriberState, ...]:
    """Return the states in which someone may still be sent a letter of this kind."""
    return _MAY_CONFIRM if kind is LetterKind.CONFIRM else (SubscriberState.ACTIVE,)


def _reap(tx: Session, now: datetime) -> None:
    for was, becomes in (
        (LetterState.CLAIMED, LetterState.READY),
        (LetterState.SENDING, LetterState.UNKNOWN),
    ):
        tx.exec(
            update(LetterRow)
            .where(
                col(LetterRow.state) == was.value,
                col(LetterRow.lease_until_at) <= now,
            )
            .values(
                state=becomes.value,
                lease_until_at=None,
                finished_at=now if becomes is LetterState.UNKNOWN else None,
            )
        )
