"""The ledger: what was owed to whom, and what became of it (docs/adr/0001).

Every change of a delivery's state is one conditional UPDATE whose legal sources stand
in `states.LEGAL`. Nothing here decides when or what to send.
"""

from digest.store.ledger.amend import Resent, Resolution, resend, resolve
from digest.store.ledger.due import DueSubscriber, due_subscribers
from digest.store.ledger.groups import Recording, intend_all, record_all
from digest.store.ledger.handoff import (
    LEASE,
    MAX_CLAIM,
    Claim,
    Tidied,
    claim,
    claim_deliveries,
    give_back,
    intend,
    record,
    tidy,
)
from digest.store.ledger.id_ranges import IdRanges
from digest.store.ledger.papers import (
    delivery_of_paper,
    forget_papers,
    held_papers,
    release_papers,
    sent_papers,
    take_papers,
)
from digest.store.ledger.plans import Inserted, insert_plans
from digest.store.ledger.rows import (
    LedgerCounts,
    LedgerEntry,
    count_deliveries,
    get_delivery,
    list_entries,
    open_delivery_ids,
)
from digest.store.ledger.states import LEGAL, Event

__all__ = [
    "LEASE",
    "LEGAL",
    "MAX_CLAIM",
    "Claim",
    "DueSubscriber",
    "Event",
    "IdRanges",
    "Inserted",
    "LedgerCounts",
    "LedgerEntry",
    "Recording",
    "Resent",
    "Resolution",
    "Tidied",
    "claim",
    "claim_deliveries",
    "count_deliveries",
    "delivery_of_paper",
    "due_subscribers",
    "forget_papers",
    "get_delivery",
    "give_back",
    "held_papers",
    "insert_plans",
    "intend",
    "intend_all",
    "list_entries",
    "open_delivery_ids",
    "record",
    "record_all",
    "release_papers",
    "resend",
    "resolve",
    "sent_papers",
    "take_papers",
    "tidy",
]
