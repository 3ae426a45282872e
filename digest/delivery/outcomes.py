"""What a reply, or the lack of one, means for a delivery. Pure.

The one line that matters is the first byte of content after 354: before it, a drop
proves that nothing was accepted; after it, nobody knows (RFC 1047).
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum

from digest.model import Outcome, OutcomeKind

REPLY_LIMIT = 500
RELAY_PATIENCE = 3
"""So many 5.7.x in a row, said of recipients with no acceptance between, are the relay's."""

_BACKOFF = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=60),
    timedelta(hours=4),
)
_ENHANCED = re.compile(r"^\s*([245]\.\d{1,3}\.\d{1,3})(?=\s|$)", re.MULTILINE)
# Without an enhanced code, what RFC 5321 §4.2 lets these mean at RCPT: the mailbox.
_MAILBOX_CODES = frozenset({521, 550, 551, 552, 553, 556})
_GREYLISTED = re.compile(r"gr[ea]ylist", re.IGNORECASE)
_AUTH_CODES = frozenset({530, 534, 535, 538})
_MESSAGE_CODES = frozenset({"5.3.4", "5.6.0", "5.6.1", "5.6.3", "5.6.7"})


class Stage(StrEnum):
    """How far a hand-off had come when the reply, or the drop, came."""

    CONNECT = "connect"
    """Connecting, TLS, EHLO, AUTH."""
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    """The DATA command: no byte of content is written yet."""
    CONTENT = "content"
    """A byte of content may be with the server."""


def decide_outcome(stage: Stage, code: int | None, text: str) -> Outcome:
    """Say what a reply means.

    Args:
        stage: Where the hand-off was.
        code: The reply's code, None for a drop, silence or gibberish.
        text: The reply's text without its code, or in plain words what happened.
    """
    enhanced = enhanced_code(text)
    if code is not None and enhanced is not None and int(enhanced[0]) != code // 100:
        enhanced = None  # a class that contradicts the code says nothing
    reply = plain_reply(code, text)
    kind, relay_trouble = _kind(stage, code, enhanced)
    return Outcome(
        kind=kind, reply=reply, code=code, enhanced=enhanced, relay_trouble=relay_trouble
    )


def _kind(stage: Stage, code: int | None, enhanced: str | None) -> tuple[OutcomeKind, bool]:
    if stage is Stage.CONNECT:
        return OutcomeKind.RETRY, True
    if stage is Stage.CONTENT:
        if code is not None and 200 <= code < 300:
            return OutcomeKind.SENT, False
        if code is None or not 400 <= code < 600:
            return OutcomeKind.UNKNOWN, False
    if code is not None and 500 <= code < 600:
        return _refused(stage, code, enhanced)
    # At MAIL no recipient was named yet: who asks for patience there asks the relay's user,
    # and who hangs up there does so on them.
    return OutcomeKind.RETRY, stage is Stage.MAIL and (
        code is None or _is_throttling(code, enhanced)
    )


def _refused(stage: Stage, code: int, enhanced: str | None) -> tuple[OutcomeKind, bool]:
    if code in _AUTH_CODES or (enhanced is not None and enhanced.startswith("5.7.")):
        return OutcomeKind.RETRY, True
    if stage is Stage.MAIL:
        # One sender serves everybody: unless it is this message's size or alphabet, it
        # is no fault of this recipient, and the next one would fare no better.
        ours = enhanced in _MESSAGE_CODES or (enhanced is None and code == 552)
        return (OutcomeKind.FAILED, False) if ours else (OutcomeKind.RETRY, True)
    return _permanent(stage, code, enhanced), False


def _is_throttling(code: int | None, enhanced: str | None) -> bool:
    return code == 421 or (enhanced is not None and enhanced.startswith("4.7."))


def _permanent(stage: Stage, code: int, enhanced: str | None) -> OutcomeKind:
    if enhanced is not None:
        subject = enhanced.split(".")[1]
        return OutcomeKind.BOUNCED if subject in ("1", "2", "4") else OutcomeKind.FAILED
    if stage is Stage.RCPT and code in _MAILBOX_CODES:
        return OutcomeKind.BOUNCED
    return OutcomeKind.FAILED


def enhanced_code(text: str) -> str | None:
    """Return the enhanced status code of a reply's text (RFC 3463), None without one."""
    found = _ENHANCED.search(text)
    return found.group(1) if found else None


def plain_reply(code: int | None, text: str) -> str:
    """Return a reply as one line that can be shown and stored, at most 500 characters."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    words = " ".join(text.split())
    return (words if code is None else f"{code} {words}".rstrip())[:REPLY_LIMIT]


def backoff(tries: int) -> timedelta:
    """Return how long to wait after so many tries: 5, 15, 60 minutes, then 4 hours."""
    return _BACKOFF[min(max(tries, 1), len(_BACKOFF)) - 1]


def pauses_domain(outcome: Outcome) -> bool:
    """Say whether the server asks us to leave the destination alone for a while.

    Greylisting asks it of this recipient alone: the others must have called once, too.
    """
    return _asks_for_patience(outcome) and not is_greylisting(outcome)


def is_greylisting(outcome: Outcome) -> bool:
    """Say whether a server wants to see the same envelope again later (RFC 6647)."""
    return outcome.code in (450, 451) and _GREYLISTED.search(outcome.reply) is not None


def _asks_for_patience(outcome: Outcome) -> bool:
    if outcome.kind is not OutcomeKind.RETRY or outcome.relay_trouble:
        return False
    return _is_throttling(outcome.code, outcome.enhanced)


def refuses_us(outcome: Outcome) -> bool:
    """Say whether the relay refused us for policy or authentication, not for this mail."""
    if outcome.kind is not OutcomeKind.RETRY or not outcome.relay_trouble:
        return False
    policy = outcome.enhanced is not None and outcome.enhanced.startswith("5.7.")
    return policy or outcome.code in _AUTH_CODES


def counts_as_attempt(outcome: Outcome) -> bool:
    """Say whether the outcome is the recipient's doing, and counts against them."""
    return not outcome.relay_trouble and not _asks_for_patience(outcome)


class Breaker:
    """Decides when the relay's refusals end a run.

    A refusal at connect, AUTH or MAIL concerns everybody. One said of a recipient may
    be that recipient's own filter, and must not hold up the others.
    """

    def __init__(self) -> None:
        self.tripped_by: str | None = None
        self.lost_by: str | None = None
        """How the last connection was lost before a recipient was named; None after that
        something was accepted."""
        self._in_a_row = 0

    def note(self, outcome: Outcome, *, of_recipient: bool) -> bool:
        """Take note of an outcome; return whether the run must stop.

        Args:
            outcome: Of one hand-off.
            of_recipient: Whether MAIL had been accepted.
        """
        if outcome.relay_trouble:
            self._in_a_row += 1
            if outcome.code is None:
                self.lost_by = outcome.reply
            if not of_recipient or self._in_a_row >= RELAY_PATIENCE:
                self.tripped_by = self.tripped_by or outcome.reply
        elif outcome.kind is OutcomeKind.SENT:
            self._in_a_row = 0
            self.lost_by = None
        return self.tripped_by is not None
