"""Bounces in formats of their own, through flufl.bounce: its edge. Pure."""

from __future__ import annotations

import email
import email.policy
import re
from email.utils import getaddresses

from digest.delivery.returns.status import RecipientStatus, enhanced_in
from digest.errors import ReportError
from digest.model import ReportKind

_READ_BYTES = 100_000
_COPY = re.compile(
    r"^(?:-+ ?(?:below this line|original message|this is a copy|returned message|"
    r"the header of the original)|return-path:|received:)",
    re.IGNORECASE | re.MULTILINE,
)
_REPLY = re.compile(r"\b[45]\d\d[ -].{1,200}")


def odd_bounce(data: bytes, text: str) -> RecipientStatus | None:
    """Say whether a mail is a bounce that is no delivery status notification.

    flufl.bounce says whether, and of which sort; the code, where there is one, stands in
    the words above the copy of our mail.

    Args:
        data: The mail.
        text: Its text parts, decoded.

    Raises:
        ReportError: If the library fails on it.
    """
    from flufl.bounce import all_failures

    plain = data[:_READ_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        message = email.message_from_bytes(plain, policy=email.policy.compat32)
        if not getaddresses([str(message.get("from", ""))]):
            del message["from"]
            message["From"] = "nobody@localhost"  # some detectors take one for granted
        temporary, permanent = all_failures(message)
    except Exception as exc:  # heuristics of many years, fed with whatever comes
        raise ReportError(f"cannot be read as a bounce: {type(exc).__name__}") from exc
    if not temporary and not permanent:
        return None
    above = _COPY.split(text, maxsplit=1)[0]
    if permanent:
        kind, status = ReportKind.FAILED, enhanced_in(above, "5") or enhanced_in(above, "4")
    else:
        kind, status = ReportKind.DELAYED, enhanced_in(above, "4")
    reply = _REPLY.search(above)
    lines = (line for line in above.splitlines() if status is not None and status in line)
    said = reply.group() if reply else next(lines, "")
    return RecipientStatus(kind=kind, status=status, said=said)
