"""Changing what a subscriber gets: interests, times, limits, how mails look."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import structlog

from digest.errors import NotFoundError, UsageError
from digest.matching.text import UNPRINTABLE
from digest.model import InterestKind, Subscriber, SubscriberId
from digest.store import Store
from digest.store.subscribers import get_subscriber, set_mail_options
from digest.subscribers.decide import Origin, SignupRules
from digest.subscribers.signup import apply_signups
from digest.subscribers.wanted import SubscriberLine, check_line

log = structlog.get_logger(__name__)


def texts_of(subscriber: Subscriber, kind: InterestKind) -> tuple[str, ...]:
    """Return the interests of one kind, as written."""
    return tuple(one.text for one in subscriber.interests if one.kind is kind)


def change_interests(
    store: Store,
    rules: SignupRules,
    subscriber_id: SubscriberId,
    *,
    kind: InterestKind,
    add: str | None = None,
    remove: str | None = None,
    now: datetime,
) -> bool:
    """Add one interest of a kind, or take one away.

    Returns:
        False when nothing was changed: it was there already, or was not there.

    Raises:
        QueryError: With position and suggestion, if it cannot be understood.
        UsageError: If it is empty, too long, or one too many.
    """
    if add is not None and not add.strip():
        raise UsageError("write something first")
    with store.write() as tx:
        subscriber = get_subscriber(tx, subscriber_id)
        if subscriber is None:
            return False
        # A page shows no hidden characters, so what comes back from it has none.
        gone = None if remove is None else UNPRINTABLE.sub("", remove)
        kept = [text for text in texts_of(subscriber, kind) if UNPRINTABLE.sub("", text) != gone]
        texts = (*kept, *((add.strip(),) if add is not None else ()))
        line = _line(subscriber, kind, texts)
        apply_signups(
            tx, rules, [check_line(line)], now=now, confirmed=False, origin=Origin.OPERATOR
        )
        after = get_subscriber(tx, subscriber_id)
    changed = after is not None and after.interests != subscriber.interests
    log.info("interests changed", subscriber=subscriber_id, kind=kind, changed=changed)
    return changed


def replace_interests(
    store: Store,
    rules: SignupRules,
    subscriber_id: SubscriberId,
    *,
    tags: tuple[str, ...],
    keywords: tuple[str, ...],
    muted: tuple[str, ...],
    now: datetime,
) -> Subscriber:
    """Make these all the interests there are; returns the subscriber after it.

    Raises:
        QueryError, UsageError, LineError: Naming what cannot be used.
        NotFoundError: If the subscriber was erased meanwhile.
    """
    with store.write() as tx:
        subscriber = get_subscriber(tx, subscriber_id)
        if subscriber is None:
            raise NotFoundError("there is no such subscriber any more")
        line = SubscriberLine(email=subscriber.email, tags=tags, keywords=keywords, muted=muted)
        apply_signups(
            tx, rules, [check_line(line)], now=now, confirmed=False, origin=Origin.OPERATOR
        )
        after = get_subscriber(tx, subscriber_id)
    log.info("interests replaced", subscriber=subscriber_id)
    return after or subscriber


def change_schedule(
    store: Store,
    rules: SignupRules,
    subscriber_id: SubscriberId,
    line: SubscriberLine,
    *,
    text_only: bool,
    pause_until: datetime | None,
    now: datetime,
) -> None:
    """Change times and limits as a line says, and how mails look.

    Raises:
        UsageError, LineError: Naming what cannot be used.
    """
    with store.write() as tx:
        subscriber = get_subscriber(tx, subscriber_id)
        if subscriber is None:
            return
        wanted = check_line(replace(line, email=subscriber.email))
        apply_signups(tx, rules, [wanted], now=now, confirmed=False, origin=Origin.OPERATOR)
        after = get_subscriber(tx, subscriber_id)
        if after is None:
            return
        next_digest_at = after.next_digest_at
        if next_digest_at is None or pause_until != after.schedule.pause_until:
            paused = replace(after.schedule, pause_until=pause_until)
            next_digest_at = rules.first_digest_at(paused, now)
        set_mail_options(
            tx,
            subscriber_id,
            text_only=text_only,
            pause_until=pause_until,
            next_digest_at=next_digest_at,
        )
    log.info("schedule changed", subscriber=subscriber_id)


def _line(subscriber: Subscriber, kind: InterestKind, texts: tuple[str, ...]) -> SubscriberLine:
    match kind:
        case InterestKind.TAG:
            return SubscriberLine(email=subscriber.email, tags=texts)
        case InterestKind.KEYWORD:
            return SubscriberLine(email=subscriber.email, keywords=texts)
        case InterestKind.MUTED:
            return SubscriberLine(email=subscriber.email, muted=texts)
