"""Dropping what is out of date.

Expired one-use tokens, sign-ups that were never confirmed, the memory of papers that can
be mailed to nobody any more, and old scores of papers day by day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from sqlmodel import Session

from digest.papers.trend import KEPT_WHOLE, thinned, thinning_months
from digest.settings import DigestSettings
from digest.store import Store
from digest.store.facts import HOUSE_KEPT, get_fact_at, set_fact_at
from digest.store.ledger import forget_papers
from digest.store.privacy import drop_unconfirmed
from digest.store.quotas import drop_quotas
from digest.store.reports import drop_reports
from digest.store.scores import thin_scores
from digest.store.tokens import drop_tokens

NO_PRUNING_BEFORE = "no_pruning_before"

_AWAY = timedelta(hours=48)
_REST = timedelta(days=1)
_UNCONFIRMED = timedelta(days=7)
_QUOTAS_KEPT = timedelta(days=1)
_TOKENS_KEPT = timedelta(days=7)
"""How long an expired token is kept, so that its page can say that it expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one round of housekeeping did; `rested` says that nothing was pruned."""

    rested: bool
    tokens: int = 0
    unconfirmed: int = 0
    scores: int = 0
    reports: int = 0
    """Evidence of bounces of digests that are too old to be judged by."""
    papers: int = 0
    """Rows of the memory of sent papers that no window can ask for any more."""

    @property
    def something(self) -> bool:
        """Whether the round is worth a line in the log."""
        return self.rested or any(
            (self.tokens, self.unconfirmed, self.papers, self.scores, self.reports)
        )


def decide_rest(
    *, last_tick_at: datetime | None, no_pruning_before: datetime | None, now: datetime
) -> datetime | None:
    """Return until when nothing is pruned, None when pruning is safe.

    After more than 48 h without a tick, or a clock that went backwards, people had no
    chance to act on what would now be dropped: nothing is pruned for a day.
    """
    if last_tick_at is not None and not timedelta(0) <= now - last_tick_at <= _AWAY:
        return now + _REST
    if no_pruning_before is not None and now < no_pruning_before <= now + _REST:
        return no_pruning_before
    return None


def keep_house(store: Store, now: datetime, settings: DigestSettings) -> Kept:
    """Do one round, in one transaction.

    Raises:
        StorageError: If the database cannot be used.
    """
    with store.write() as tx:
        rest_until = decide_rest(
            last_tick_at=get_fact_at(tx, HOUSE_KEPT),
            no_pruning_before=get_fact_at(tx, NO_PRUNING_BEFORE),
            now=now,
        )
        set_fact_at(tx, HOUSE_KEPT, now)
        drop_quotas(tx, before=now - _QUOTAS_KEPT)
        if rest_until is not None:
            set_fact_at(tx, NO_PRUNING_BEFORE, rest_until)
            return Kept(rested=True)
        return Kept(
            rested=False,
            tokens=drop_tokens(tx, expired_before=now - _TOKENS_KEPT),
            unconfirmed=drop_unconfirmed(tx, before=now - _UNCONFIRMED),
            papers=forget_papers(
                tx,
                now=now,
                retention_days=settings.retention_days,
                eligibility_days=settings.eligibility_days,
            ),
            reports=drop_reports(
                tx, handed_off_before=now - timedelta(days=settings.retention_days)
            ),
            scores=_thin_scores(tx, now.date()),
        )


def _thin_scores(tx: Session, today: date) -> int:
    can_go = partial(thinned, keep_since=today - KEPT_WHOLE)
    return sum(thin_scores(tx, month=month, thinned=can_go) for month in thinning_months(today))
