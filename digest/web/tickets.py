"""Private addresses: whose they are, and whether they still count."""

from __future__ import annotations

from sqlmodel import Session

from digest.errors import TokenError
from digest.model import Subscriber, SubscriberId, SubscriberState
from digest.store.subscribers import get_subscriber
from digest.subscribers.tokens import SignedPurpose, TokenSigner

_EPOCHS = 1 << 16


def ticket(subscriber: Subscriber) -> int:
    """Return the payload of a private address: the subscriber, and the links' epoch."""
    return subscriber.id * _EPOCHS + subscriber.link_epoch % _EPOCHS


def ticket_owner(
    tx: Session, signer: TokenSigner, purpose: SignedPurpose, token: str
) -> Subscriber | None:
    """Return whose private address it is; None when it is nobody's any more."""
    try:
        payload = signer.verify(purpose, token)
    except TokenError:
        return None
    one, epoch = divmod(payload, _EPOCHS)
    subscriber = get_subscriber(tx, SubscriberId(one))
    if subscriber is None or subscriber.state is not SubscriberState.ACTIVE:
        return None
    return subscriber if subscriber.link_epoch % _EPOCHS == epoch else None
