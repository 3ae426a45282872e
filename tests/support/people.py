"""People who sign up: what tests of subscribers and of the site say again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlmodel import col, select

from digest.model import Interest, InterestKind, Subscriber, SubscriberId
from digest.store import Store
from digest.store.subscribers import get_subscriber
from digest.store.tables import LetterRow
from digest.subscribers.consent import issue_confirm_token
from digest.subscribers.decide import Origin, SignupRules
from digest.subscribers.signup import SignupResult, add_subscriber
from digest.subscribers.wanted import SubscriberLine

NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ADA = SubscriberLine(email="Ada@example.org", tags=("cs.CL",), keywords=("agents",))


def sign_up(
    store: Store,
    rules: SignupRules,
    line: SubscriberLine = ADA,
    *,
    now: datetime = NOW,
    confirmed: bool = False,
    origin: Origin = Origin.SITE,
) -> SignupResult:
    return add_subscriber(store, rules, line, now=now, confirmed=confirmed, origin=origin)


def active(store: Store, rules: SignupRules, line: SubscriberLine = ADA) -> SubscriberId:
    """Add a subscriber whose consent is on record."""
    result = sign_up(store, rules, line, confirmed=True, origin=Origin.OPERATOR)
    assert result.subscriber_id is not None
    return result.subscriber_id


def confirm_token(
    store: Store, subscriber_id: SubscriberId, *, now: datetime = NOW, seed: int = 1
) -> str:
    with store.write() as tx:
        return issue_confirm_token(tx, subscriber_id, now=now, random_bytes=bytes([seed]) * 32)


def read(store: Store, subscriber_id: SubscriberId) -> Subscriber:
    with store.read() as tx:
        subscriber = get_subscriber(tx, subscriber_id)
    assert subscriber is not None
    return subscriber


def texts(interests: tuple[Interest, ...], kind: InterestKind) -> list[str]:
    return [one.text for one in interests if one.kind is kind]


def letter_states(store: Store) -> list[str]:
    with store.read() as tx:
        return list(tx.exec(select(LetterRow.state).order_by(col(LetterRow.id))).all())
