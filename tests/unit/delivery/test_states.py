"""The table of legal transitions, and the picture of it in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from digest.model import DeliveryState
from digest.store.ledger import LEGAL, Event

ARCHITECTURE = Path(__file__).resolve().parents[3] / "docs" / "architecture.md"


def test_every_event_is_in_the_table() -> None:
    assert set(LEGAL) == set(Event)


def test_what_was_sent_or_skipped_never_changes_again() -> None:
    sources = {state for transition in LEGAL.values() for state in transition.sources}

    assert DeliveryState.SENT not in sources
    assert DeliveryState.SKIPPED not in sources


def test_nothing_that_may_have_been_accepted_is_ready_again_by_itself() -> None:
    ready_from_doubt = {
        event
        for event, transition in LEGAL.items()
        if transition.target is DeliveryState.READY
        and transition.sources & {DeliveryState.SENDING, DeliveryState.UNKNOWN}
    }

    assert ready_from_doubt == {Event.RETRY, Event.RESEND, Event.RESEND_BY_POLICY}


def test_the_diagram_in_the_documentation_is_the_table() -> None:
    drawn = set(re.findall(r"^\s+(\w+) --> (\w+):", ARCHITECTURE.read_text(), re.MULTILINE))

    legal = {
        (source.value, transition.target.value)
        for transition in LEGAL.values()
        for source in transition.sources
    }
    assert drawn == legal
