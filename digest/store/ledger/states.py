"""The states of a delivery and the only ways between them (docs/adr/0001)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from digest.model import DeliveryState

_S = DeliveryState


class Event(StrEnum):
    """What may happen to a delivery after it was prepared."""

    CLAIM = "claim"
    GIVE_BACK = "give back"
    INTEND = "intend"
    WITHDRAW = "withdraw"
    TOO_LATE = "too late"
    SENT = "sent"
    BOUNCED = "bounced"
    FAILED = "failed"
    WITHDRAW_IN_DOUBT = "withdraw what may have arrived"
    TOO_LATE_IN_DOUBT = "too late for what may have arrived"
    REFUSED_IN_DOUBT = "bounced or failed, what may have arrived"
    RETRY = "retry"
    LOST = "lost"
    REAP_CLAIM = "reap an expired claim"
    REAP_HAND_OFF = "reap an expired hand-off"
    RESEND = "resend"
    RESEND_BY_POLICY = "resend by policy"
    RESOLVE_SENT = "resolve as sent"
    RESOLVE_FAILED = "resolve as failed"


@dataclass(frozen=True, slots=True)
class Transition:
    """The states an event may find, and the one it leaves."""

    sources: frozenset[DeliveryState]
    target: DeliveryState


def _from(*sources: DeliveryState, to: DeliveryState) -> Transition:
    return Transition(frozenset(sources), to)


LEGAL: Mapping[Event, Transition] = MappingProxyType(
    {
        Event.CLAIM: _from(_S.READY, to=_S.CLAIMED),
        Event.GIVE_BACK: _from(_S.CLAIMED, to=_S.READY),
        Event.INTEND: _from(_S.CLAIMED, to=_S.SENDING),
        Event.WITHDRAW: _from(_S.READY, _S.CLAIMED, to=_S.SKIPPED),
        Event.TOO_LATE: _from(_S.READY, _S.CLAIMED, to=_S.FAILED),
        Event.SENT: _from(_S.SENDING, _S.UNKNOWN, to=_S.SENT),
        Event.BOUNCED: _from(_S.CLAIMED, _S.SENDING, _S.UNKNOWN, to=_S.BOUNCED),
        Event.FAILED: _from(_S.CLAIMED, _S.SENDING, _S.UNKNOWN, to=_S.FAILED),
        Event.WITHDRAW_IN_DOUBT: _from(_S.READY, _S.CLAIMED, to=_S.UNKNOWN),
        Event.TOO_LATE_IN_DOUBT: _from(_S.READY, _S.CLAIMED, to=_S.UNKNOWN),
        Event.REFUSED_IN_DOUBT: _from(_S.CLAIMED, _S.SENDING, _S.UNKNOWN, to=_S.UNKNOWN),
        Event.RETRY: _from(_S.CLAIMED, _S.SENDING, _S.UNKNOWN, to=_S.READY),
        Event.LOST: _from(_S.SENDING, to=_S.UNKNOWN),
        Event.REAP_CLAIM: _from(_S.CLAIMED, to=_S.READY),
        Event.REAP_HAND_OFF: _from(_S.SENDING, to=_S.UNKNOWN),
        Event.RESEND: _from(_S.FAILED, _S.BOUNCED, _S.UNKNOWN, to=_S.READY),
        Event.RESEND_BY_POLICY: _from(_S.UNKNOWN, to=_S.READY),
        Event.RESOLVE_SENT: _from(_S.UNKNOWN, to=_S.SENT),
        Event.RESOLVE_FAILED: _from(_S.UNKNOWN, to=_S.FAILED),
    }
)
