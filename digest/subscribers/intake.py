"""Requests of visitors: written down while they wait, acted on afterwards.

What a visitor is answered, and how fast, is the same whether or not the address is
known: the request costs one row, and only `act_on_intake` looks the address up.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlmodel import Session

from digest.errors import AddressError, DigestError
from digest.model import ConsentKind, Subscriber, SubscriberState
from digest.store import Store
from digest.store.consents import Consent, add_consents
from digest.store.intake import Intake, IntakeKind, take_intake, write_intake
from digest.store.letters import LetterKind, letter_histories, letters_since, queue_letters
from digest.store.quotas import quotas_used, use_quotas
from digest.store.subscribers import get_subscriber
from digest.subscribers.addresses import normalise_address
from digest.subscribers.decide import Origin, SignupRules, decide_return
from digest.subscribers.signup import apply_signups, find_subscriber
from digest.subscribers.wanted import SubscriberLine, check_line

log = structlog.get_logger(__name__)

LOGIN_INTERVAL = timedelta(minutes=2)
MAX_LOGINS_A_DAY = 6
_DAY = timedelta(hours=24)
_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many requests are taken in an hour, by the keys they count for."""

    limits: dict[str, int]


def write_signup(
    store: Store, line: SubscriberLine, allowance: Allowance, *, now: datetime
) -> bool:
    """Write a checked sign-up down.

    Returns:
        False when one of the hourly limits is used up: nothing was written.
    """
    return _write(store, IntakeKind.SIGNUP, asdict(line), allowance, now)


def write_login(store: Store, email: str, allowance: Allowance, *, now: datetime) -> bool:
    """Write down that a login link was asked for; False when a limit is used up."""
    return _write(store, IntakeKind.LOGIN, {"email": email}, allowance, now)


def act_on_intake(store: Store, rules: SignupRules, *, now: datetime) -> int:
    """Act on all requests that wait; returns how many there were.

    One that cannot be used stops none of the others.
    """
    total = 0
    while True:
        with store.write() as tx:
            taken = take_intake(tx, limit=_BATCH)
            for one in taken:
                try:
                    with tx.begin_nested():
                        _act(tx, rules, one, now)
                except DigestError as exc:
                    log.warning("request of a visitor refused", kind=one.kind, cause=type(exc))
        total += len(taken)
        if len(taken) < _BATCH:
            break
    if total:
        log.info("requests of visitors acted on", requests=total)
    return total


def _write(
    store: Store,
    kind: IntakeKind,
    content: dict[str, Any],
    allowance: Allowance,
    now: datetime,
) -> bool:
    window_at = now.replace(minute=0, second=0, microsecond=0)
    limits = allowance.limits
    with store.read() as tx:  # a flood only reads
        used = quotas_used(tx, list(limits), window_at)
    if any(used[key] >= limit for key, limit in limits.items()):
        return False
    with store.write() as tx:
        if not use_quotas(tx, limits, window_at):
            return False
        write_intake(tx, kind, content, now=now)
    return True


def _act(tx: Session, rules: SignupRules, intake: Intake, now: datetime) -> None:
    if intake.kind is IntakeKind.LOGIN:
        _owe_login(tx, str(intake.content["email"]), now, interval=LOGIN_INTERVAL)
        return
    content: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in intake.content.items()
    }
    wanted = check_line(SubscriberLine(**content))
    result = apply_signups(tx, rules, [wanted], now=now, confirmed=False, origin=Origin.SITE)[0]
    known = get_subscriber(tx, result.subscriber_id) if result.subscriber_id else None
    if known is not None and known.state is SubscriberState.ACTIVE:
        # They subscribed before: a link to their interests is what they need.
        _owe_login(tx, known.email, now, interval=_DAY)


def _owe_login(tx: Session, email: str, now: datetime, *, interval: timedelta) -> None:
    try:
        subscriber = find_subscriber(tx, normalise_address(email).email)
    except AddressError:
        return
    if subscriber is None:
        return
    if subscriber.state is not SubscriberState.ACTIVE:
        _owe_return(tx, subscriber, now)
        return
    before = letters_since(tx, subscriber.id, LetterKind.LOGIN, since=now - _DAY)
    if before is not None and (before.count >= MAX_LOGINS_A_DAY or now - before.last_at < interval):
        return
    queue_letters(tx, [subscriber.id], LetterKind.LOGIN, now=now)


def _owe_return(tx: Session, subscriber: Subscriber, now: datetime) -> None:
    letters = letter_histories(tx, [subscriber.id], LetterKind.CONFIRM).get(subscriber.id)
    if not decide_return(subscriber, letters=letters, now=now):
        return
    add_consents(
        tx,
        [
            Consent(
                subscriber_id=subscriber.id,
                kind=ConsentKind.SIGNED_UP,
                at=now,
                evidence="site: asked for a login link, not confirmed",
            )
        ],
    )
    queue_letters(tx, [subscriber.id], LetterKind.CONFIRM, now=now)
