"""Confirming a sign-up, leaving, and taking that back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog
from sqlmodel import Session

from digest.errors import TokenError
from digest.model import ConsentKind, Subscriber, SubscriberId, SubscriberState
from digest.store import Store
from digest.store.consents import Consent, add_consents
from digest.store.letters import withdraw_letters
from digest.store.privacy import forget_suppression
from digest.store.subscribers import activate, get_subscriber, suppress, wants_welcome
from digest.store.tokens import StoredToken, find_token, retire_tokens, save_token, use_token
from digest.subscribers.addresses import normalise_address
from digest.subscribers.decide import SignupRules
from digest.subscribers.tokens import (
    ONE_USE_LIFETIME,
    OneUsePurpose,
    one_use_digest,
    one_use_token,
)

log = structlog.get_logger(__name__)

_CONFIRMABLE = (
    SubscriberState.PENDING,
    SubscriberState.UNSUBSCRIBED,
    SubscriberState.BOUNCED,
)


class ConfirmState(StrEnum):
    """What a confirmation link is worth."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    ALREADY = "already"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A confirmation link as it stands; `subscriber` is None where it leads to nobody.

    `welcome` says that a welcome digest is owed at once.
    """

    state: ConfirmState
    subscriber: Subscriber | None = None
    welcome: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """What unsubscribing did: `undo_token` takes it back, where there was something to take."""

    changed: bool
    undo_token: str | None = None


def issue_confirm_token(
    tx: Session, subscriber_id: SubscriberId, *, now: datetime, random_bytes: bytes
) -> str:
    """Make a token that confirms a sign-up within 48 hours.

    It is made when the letter that carries it is handed off, because only its SHA-256
    is kept.

    Args:
        tx: A writing transaction.
        subscriber_id: Whose sign-up.
        now: Aware UTC time.
        random_bytes: 32 of them, from `secrets`.
    """
    return _issue(tx, OneUsePurpose.CONFIRM, subscriber_id, now=now, random_bytes=random_bytes)


def issue_link_token(
    tx: Session,
    purpose: OneUsePurpose,
    subscriber_id: SubscriberId,
    *,
    now: datetime,
    random_bytes: bytes,
    content: str = "",
) -> str:
    """Make the token of a mailed link; `content` is what it stands for (a new address)."""
    return _issue(tx, purpose, subscriber_id, now=now, random_bytes=random_bytes, content=content)


def look_at_confirmation(store: Store, token: str, *, now: datetime) -> Confirmation:
    """Say what a confirmation link is worth, and change nothing."""
    with store.read() as tx:
        return _confirmation(tx, token, now)


def confirm(store: Store, rules: SignupRules, token: str, *, now: datetime) -> Confirmation:
    """Make a sign-up active by its one-use token.

    Who signed up on the site gets a welcome digest, and the first scheduled one at
    least 12 hours later. A new double opt-in clears an unsubscription and bounces, not
    a complaint.
    """
    with store.write() as tx:
        found = _confirmation(tx, token, now)
        subscriber = found.subscriber
        if found.state is not ConfirmState.OPEN or subscriber is None:
            return found
        use_token(tx, digest=one_use_digest(token), purpose=OneUsePurpose.CONFIRM.value, now=now)
        welcome = subscriber.consented_at is None and wants_welcome(tx, subscriber.id)
        activate(
            tx,
            subscriber.id,
            was=_CONFIRMABLE,
            consented_at=now,
            next_digest_at=rules.first_digest_at(subscriber.schedule, now, welcome=welcome),
            welcome_due_at=now if welcome else None,
        )
        withdraw_letters(tx, subscriber.id, now=now)
        retire_tokens(tx, subscriber.id, now=now)
        forget_suppression(tx, rules.signer.address_hashes(normalise_address(subscriber.email).key))
        add_consents(
            tx,
            [
                Consent(
                    subscriber_id=subscriber.id,
                    kind=ConsentKind.CONFIRMED,
                    at=now,
                    evidence="link in a confirmation mail",
                )
            ],
        )
        confirmed = get_subscriber(tx, subscriber.id)
    log.info("sign-up confirmed", subscriber=subscriber.id, welcome=welcome)
    return Confirmation(state=ConfirmState.CONFIRMED, subscriber=confirmed, welcome=welcome)


def _confirmation(tx: Session, token: str, now: datetime) -> Confirmation:
    stored = _stored(tx, token, OneUsePurpose.CONFIRM)
    subscriber = get_subscriber(tx, stored.subscriber_id) if stored else None
    if stored is None or subscriber is None:
        return Confirmation(state=ConfirmState.UNKNOWN)
    if subscriber.state is SubscriberState.ACTIVE:
        return Confirmation(state=ConfirmState.ALREADY, subscriber=subscriber)
    if stored.used_at is not None or subscriber.state not in _CONFIRMABLE:
        return Confirmation(state=ConfirmState.UNKNOWN)
    if stored.expires_at <= now:
        return Confirmation(state=ConfirmState.EXPIRED, subscriber=subscriber)
    return Confirmation(state=ConfirmState.OPEN, subscriber=subscriber)


def unsubscribe(
    store: Store,
    subscriber_id: SubscriberId,
    *,
    now: datetime,
    evidence: str,
    random_bytes: bytes,
) -> Leave:
    """Stop all digests to a subscriber; doing it again changes nothing.

    Args:
        store: The database.
        subscriber_id: Whom.
        now: Aware UTC time.
        evidence: Where it came from ("one click", "page").
        random_bytes: 32 of them, for the token that takes it back within 48 hours.
    """
    with store.write() as tx:
        before = get_subscriber(tx, subscriber_id)
        changed = suppress(tx, subscriber_id, ConsentKind.UNSUBSCRIBED, now, evidence)
        undo_token = None
        if changed and before is not None and before.state is SubscriberState.ACTIVE:
            undo_token = _issue(
                tx, OneUsePurpose.UNDO, subscriber_id, now=now, random_bytes=random_bytes
            )
    log.info("subscriber left", subscriber=subscriber_id, changed=changed)
    return Leave(changed=changed, undo_token=undo_token)


def undo_unsubscribe(store: Store, rules: SignupRules, token: str, *, now: datetime) -> Subscriber:
    """Take an unsubscription back; the consent on record before it stands again.

    Raises:
        TokenError: If the token is unknown, used or expired.
    """
    with store.write() as tx:
        stored = _stored(tx, token, OneUsePurpose.UNDO)
        subscriber = get_subscriber(tx, stored.subscriber_id) if stored else None
        if (
            subscriber is None
            or subscriber.state is not SubscriberState.UNSUBSCRIBED
            or not use_token(
                tx, digest=one_use_digest(token), purpose=OneUsePurpose.UNDO.value, now=now
            )
        ):
            raise TokenError("this can no longer be undone")
        activate(
            tx,
            subscriber.id,
            was=(SubscriberState.UNSUBSCRIBED,),
            consented_at=None,
            next_digest_at=rules.first_digest_at(subscriber.schedule, now),
        )
        add_consents(
            tx,
            [
                Consent(
                    subscriber_id=subscriber.id,
                    kind=ConsentKind.CONFIRMED,
                    at=now,
                    evidence="took back unsubscribing",
                )
            ],
        )
        restored = get_subscriber(tx, subscriber.id)
    assert restored is not None
    log.info("unsubscribing undone", subscriber=restored.id)
    return restored


def _issue(
    tx: Session,
    purpose: OneUsePurpose,
    subscriber_id: SubscriberId,
    *,
    now: datetime,
    random_bytes: bytes,
    content: str = "",
) -> str:
    token = one_use_token(random_bytes)
    save_token(
        tx,
        digest=one_use_digest(token),
        purpose=purpose.value,
        subscriber_id=subscriber_id,
        now=now,
        expires_at=now + ONE_USE_LIFETIME,
        content=content,
    )
    return token


def _stored(tx: Session, token: str, purpose: OneUsePurpose) -> StoredToken | None:
    return find_token(tx, digest=one_use_digest(token), purpose=purpose.value)
