"""What a person may ask for: all that is kept of them, and to be forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from sqlmodel import Session

from digest.errors import NotFoundError
from digest.model import InterestKind, Subscriber, SubscriberState
from digest.store import Store
from digest.store.consents import consents_of
from digest.store.privacy import erase_subscriber, past_deliveries
from digest.store.reports import reports_of_subscriber
from digest.subscribers.addresses import normalise_address
from digest.subscribers.days import days_code
from digest.subscribers.signup import find_subscriber
from digest.subscribers.tokens import TokenSigner

log = structlog.get_logger(__name__)

_SUPPRESSED = frozenset(
    {SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED, SubscriberState.COMPLAINED}
)


def erase(store: Store, signer: TokenSigner, email: str, *, now: datetime) -> None:
    """Forget a person: address, interests, tokens and letters go, counts stay.

    Past digests stay as rows that name nobody, so that the ledger still adds up. Where
    mail to the address had been stopped, a keyed hash of it is kept, so that no import
    starts it again.

    Raises:
        AddressError: If it is no address.
        NotFoundError: If nobody has it.
    """
    key = normalise_address(email).key
    with store.write() as tx:
        subscriber = _existing(tx, email)
        erase_subscriber(
            tx,
            subscriber.id,
            now=now,
            address_hash=signer.address_hashes(key)[0],
            state=subscriber.state if subscriber.state in _SUPPRESSED else None,
        )
    log.info("subscriber erased", subscriber=subscriber.id)


def export(store: Store, email: str) -> dict[str, Any]:
    """Return all that is kept of a person, as JSON can hold it.

    Raises:
        AddressError: If it is no address.
        NotFoundError: If nobody has it.
    """
    with store.read() as tx:
        subscriber = _existing(tx, email)
        consents = consents_of(tx, subscriber.id)
        deliveries = past_deliveries(tx, subscriber.id)
        reports = reports_of_subscriber(tx, subscriber.id)
    texts = {
        kind: [one.text for one in subscriber.interests if one.kind is kind]
        for kind in InterestKind
    }
    schedule = subscriber.schedule
    return {
        "email": subscriber.email,
        "state": subscriber.state.value,
        "created_at": subscriber.created_at.isoformat(),
        "consented_at": _iso(subscriber.consented_at),
        "next_digest_at": _iso(subscriber.next_digest_at),
        "tags": texts[InterestKind.TAG],
        "keywords": texts[InterestKind.KEYWORD],
        "muted": texts[InterestKind.MUTED],
        "timezone": schedule.timezone,
        "hour": schedule.hour,
        "days": days_code(schedule.weekdays),
        "pause_until": _iso(schedule.pause_until),
        "max_papers": subscriber.max_papers,
        "min_upvotes": subscriber.min_upvotes,
        "consent": [
            {"kind": one.kind.value, "at": one.at.isoformat(), "evidence": one.evidence}
            for one in consents
        ],
        "digests": [
            {
                "period": one.period,
                "state": one.state.value,
                "scheduled_at": one.scheduled_at.isoformat(),
                "papers": list(one.papers),
                "reply": one.reply,
            }
            for one in deliveries
        ],
        "came_back": [
            {
                "kind": one.kind.value,
                "at": one.at.isoformat(),
                "source": one.source,
                "status": one.status,
                "said": one.said,
            }
            for one in reports
        ],
    }


def _existing(tx: Session, email: str) -> Subscriber:
    subscriber = find_subscriber(tx, email)
    if subscriber is None:
        raise NotFoundError(f"no subscriber has the address {email}")
    return subscriber


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
