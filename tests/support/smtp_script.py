"""What a scripted SMTP server is told to do: rules, and what they may do instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Close the connection; `after_bytes` counts bytes of content, None is at once.

    With `accept` the message counts as accepted although the reply is lost. `saying` is
    written before the connection closes: a part of a reply, or one without its line end.
    """

    after_bytes: int | None = None
    accept: bool = False
    saying: bytes = b""


Action = str | bytes | Drop | None
"""A reply without its line end; bytes that are written as they are; a drop; None: as usual."""


@dataclass(slots=True, kw_only=True)
class Rule:
    """What to do at a verb, instead of what is usual.

    Verbs are CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, CONTENT, RSET, QUIT.

    Args:
        verb: Where it applies. CONTENT is after the final dot, or after so many bytes.
        action: What to do. A CONTENT rule whose reply begins with 2, or that is late,
            accepts the message.
        recipient: Only while this address is the last one named.
        nth: Only from the nth time on that the rest of the rule applies, from 1.
        times: Only so often.
        connection: Only on the nth connection, from 1.
        delay_s: Wait before it; whoever must never be answered waits for an hour.
        before: Called before the reply is written, and, for CONTENT, before the message
            is accepted.
        after: Called when the reply was written.
    """

    verb: str
    action: Action = None
    recipient: str | None = None
    nth: int = 1
    times: int | None = None
    connection: int | None = None
    delay_s: float = 0.0
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    def applies(self, verb: str, recipient: str, connection: int) -> bool:
        """Say whether this rule is to be used now; counts that it was asked."""
        fits = (
            self.verb == verb
            and self.recipient in (None, recipient)
            and self.connection in (None, connection)
            and self.times != 0
        )
        if not fits:
            return False
        if self.nth > 1:
            self.nth -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


def first_that_applies(
    rules: Sequence[Rule], verb: str, recipient: str, connection: int
) -> Rule | None:
    """Return the first rule that applies; those after it are not asked."""
    return next((rule for rule in rules if rule.applies(verb, recipient, connection)), None)
