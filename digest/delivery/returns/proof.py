"""Believe a mail only by a signature of ours. Pure.

Two kinds of signature come back. The bounce address of a delivery (VERP), which the
header `Feedback-ID` repeats, stands in no link: who has it, had the mail itself with its
headers. The token to unsubscribe stands in the text of every digest and leaks when a
digest is forwarded, so it proves the wish to unsubscribe and nothing else. A Message-ID
proves nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from digest.delivery.returns.report import Proof, ReturnedMail
from digest.errors import TokenError
from digest.model import DeliveryId, ReportKind, SubscriberId
from digest.subscribers.tokens import SignedPurpose, TokenSigner

_VERP = re.compile(r"(?<![0-9A-Za-z])b\+([0-9a-f]{34,50})(?![0-9a-f])", re.IGNORECASE)
_FEEDBACK_ID = re.compile(r"^\s*([0-9a-f]{34,50})\s*:", re.IGNORECASE)
_LEAVE = re.compile(r"unsubscribe[-/]([A-Za-z0-9_-]{22,40})(?![A-Za-z0-9_-])")
_MAX_MARKS = 20


def bounce_marks(texts: Iterable[str], feedback_ids: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what looks like the signature of a delivery, in the order of the texts."""
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(mark.lower() for mark in _VERP.findall(text)))
    for value in feedback_ids:
        if match := _FEEDBACK_ID.match(value):
            found[match[1].lower()] = None
    return tuple(found)[:_MAX_MARKS]


def leave_marks(texts: Iterable[str]) -> tuple[str, ...]:
    """Return what looks like a token to unsubscribe."""
    found = dict.fromkeys(mark for text in texts for mark in _LEAVE.findall(text))
    return tuple(found)[:_MAX_MARKS]


def prove(mail: ReturnedMail, signer: TokenSigner) -> Proof | None:
    """Say whom a mail is about, None where no signature of ours proves it."""
    for mark in mail.bounce_marks:
        try:
            return Proof(delivery_id=DeliveryId(signer.bounced_delivery(f"b+{mark}")))
        except TokenError:
            continue  # one that is not ours may stand beside one that is
    if mail.kind not in (ReportKind.UNSUBSCRIBE, ReportKind.COMPLAINT):
        return None
    for mark in mail.leave_marks:
        try:
            payload = signer.verify(SignedPurpose.UNSUBSCRIBE, mark)
        except TokenError:
            continue
        return Proof(subscriber_id=SubscriberId(payload))
    return None
