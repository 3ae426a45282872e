"""Limits on handing off that outlive a process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

RELAY = "relay"
"""Key of the limit that concerns all mail; any other key is a destination domain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendLimit:
    """What holds back the mail to one domain, or all mail.

    `held_until_at` is when hand-offs may begin again, None when nothing is held; `holds`
    counts the holds since the last acceptance and `reason` has the server's words.
    `tokens` of the domain's rate were left at `filled_at`, None when none were used.

    As a change it says what changed alone: a hold, a rate, or that an acceptance at
    `lifted_at` ended whatever hold was over by then. What is None is left as it is.
    """

    key: str
    held_until_at: datetime | None = None
    holds: int = 0
    reason: str = ""
    tokens: float | None = None
    filled_at: datetime | None = None
    lifted_at: datetime | None = None
