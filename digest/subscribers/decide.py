"""What a sign-up, an operator's command or an import line means for one address (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, assert_never

from digest.model import (
    ConsentKind,
    Interest,
    LetterHistory,
    Schedule,
    Subscriber,
    SubscriberDraft,
    SubscriberState,
)
from digest.subscribers.tokens import TokenSigner
from digest.subscribers.wanted import WantedSubscription

LETTER_INTERVAL = timedelta(hours=24)
MAX_LETTERS = 3


class FirstDigestAt(Protocol):
    """Says when the first scheduled digest comes (`digests.schedule.first_digest_at`)."""

    def __call__(self, schedule: Schedule, after: datetime, *, welcome: bool = False) -> datetime:
        """Return an aware UTC instant after `after`; 12 h later at least with `welcome`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupRules:
    """What sign-ups need to know of the service."""

    signer: TokenSigner
    first_digest_at: FirstDigestAt
    default_hour: int = 8
    default_timezone: str = "UTC"
    default_max_papers: int = 20


class Origin(StrEnum):
    """Who asks: the operator by command, a file, or a person on the site."""

    OPERATOR = "operator"
    IMPORT = "import"
    SITE = "site"


class SignupAction(StrEnum):
    """What became of a sign-up."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupPlan:
    """What is to be written.

    `draft` is None when nothing is. `activates` makes a known subscriber active;
    `consent` is put on record; `letter` asks for confirmation. `reason` says in plain
    words why something was refused, or why no letter goes out.
    """

    action: SignupAction
    draft: SubscriberDraft | None = None
    activates: bool = False
    wants_welcome: bool = False
    consent: ConsentKind | None = None
    evidence: str = ""
    letter: bool = False
    reason: str = ""


def decide_signup(
    wanted: WantedSubscription,
    *,
    existing: Subscriber | None,
    forgotten: SubscriberState | None,
    letters: LetterHistory | None,
    rules: SignupRules,
    now: datetime,
    confirmed: bool,
    origin: Origin,
) -> SignupPlan:
    """Decide what a sign-up changes.

    Args:
        wanted: A checked line.
        existing: The subscriber with this address, or None.
        forgotten: What an erased subscriber with this address was, if suppressed.
        letters: Requests to confirm since the last consent, or None.
        rules: Defaults and the schedule function.
        now: Aware UTC time.
        confirmed: Whether consent is on record elsewhere; never for `Origin.SITE`.
        origin: Who asks.
    """
    if existing is None:
        return _decide_new(
            wanted, forgotten=forgotten, rules=rules, now=now, confirmed=confirmed, origin=origin
        )
    match existing.state:
        case SubscriberState.ACTIVE:
            return _decide_active(wanted, existing, rules=rules, now=now, origin=origin)
        case SubscriberState.PENDING:
            return _decide_pending(
                wanted,
                existing,
                letters=letters,
                rules=rules,
                now=now,
                confirmed=confirmed,
                origin=origin,
            )
        case SubscriberState.UNSUBSCRIBED | SubscriberState.BOUNCED | SubscriberState.COMPLAINED:
            return _decide_suppressed(
                wanted,
                existing,
                letters=letters,
                rules=rules,
                now=now,
                asks_owner=not confirmed and origin is not Origin.IMPORT,
                origin=origin,
            )
        case _:
            assert_never(existing.state)


def _decide_active(
    wanted: WantedSubscription,
    existing: Subscriber,
    *,
    rules: SignupRules,
    now: datetime,
    origin: Origin,
) -> SignupPlan:
    if origin is Origin.SITE:  # a stranger may have typed this address
        return SignupPlan(action=SignupAction.UNCHANGED, reason="already subscribed")
    draft = _changed(wanted, existing, rules=rules, now=now)
    return SignupPlan(action=SignupAction.UPDATED, draft=draft)


def _decide_suppressed(
    wanted: WantedSubscription,
    existing: Subscriber,
    *,
    letters: LetterHistory | None,
    rules: SignupRules,
    now: datetime,
    asks_owner: bool,
    origin: Origin,
) -> SignupPlan:
    if not asks_owner or existing.state is SubscriberState.COMPLAINED:
        return _refused(existing.state)
    reason = _letter_refusal(letters, now)
    if reason:
        return SignupPlan(action=SignupAction.UNCHANGED, reason=reason)
    return SignupPlan(
        action=SignupAction.UPDATED,
        draft=_changed(wanted, existing, rules=rules, now=now),
        consent=ConsentKind.SIGNED_UP,
        evidence=_evidence(confirmed=False, origin=origin),
        letter=True,
    )


def _decide_new(
    wanted: WantedSubscription,
    *,
    forgotten: SubscriberState | None,
    rules: SignupRules,
    now: datetime,
    confirmed: bool,
    origin: Origin,
) -> SignupPlan:
    asks_owner = not confirmed and origin is not Origin.IMPORT
    if forgotten is not None and (not asks_owner or forgotten is SubscriberState.COMPLAINED):
        return _refused(forgotten)
    schedule = Schedule(
        timezone=wanted.timezone or rules.default_timezone,
        hour=rules.default_hour if wanted.hour is None else wanted.hour,
        weekdays=wanted.weekdays or frozenset(range(7)),
    )
    draft = SubscriberDraft(
        email=wanted.address.email,
        email_key=wanted.address.key,
        state=SubscriberState.ACTIVE if confirmed else SubscriberState.PENDING,
        schedule=schedule,
        max_papers=wanted.max_papers or rules.default_max_papers,
        min_upvotes=wanted.min_upvotes or 0,
        consented_at=now if confirmed else None,
        next_digest_at=rules.first_digest_at(schedule, now) if confirmed else None,
        wants_welcome=not confirmed and origin is not Origin.IMPORT,
    )
    return SignupPlan(
        action=SignupAction.ADDED,
        draft=draft,
        consent=_consent(confirmed=confirmed, origin=origin),
        evidence=_evidence(confirmed=confirmed, origin=origin),
        letter=not confirmed,
    )


def _decide_pending(
    wanted: WantedSubscription,
    existing: Subscriber,
    *,
    letters: LetterHistory | None,
    rules: SignupRules,
    now: datetime,
    confirmed: bool,
    origin: Origin,
) -> SignupPlan:
    draft = _changed(wanted, existing, rules=rules, now=now)
    if confirmed:
        return SignupPlan(
            action=SignupAction.UPDATED,
            draft=replace(
                draft,
                state=SubscriberState.ACTIVE,
                consented_at=now,
                next_digest_at=rules.first_digest_at(draft.schedule, now),
            ),
            activates=True,
            consent=_consent(confirmed=True, origin=origin),
            evidence=_evidence(confirmed=True, origin=origin),
        )
    reason = _letter_refusal(letters, now)
    return SignupPlan(
        action=SignupAction.UPDATED,
        draft=draft,
        wants_welcome=origin is not Origin.IMPORT,
        letter=not reason,
        reason=reason,
    )


def decide_return(existing: Subscriber, *, letters: LetterHistory | None, now: datetime) -> bool:
    """Say whether somebody who wants to log in is asked to confirm instead.

    Their digests were stopped, so there is nothing to log in to; a mail to the owner of
    the address says why and how they go on. After a complaint no mail goes out at all.
    """
    comes_back = existing.state in (SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED)
    return comes_back and not _letter_refusal(letters, now)


def _changed(
    wanted: WantedSubscription, existing: Subscriber, *, rules: SignupRules, now: datetime
) -> SubscriberDraft:
    """Lay what the line says over what is; what it does not say stays."""
    before = existing.schedule
    schedule = replace(
        before,
        timezone=wanted.timezone or before.timezone,
        hour=before.hour if wanted.hour is None else wanted.hour,
        weekdays=wanted.weekdays or before.weekdays,
    )
    next_digest_at = existing.next_digest_at
    # A digest that is owed already is not lost by moving the hour: it stays due.
    if next_digest_at is not None and next_digest_at > now and schedule != before:
        next_digest_at = rules.first_digest_at(schedule, now)
    return SubscriberDraft(
        email=existing.email,
        email_key=wanted.address.key,
        state=existing.state,
        schedule=schedule,
        max_papers=wanted.max_papers or existing.max_papers,
        min_upvotes=existing.min_upvotes if wanted.min_upvotes is None else wanted.min_upvotes,
        consented_at=existing.consented_at,
        next_digest_at=next_digest_at,
    )


def kept_interests(wanted: WantedSubscription, existing: Subscriber | None) -> tuple[Interest, ...]:
    """Return the saved interests of the kinds that the line does not speak of."""
    if existing is None:
        return ()
    return tuple(one for one in existing.interests if one.kind not in wanted.said_kinds)


def _letter_refusal(letters: LetterHistory | None, now: datetime) -> str:
    if letters is None:
        return ""
    if letters.count >= MAX_LETTERS:
        return f"asked to confirm {MAX_LETTERS} times already"
    if now - letters.last_at < LETTER_INTERVAL:
        return "asked to confirm within the last 24 hours"
    return ""


def _refused(state: SubscriberState) -> SignupPlan:
    match state:
        case SubscriberState.COMPLAINED:
            reason = "marked a digest as spam; nothing may be sent to this address"
        case SubscriberState.BOUNCED:
            reason = (
                "mail to this address bounced; only its owner can subscribe again, "
                "by confirming: add it without --confirmed"
            )
        case _:
            reason = (
                "unsubscribed; only the owner of this address can subscribe again, "
                "by confirming: add it without --confirmed"
            )
    return SignupPlan(action=SignupAction.REFUSED, reason=reason)


def _consent(*, confirmed: bool, origin: Origin) -> ConsentKind:
    if origin is Origin.IMPORT:
        return ConsentKind.IMPORTED
    return ConsentKind.CONFIRMED if confirmed else ConsentKind.SIGNED_UP


def _evidence(*, confirmed: bool, origin: Origin) -> str:
    if confirmed:
        return f"{origin.value}: consent is on record elsewhere"
    return f"{origin.value}: not confirmed"
