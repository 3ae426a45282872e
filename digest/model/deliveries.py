"""The values of the ledger: plans, rows, states and outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from digest.model.digests import Period
from digest.model.ids import DeliveryId, PaperId, QueryId, SubscriberId


class DeliveryState(StrEnum):
    """States of a delivery; `docs/architecture.md` draws them."""

    READY = "ready"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


NOTHING_NEW = "nothing new"
"""Why a delivery without papers is skipped."""

QUEUED_STATES = frozenset({DeliveryState.READY, DeliveryState.CLAIMED, DeliveryState.SENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPaper:
    """A paper of a delivery and the ids of the queries that wanted it."""

    paper_id: PaperId
    query_ids: tuple[QueryId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPlan:
    """What compose decided for one owed period of one subscriber.

    `papers` are to be sent, in order. `rest` are the best of those that found no room
    (at most 200, the first `carried` of them may come next time); `left_over` counts
    all of those. With `skip_reason` the period is recorded as skipped, without papers.
    `closes_at` is the end of the period.
    """

    subscriber_id: SubscriberId
    period: Period
    scheduled_at: datetime
    closes_at: datetime
    papers: tuple[PlannedPaper, ...] = ()
    rest: tuple[PaperId, ...] = ()
    carried: int = 0
    left_over: int = 0
    notices: tuple[str, ...] = ()
    skip_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the ledger, as read.

    `doubted_fence` is the fence of the first hand-off of which nobody knows whether it
    arrived. Until somebody finds out, the delivery gives back no paper. `attempts` are
    those that count against the subscriber, `tries` all that its backoff grows by.
    """

    id: DeliveryId
    subscriber_id: SubscriberId
    period: Period
    state: DeliveryState
    scheduled_at: datetime
    closes_at: datetime
    prepared_at: datetime
    papers: tuple[PlannedPaper, ...]
    rest: tuple[PaperId, ...] = ()
    carried: int = 0
    left_over: int = 0
    notices: tuple[str, ...] = ()
    message_id: str
    message_date_at: datetime
    attempts: int = 0
    tries: int = 0
    next_attempt_at: datetime | None = None
    fence: int = 0
    doubted_fence: int | None = None
    lease_until_at: datetime | None = None
    finished_at: datetime | None = None
    reply: str = ""


class OutcomeKind(StrEnum):
    """What became of one hand-off."""

    SENT = "sent"
    RETRY = "retry"
    BOUNCED = "bounced"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one hand-off, with the server's own words.

    `reply` is what the server said, or in plain words what happened; at most 500
    characters. `WITHDRAWN` means that the intent was refused by the ledger (lease lost,
    subscriber suppressed): nothing was sent and nothing is recorded.
    """

    kind: OutcomeKind
    reply: str
    code: int | None = None
    enhanced: str | None = None
    relay_trouble: bool = field(default=False)
    """True when the trouble is the relay's (connect, TLS, AUTH, 5.7.x), not the recipient's."""
