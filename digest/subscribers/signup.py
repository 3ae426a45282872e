"""Signing up: the shell around `decide`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlmodel import Session

from digest.model import (
    Interest,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from digest.store import Store
from digest.store.consents import Consent, add_consents
from digest.store.interests import get_or_create_queries, replace_interests
from digest.store.letters import LetterKind, letter_histories, queue_letters, withdraw_letters
from digest.store.privacy import forgotten_states
from digest.store.subscribers import (
    activate,
    get_subscriber_by_key,
    insert_subscribers,
    subscribers_by_keys,
    update_preferences,
    want_welcome,
)
from digest.store.tokens import retire_tokens
from digest.subscribers.addresses import normalise_address
from digest.subscribers.decide import (
    Origin,
    SignupAction,
    SignupPlan,
    SignupRules,
    decide_signup,
    kept_interests,
)
from digest.subscribers.wanted import SubscriberLine, WantedSubscription, check_line

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupResult:
    """What became of one sign-up.

    `subscriber_id` is None where there is no such subscriber. `letter` says that a
    request to confirm was queued; `reason` why not, or why the sign-up was refused.
    """

    action: SignupAction
    subscriber_id: SubscriberId | None
    letter: bool = False
    reason: str = ""


def find_subscriber(tx: Session, email: str) -> Subscriber | None:
    """Return the subscriber with this address, however it is written.

    Raises:
        AddressError: If it is no address.
    """
    return get_subscriber_by_key(tx, normalise_address(email).key)


def add_subscriber(
    store: Store,
    rules: SignupRules,
    line: SubscriberLine,
    *,
    now: datetime,
    confirmed: bool = False,
    origin: Origin = Origin.OPERATOR,
) -> SignupResult:
    """Add one subscriber, or change the one with this address.

    Args:
        store: The database.
        rules: Defaults, signer and schedule.
        line: What they want; parts that are None stay as they are, or take a default.
        now: Aware UTC time.
        confirmed: Consent is on record elsewhere: no confirmation mail.
        origin: Who asks.

    Raises:
        AddressError, QueryError, UsageError, LineError: If a part cannot be used.
    """
    wanted = check_line(line)
    with store.write() as tx:
        result = apply_signups(tx, rules, [wanted], now=now, confirmed=confirmed, origin=origin)[0]
    log.info("subscriber signed up", origin=origin, action=result.action, letter=result.letter)
    return result


def apply_signups(
    tx: Session,
    rules: SignupRules,
    wanted: Sequence[WantedSubscription],
    *,
    now: datetime,
    confirmed: bool,
    origin: Origin,
) -> list[SignupResult]:
    """Decide and write sign-ups of distinct addresses, in a handful of statements.

    Raises:
        ValueError: If an address stands twice.
    """
    keys = [one.address.key for one in wanted]
    if len(set(keys)) < len(keys):
        raise ValueError("an address stands twice")
    existing = subscribers_by_keys(tx, keys)
    letters = letter_histories(tx, [one.id for one in existing.values()], LetterKind.CONFIRM)
    hashes = {key: rules.signer.address_hashes(key) for key in keys if key not in existing}
    forgotten = forgotten_states(tx, [one for group in hashes.values() for one in group])
    plans = []
    for one, key in zip(wanted, keys, strict=True):
        known = existing.get(key)
        plans.append(
            decide_signup(
                one,
                existing=known,
                forgotten=next(
                    (forgotten[digest] for digest in hashes.get(key, ()) if digest in forgotten),
                    None,
                ),
                letters=letters.get(known.id) if known else None,
                rules=rules,
                now=now,
                confirmed=confirmed,
                origin=origin,
            )
        )
    ids = _write_subscribers(tx, plans, [existing.get(key) for key in keys], now=now)
    _write_interests(tx, wanted, plans, [existing.get(key) for key in keys], ids, now=now)
    return [
        SignupResult(action=plan.action, subscriber_id=one, letter=plan.letter, reason=plan.reason)
        for plan, one in zip(plans, ids, strict=True)
    ]


def _write_subscribers(
    tx: Session,
    plans: Sequence[SignupPlan],
    existing: Sequence[Subscriber | None],
    *,
    now: datetime,
) -> list[SubscriberId | None]:
    """Write all but interests; return the ids in order, None where there is nobody."""
    ids: list[SubscriberId | None] = [one.id if one else None for one in existing]
    new = [at for at, plan in enumerate(plans) if plan.draft is not None and ids[at] is None]
    drafts = [draft for at in new if (draft := plans[at].draft) is not None]
    for at, one in zip(new, insert_subscribers(tx, drafts, now=now), strict=True):
        ids[at] = one
    fresh = frozenset(new)
    written = [
        (at, one, plan, plan.draft)
        for at, (one, plan) in enumerate(zip(ids, plans, strict=True))
        if one is not None and plan.draft is not None
    ]
    update_preferences(tx, [(one, draft) for at, one, _plan, draft in written if at not in fresh])
    want_welcome(tx, [one for _at, one, plan, _draft in written if plan.wants_welcome])
    for _at, one, plan, draft in written:
        if plan.activates and draft.next_digest_at is not None:
            activate(
                tx,
                one,
                was=(SubscriberState.PENDING,),
                consented_at=draft.consented_at,
                next_digest_at=draft.next_digest_at,
            )
            withdraw_letters(tx, one, now=now)
            retire_tokens(tx, one, now=now)
    add_consents(
        tx,
        [
            Consent(subscriber_id=one, kind=plan.consent, at=now, evidence=plan.evidence)
            for _at, one, plan, _draft in written
            if plan.consent is not None
        ],
    )
    queue_letters(
        tx, [one for _at, one, plan, _draft in written if plan.letter], LetterKind.CONFIRM, now=now
    )
    return ids


def _write_interests(
    tx: Session,
    wanted: Sequence[WantedSubscription],
    plans: Sequence[SignupPlan],
    existing: Sequence[Subscriber | None],
    ids: Sequence[SubscriberId | None],
    *,
    now: datetime,
) -> None:
    queries = get_or_create_queries(
        tx,
        [
            interest.canonical
            for one, plan in zip(wanted, plans, strict=True)
            if plan.draft is not None
            for interest in one.interests
        ],
    )
    replace_interests(
        tx,
        {
            subscriber_id: [
                *kept_interests(one, known),
                *(
                    Interest(
                        kind=interest.kind,
                        text=interest.text,
                        query_id=queries[interest.canonical],
                    )
                    for interest in one.interests
                ),
            ]
            for one, plan, known, subscriber_id in zip(wanted, plans, existing, ids, strict=True)
            if plan.draft is not None and subscriber_id is not None
        },
        now=now,
    )
