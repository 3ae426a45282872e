"""The tables. They are not domain values: `table=True` skips validation.

Repositories turn rows into the values of `digest.model`. Instants are aware UTC.
A change here needs a migration; `tests/migration` compares the two. One module a noun;
whoever needs a table takes it from here, so that the metadata always holds them all.
"""

from digest.store.tables.base import Table
from digest.store.tables.delivery import DeliveryPaperRow, DeliveryRow, LetterRow, ReportRow
from digest.store.tables.feeds import BackfillRow, FeedDayRow, FeedRow
from digest.store.tables.papers import (
    AliasRow,
    ListingRow,
    MergedPaperRow,
    PaperRow,
    PaperTagRow,
    RevisionRow,
    ScoreRow,
    TagRow,
    WindowRow,
)
from digest.store.tables.people import (
    ConsentRow,
    ForgottenRow,
    InterestRow,
    QueryRow,
    SubscriberRow,
    TokenRow,
)
from digest.store.tables.service import FactRow, IntakeRow, QuotaRow, SendLimitRow

__all__ = [
    "AliasRow",
    "BackfillRow",
    "ConsentRow",
    "DeliveryPaperRow",
    "DeliveryRow",
    "FactRow",
    "FeedDayRow",
    "FeedRow",
    "ForgottenRow",
    "IntakeRow",
    "InterestRow",
    "LetterRow",
    "ListingRow",
    "MergedPaperRow",
    "PaperRow",
    "PaperTagRow",
    "QueryRow",
    "QuotaRow",
    "ReportRow",
    "RevisionRow",
    "ScoreRow",
    "SendLimitRow",
    "SubscriberRow",
    "Table",
    "TagRow",
    "TokenRow",
    "WindowRow",
]
