"""Logging in by a mailed link: the link works once, the session it opens for a week."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from digest.errors import TokenError
from digest.model import Subscriber, SubscriberId, SubscriberState
from digest.store import Store
from digest.store.subscribers import get_subscriber
from digest.store.tokens import find_token, save_token, use_token
from digest.subscribers.tokens import OneUsePurpose, one_use_digest, one_use_token

log = structlog.get_logger(__name__)

SESSION_LIFETIME = timedelta(days=7)


def may_log_in(store: Store, token: str, *, now: datetime) -> bool:
    """Say whether a login link still works, and change nothing."""
    with store.read() as tx:
        return _owner(tx, token, OneUsePurpose.LOGIN, now) is not None


def log_in(store: Store, token: str, *, now: datetime, random_bytes: bytes) -> str:
    """Use a login link up, and open a session.

    Args:
        store: The database.
        token: From the mail.
        now: Aware UTC time.
        random_bytes: 32 of them, for the session.

    Returns:
        The session's token, for a cookie.

    Raises:
        TokenError: If the link is unknown, used or expired.
    """
    session = one_use_token(random_bytes)
    with store.write() as tx:
        owner = _owner(tx, token, OneUsePurpose.LOGIN, now)
        digest = one_use_digest(token)
        if owner is None or not use_token(
            tx, digest=digest, purpose=OneUsePurpose.LOGIN.value, now=now
        ):
            raise TokenError("this link works no more")
        save_token(
            tx,
            digest=one_use_digest(session),
            purpose=OneUsePurpose.SESSION.value,
            subscriber_id=owner.id,
            now=now,
            expires_at=now + SESSION_LIFETIME,
        )
    log.info("subscriber logged in", subscriber=owner.id)
    return session


def session_owner(tx: Session, token: str, *, now: datetime) -> Subscriber | None:
    """Return whose session it is, None when it is nobody's, ended or expired."""
    return _owner(tx, token, OneUsePurpose.SESSION, now)


def log_out(store: Store, token: str, *, now: datetime) -> None:
    """End a session; ending it again changes nothing."""
    with store.write() as tx:
        use_token(tx, digest=one_use_digest(token), purpose=OneUsePurpose.SESSION.value, now=now)


def _owner(tx: Session, token: str, purpose: OneUsePurpose, now: datetime) -> Subscriber | None:
    stored = find_token(tx, digest=one_use_digest(token), purpose=purpose.value)
    if stored is None or stored.used_at is not None or stored.expires_at <= now:
        return None
    subscriber = get_subscriber(tx, SubscriberId(stored.subscriber_id))
    if subscriber is None or subscriber.state is not SubscriberState.ACTIVE:
        return None
    return subscriber
