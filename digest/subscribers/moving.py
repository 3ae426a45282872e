"""Changing the address: only whoever reads mail at the new one can finish it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from sqlmodel import Session

from digest.model import ConsentKind, Subscriber, SubscriberId, SubscriberState
from digest.store import Store
from digest.store.consents import Consent, add_consents
from digest.store.letters import LetterKind, letters_since, queue_letters, was_written_to
from digest.store.privacy import forgotten_states
from digest.store.subscribers import get_subscriber, get_subscriber_by_key, set_address
from digest.store.tokens import find_token, use_token
from digest.subscribers.addresses import normalise_address
from digest.subscribers.decide import SignupRules
from digest.subscribers.tokens import OneUsePurpose, one_use_digest

log = structlog.get_logger(__name__)

MAX_CHANGES_A_DAY = 3
_DAY = timedelta(hours=24)


class MoveState(StrEnum):
    """What a link that confirms a new address is worth."""

    OPEN = "open"
    DONE = "done"
    TAKEN = "taken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Such a link as it stands, with the new address where it leads somewhere."""

    state: MoveState
    email: str = ""
    subscriber: Subscriber | None = None


def ask_to_move(
    store: Store, rules: SignupRules, subscriber_id: SubscriberId, email: str, *, now: datetime
) -> bool:
    """Send a link to a new address; nothing else changes until it is opened.

    Returns:
        False when too many were sent today.

    Raises:
        AddressError: If it is no address.
    """
    address = normalise_address(email)
    with store.write() as tx:
        before = letters_since(tx, subscriber_id, LetterKind.CHANGE, since=now - _DAY)
        if before is not None and before.count >= MAX_CHANGES_A_DAY:
            return False
        silent = was_written_to(tx, address.email, since=now - _DAY) or bool(
            forgotten_states(tx, list(rules.signer.address_hashes(address.key)))
        )
        if not silent:
            queue_letters(tx, [subscriber_id], LetterKind.CHANGE, now=now, email=address.email)
    return True


def look_at_move(store: Store, token: str, *, now: datetime) -> Move:
    """Say what the link is worth, and change nothing."""
    with store.read() as tx:
        return _move(tx, token, now)


def move(store: Store, token: str, *, now: datetime) -> Move:
    """Write the new address."""
    with store.write() as tx:
        found = _move(tx, token, now)
        subscriber = found.subscriber
        if found.state is not MoveState.OPEN or subscriber is None:
            return found
        use_token(tx, digest=one_use_digest(token), purpose=OneUsePurpose.CHANGE.value, now=now)
        address = normalise_address(found.email)
        set_address(tx, subscriber.id, email=address.email, email_key=address.key)
        add_consents(
            tx,
            [
                Consent(
                    subscriber_id=subscriber.id,
                    kind=ConsentKind.CONFIRMED,
                    at=now,
                    evidence="link in a mail to the new address",
                )
            ],
        )
    log.info("address changed", subscriber=subscriber.id)
    return Move(state=MoveState.DONE, email=found.email, subscriber=subscriber)


def _move(tx: Session, token: str, now: datetime) -> Move:
    stored = find_token(tx, digest=one_use_digest(token), purpose=OneUsePurpose.CHANGE.value)
    if stored is None or stored.expires_at <= now or not stored.content:
        return Move(state=MoveState.UNKNOWN)
    subscriber = get_subscriber(tx, stored.subscriber_id)
    if subscriber is None or subscriber.state is not SubscriberState.ACTIVE:
        return Move(state=MoveState.UNKNOWN)
    key = normalise_address(stored.content).key
    owner = get_subscriber_by_key(tx, key)
    if owner is not None and owner.id == subscriber.id:
        return Move(state=MoveState.DONE, email=stored.content, subscriber=subscriber)
    if stored.used_at is not None:
        return Move(state=MoveState.UNKNOWN)
    if owner is not None:
        return Move(state=MoveState.TAKEN, email=stored.content)
    return Move(state=MoveState.OPEN, email=stored.content, subscriber=subscriber)
