"""What one subscriber is owed now: their periods, composed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from digest.digests.compose import PaperMasks, Selection, compose, select
from digest.digests.schedule import (
    OwedPeriod,
    first_digest_at,
    next_digest_at,
    owed_periods,
)
from digest.matching.hits import Hits
from digest.model import (
    WELCOME,
    DeliveryPlan,
    PaperId,
    Period,
    Subscriber,
    SubscriberId,
)

SERVICE_WAS_DOWN = "service was down"
WELCOME_INSTEAD = "the welcome digest came instead"
THIN_DIGEST = 5
"""A digest with at most so many papers says why the day is thin, where there is a reason."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The papers that a run chooses from, what they match, and notices for thin days."""

    hits: Hits
    masks: PaperMasks
    notices: tuple[str, ...] = ()

    def select(
        self,
        subscribers: Sequence[Subscriber],
        sent: Mapping[SubscriberId, Iterable[PaperId]],
    ) -> list[Selection]:
        """Pick for many subscribers at once."""
        return select(self.hits, self.masks, subscribers, sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """The plans of one subscriber, and when to look at them again."""

    plans: tuple[DeliveryPlan, ...]
    next_digest_at: datetime


def plan_owed(
    subscriber: Subscriber,
    *,
    welcome_due: bool,
    sent: Iterable[PaperId],
    today: Edition,
    recent: Callable[[], Edition],
    now: datetime,
    selection: Selection | None = None,
) -> Owing:
    """Compose all that a subscriber is owed.

    Args:
        subscriber: Active, with their interests.
        welcome_due: Whether a welcome digest is owed.
        sent: Papers in their digests so far.
        today: What is open now.
        recent: Gives the papers of the last days, for a welcome.
        now: Aware UTC.
        selection: What was picked for them of `today` together with others, None to pick
            it now.
    """
    missed, current, next_at = _periods(subscriber, now)
    plans = [_skipped(subscriber, period, SERVICE_WAS_DOWN) for period in missed]
    if welcome_due:
        if current is not None:
            plans.append(_skipped(subscriber, current, WELCOME_INSTEAD))
        next_at = max(next_at, first_digest_at(subscriber.schedule, now, welcome=True))
        owed = OwedPeriod(WELCOME, now, next_at)
        plans.append(compose_owed(subscriber, owed, recent(), sent))
    elif current is not None:
        plans.append(compose_owed(subscriber, current, today, sent, selection))
    return Owing(plans=tuple(plans), next_digest_at=next_at)


def plan_unreadable(
    subscriber: Subscriber, *, welcome_due: bool, cause: str, now: datetime
) -> Owing:
    """Skip what is owed to someone whose schedule cannot be read, and look a day later.

    The date of the period is that of UTC, since theirs is not known.

    Args:
        subscriber: Active.
        welcome_due: Whether a welcome digest is owed.
        cause: Why it cannot be read.
        now: Aware UTC.
    """
    due_at = subscriber.next_digest_at
    if due_at is None or due_at > now + _DAY:
        next_at = now + _DAY
    else:
        next_at = due_at if due_at > now else due_at + _DAY * ((now - due_at) // _DAY + 1)
    periods: list[OwedPeriod] = []
    if due_at is not None and due_at <= now:
        date = Period(due_at.astimezone(UTC).date().isoformat())
        periods.append(OwedPeriod(date, due_at, next_at))
    if welcome_due:
        periods.append(OwedPeriod(WELCOME, now, next_at))
    reason = f"cannot be planned: {cause}"
    return Owing(
        plans=tuple(_skipped(subscriber, one, reason) for one in periods),
        next_digest_at=next_at,
    )


def _periods(
    subscriber: Subscriber, now: datetime
) -> tuple[Sequence[OwedPeriod], OwedPeriod | None, datetime]:
    stored = subscriber.next_digest_at
    if stored is None:
        return (), None, next_digest_at(subscriber.schedule, now)
    missed: list[OwedPeriod] = []
    while True:
        owed = owed_periods(subscriber.schedule, stored, now)
        missed.extend(owed.missed)
        if owed.current is not None or owed.next_digest_at > now:
            return missed, owed.current, owed.next_digest_at
        stored = owed.next_digest_at


def compose_owed(
    subscriber: Subscriber,
    owed: OwedPeriod,
    edition: Edition,
    sent: Iterable[PaperId],
    selection: Selection | None = None,
) -> DeliveryPlan:
    """Compose one period; a thin digest says what the day may be thin for."""
    if selection is None:
        (selection,) = edition.select([subscriber], {subscriber.id: sent})
    plan = compose(
        edition.hits.papers,
        selection,
        subscriber.id,
        period=owed.period,
        scheduled_at=owed.scheduled_at,
        closes_at=owed.closes_at,
    )
    if plan.papers and len(plan.papers) <= THIN_DIGEST:
        return replace(plan, notices=edition.notices)
    return plan


def _skipped(subscriber: Subscriber, owed: OwedPeriod, reason: str) -> DeliveryPlan:
    return DeliveryPlan(
        subscriber_id=subscriber.id,
        period=owed.period,
        scheduled_at=owed.scheduled_at,
        closes_at=owed.closes_at,
        skip_reason=reason,
    )
