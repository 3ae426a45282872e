"""The values that all rooms speak.

Frozen, slotted, keyword-only. They hold what is known and decide nothing. Instants
are aware UTC and end in `_at`; dates end in `_day` or `_on`; units stand in names.
Nothing here imports a store, a network library or asyncio.
"""

from digest.model.deliveries import (
    NOTHING_NEW,
    QUEUED_STATES,
    Delivery,
    DeliveryPlan,
    DeliveryState,
    Outcome,
    OutcomeKind,
    PlannedPaper,
)
from digest.model.digests import (
    WELCOME,
    Digest,
    DigestLinks,
    Match,
    Message,
    Period,
    Reason,
    Rendered,
)
from digest.model.feeds import (
    Announce,
    Entry,
    FeedDay,
    FeedKind,
    FeedRecord,
    FeedSpec,
    FeedStatus,
    FetchedFeed,
    Link,
    ParsedFeed,
    PollState,
)
from digest.model.ids import Alias, DeliveryId, FeedId, PaperId, QueryId, SubscriberId
from digest.model.ingest import (
    IngestPlan,
    KnownPaper,
    KnownPapers,
    Listing,
    Merge,
    Revision,
    Score,
    Window,
)
from digest.model.limits import RELAY, SendLimit
from digest.model.notes import PaperNote, PaperWords, Topic
from digest.model.papers import Paper, PaperIntent
from digest.model.reports import DeliveryReport, ReportKind
from digest.model.subscribers import (
    ConsentKind,
    Interest,
    InterestKind,
    LetterHistory,
    Schedule,
    Subscriber,
    SubscriberDraft,
    SubscriberState,
)

__all__ = [
    "NOTHING_NEW",
    "QUEUED_STATES",
    "RELAY",
    "WELCOME",
    "Alias",
    "Announce",
    "ConsentKind",
    "Delivery",
    "DeliveryId",
    "DeliveryPlan",
    "DeliveryReport",
    "DeliveryState",
    "Digest",
    "DigestLinks",
    "Entry",
    "FeedDay",
    "FeedId",
    "FeedKind",
    "FeedRecord",
    "FeedSpec",
    "FeedStatus",
    "FetchedFeed",
    "IngestPlan",
    "Interest",
    "InterestKind",
    "KnownPaper",
    "KnownPapers",
    "LetterHistory",
    "Link",
    "Listing",
    "Match",
    "Merge",
    "Message",
    "Outcome",
    "OutcomeKind",
    "Paper",
    "PaperId",
    "PaperIntent",
    "PaperNote",
    "PaperWords",
    "ParsedFeed",
    "Period",
    "PlannedPaper",
    "PollState",
    "QueryId",
    "Reason",
    "Rendered",
    "ReportKind",
    "Revision",
    "Schedule",
    "Score",
    "SendLimit",
    "Subscriber",
    "SubscriberDraft",
    "SubscriberId",
    "SubscriberState",
    "Topic",
    "Window",
]
