"""From the bytes of a mail to what it says. Pure; whom it is about is proven elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from digest.delivery.outcomes import plain_reply
from digest.delivery.returns.mime import Part, decoded_words, take_apart
from digest.delivery.returns.odd import odd_bounce
from digest.delivery.returns.proof import bounce_marks, leave_marks
from digest.delivery.returns.report import ReturnedMail
from digest.delivery.returns.status import field_blocks, worst_status
from digest.model import ReportKind

_ADDRESSED = (
    "to", "delivered-to", "x-original-to", "original-recipient", "envelope-to",
    "x-envelope-to", "x-delivered-to", "x-rcpt-to", "apparently-to", "resent-to", "cc",
)  # fmt: skip
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_HEADER_TYPES = frozenset({"text/rfc822-headers", "message/global-headers"})
_DAEMON = re.compile(
    r"\b(mailer-daemon|postmaster|mdaemon|mail delivery (sub)?system)\b", re.IGNORECASE
)
_AWAY = re.compile(
    r"^\W*(auto(matic|mated)?[- ]?(reply|response)|out of (the )?office|ooo\b|on vacation|"
    r"abwesenheitsnotiz|automatische antwort|réponse automatique|respuesta automática|"
    r"risposta automatica|自动回复|自動応答)",
    re.IGNORECASE,
)
_ASKS_TO_LEAVE = re.compile(r"^\W*(re:\s*)?(unsubscribe|stop|remove me)\b\W*$", re.IGNORECASE)


def read_returned_mail(data: bytes) -> ReturnedMail:
    """Read a mail that came back.

    Args:
        data: The whole file; of a long one only the beginning is read.

    Raises:
        ReportError: If this is no mail, or one that cannot be read.
    """
    parts = take_apart(data)
    mail = (
        _complaint(parts)
        or _delivery_status(parts)
        or _leaving(parts)
        or _reply_of_a_machine(parts)
        or _odd_bounce(parts, data)
        or ReturnedMail(kind=None, what=_what_else(parts[0]))
    )
    return _with_marks(mail, parts, data)


def _complaint(parts: Sequence[Part]) -> ReturnedMail | None:
    for part in parts:
        if part.content_type != "message/feedback-report":
            continue
        fields: dict[str, str] = {}
        for block in field_blocks(part.text):
            fields = {**block, **fields}
        sort = fields.get("feedback-type", "").split("(")[0].strip().lower()
        said = f"feedback-type: {sort}; {fields.get('user-agent', '')}".rstrip("; ")
        if sort in ("abuse", "fraud"):
            return _mail(ReportKind.COMPLAINT, "feedback report", said=said)
        if sort in ("opt-out", "opt-out-list"):
            return _mail(ReportKind.UNSUBSCRIBE, "feedback report", said=said)
        return ReturnedMail(kind=None, what=f"a feedback report of type {sort or 'unknown'!r}")
    # Outlook.com's older reports are a bare mail around ours, with a header of their own.
    if any(part.returned and part.first("x-hmxmroriginalrecipient") for part in parts):
        return _mail(ReportKind.COMPLAINT, "junk mail report")
    return None


def _delivery_status(parts: Sequence[Part]) -> ReturnedMail | None:
    blocks = [
        fields
        for part in parts
        if part.content_type in _STATUS_TYPES and not part.returned
        for fields in field_blocks(part.text)
    ]
    if not blocks:
        return None
    worst = worst_status(blocks)
    if worst is None:
        return ReturnedMail(kind=None, what="a delivery status that says nothing final")
    return _mail(worst.kind, "delivery status", status=worst.status, said=worst.said)


def _leaving(parts: Sequence[Part]) -> ReturnedMail | None:
    head = parts[0]
    if _is_automatic_reply(head):
        return None
    if leave_marks(_where_leaving_stands(head)):
        return _mail(ReportKind.UNSUBSCRIBE, "mail to unsubscribe")
    if _ASKS_TO_LEAVE.match(decoded_words(head.first("subject"))) and not _is_daemon(head):
        return _mail(ReportKind.UNSUBSCRIBE, "mail to unsubscribe")
    return None


def _reply_of_a_machine(parts: Sequence[Part]) -> ReturnedMail | None:
    head = parts[0]
    if any(part.content_type.endswith("disposition-notification") for part in parts):
        return ReturnedMail(kind=None, what="a receipt of reading")
    if _is_automatic_reply(head):
        return ReturnedMail(kind=None, what="an automatic reply")
    return None


def _odd_bounce(parts: Sequence[Part], data: bytes) -> ReturnedMail | None:
    text = "\n".join(
        part.text for part in parts if part.content_type.startswith("text/") and not part.returned
    )
    found = odd_bounce(data, text)
    if found is None:
        return None
    return _mail(found.kind, "bounce", status=found.status, said=found.said)


def _is_automatic_reply(head: Part) -> bool:
    """Recognise vacation notices and the like (RFC 3834), but no bounce of a mail server."""
    if _is_daemon(head):
        return False
    submitted = head.first("auto-submitted").split(";")[0].strip().lower()
    return (
        submitted in ("auto-replied", "auto-notified")
        or bool(head.first("x-autoreply") or head.first("x-autorespond"))
        or head.first("precedence").lower() in ("auto_reply", "auto-reply")
        or _AWAY.match(decoded_words(head.first("subject"))) is not None
    )


def _is_daemon(head: Part) -> bool:
    return bool(head.first("x-failed-recipients")) or bool(_DAEMON.search(head.first("from")))


def _what_else(head: Part) -> str:
    return "a bounce in a format nobody knows" if _is_daemon(head) else "no report"


def _where_leaving_stands(head: Part) -> list[str]:
    addressed = [value for name in _ADDRESSED for value in head.all(name)]
    return [decoded_words(head.first("subject")), *addressed]


def _with_marks(mail: ReturnedMail, parts: Sequence[Part], data: bytes) -> ReturnedMail:
    """Add what may prove whom the mail is about, first where it was addressed to."""
    head = parts[0]
    addressed = [value for name in _ADDRESSED for value in head.all(name)]
    fields = [part.text for part in parts if part.content_type.startswith("message/")]
    returned = [value for part in parts if part.returned for _, value in part.headers]
    copied = [part.text for part in parts if part.content_type in _HEADER_TYPES]
    texts = [part.text for part in parts if part.content_type == "text/plain"]
    other = [value for _, value in head.headers]
    feedback_ids = [value for part in parts for value in part.all("feedback-id")]
    for text in (*copied, *texts):
        feedback_ids += re.findall(r"^feedback-id:(.*)$", text, re.IGNORECASE | re.MULTILINE)
    leaving = [
        *_where_leaving_stands(head),
        *(value for part in parts for value in part.all("list-unsubscribe")),
        *copied,
    ]
    message_id = head.first("message-id")
    named = message_id.encode() if message_id else data
    return ReturnedMail(
        kind=mail.kind,
        what=mail.what,
        status=mail.status,
        said=mail.said,
        bounce_marks=bounce_marks(
            [*addressed, *fields, *returned, *copied, *other, *texts], feedback_ids
        ),
        leave_marks=leave_marks(leaving),
        identity=hashlib.sha256(named).hexdigest(),
    )


def _mail(
    kind: ReportKind, what: str, *, status: str | None = None, said: str = ""
) -> ReturnedMail:
    return ReturnedMail(kind=kind, what=what, status=status, said=plain_reply(None, said))
