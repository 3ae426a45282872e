"""Who is not mailed, since when, why, and what brings them back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from digest.model import SubscriberState

SUPPRESSED = (
    SubscriberState.UNSUBSCRIBED,
    SubscriberState.BOUNCED,
    SubscriberState.COMPLAINED,
)

_WHY = {
    SubscriberState.UNSUBSCRIBED: "asked to get no more",
    SubscriberState.BOUNCED: "their address does not take mail",
    SubscriberState.COMPLAINED: "called a digest spam",
}
_ASK = "they confirm anew: the sign-up form or a login link, or `digest subscribers add"
_UNDO = {
    SubscriberState.UNSUBSCRIBED: _ASK,
    SubscriberState.BOUNCED: f"once the address takes mail again, {_ASK}",
    SubscriberState.COMPLAINED: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Why somebody is not mailed.

    `since` and `evidence` are of the consent record that stopped it, None and "" where
    there is none; `undo` says in plain words what brings them back.
    """

    state: SubscriberState
    why: str
    since: datetime | None
    evidence: str
    undo: str


def describe_suppression(
    email: str, state: SubscriberState, *, since: datetime | None, evidence: str
) -> Suppression | None:
    """Say why a subscriber is not mailed; None where they are, or only have to confirm."""
    if state not in SUPPRESSED:
        return None
    undo = _UNDO[state]
    return Suppression(
        state=state,
        why=_WHY[state],
        since=since,
        evidence=evidence,
        undo=f"{undo} {email}`" if undo else "nothing: no mail may go to this address again",
    )
