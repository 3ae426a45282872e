"""How commands show what came back, and who is not mailed for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from digest.cli import output

if TYPE_CHECKING:
    from digest.model import DeliveryReport
    from digest.subscribers.suppressed import Suppression


def suppression_facts(one: Suppression) -> str:
    """Lay out why somebody is not mailed."""
    return output.facts(
        [
            ("not mailed since", one.since),
            ("why", one.why),
            ("evidence", one.evidence or None),
            ("what undoes it", one.undo),
        ]
    )


def suppression_document(one: Suppression) -> dict[str, Any]:
    """Return it as JSON has it."""
    return {
        "state": one.state,
        "since": one.since,
        "why": one.why,
        "evidence": one.evidence,
        "undo": one.undo,
    }


def report_table(reports: Sequence[DeliveryReport]) -> str:
    """Lay out what came back."""
    columns = [
        output.Column(heading="came back"),
        output.Column(heading="at"),
        output.Column(heading="delivery", align="right"),
        output.Column(heading="status"),
        output.Column(heading="by"),
        output.Column(heading="in their words", max_width=80),
    ]
    rows = [
        (one.kind, one.at, one.delivery_id, one.status, one.source, one.said) for one in reports
    ]
    return output.table(columns, rows)


def report_document(one: DeliveryReport) -> dict[str, Any]:
    """Return what came back as JSON has it."""
    return {
        "kind": one.kind,
        "at": one.at,
        "delivery": one.delivery_id,
        "status": one.status,
        "source": one.source,
        "said": one.said,
    }
