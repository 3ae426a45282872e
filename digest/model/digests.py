"""The values of matches, digests and messages."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from digest.model.papers import Paper
from digest.model.subscribers import Subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a query wants a paper: one term, and where it was found.

    `term` is as the person wrote it ("sparse autoencoder", "E. Noether", "cs.CL");
    `field` is "title", "abstract", "author", "tag", "feed" or "upvotes"; `query` is the
    canonical query. `without` lists the excluded terms of the query ("survey"). `span`
    is where the term stands first in that text, `asked` what was asked for where the
    paper has another form of it ("Y. LeCun" for "Yann LeCun"); neither tells two
    reasons apart.
    """

    term: str
    field: str
    query: str = ""
    without: tuple[str, ...] = ()
    span: tuple[int, int] | None = dataclasses.field(default=None, compare=False)
    asked: str = dataclasses.field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A paper an interest wants, with the reasons."""

    paper: Paper
    reasons: tuple[Reason, ...]


Period = NewType("Period", str)
"""The local date of a digest's scheduled instant, `2026-02-03`, or `welcome`."""

WELCOME = Period("welcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one subscriber is sent for one period.

    `left_over` counts the papers that matched and found no room, `carried` those of
    them that stand a chance in the next digest. `notices` are plain sentences that
    explain a thin day.
    """

    subscriber: Subscriber
    period: Period
    scheduled_at: datetime
    matches: tuple[Match, ...]
    left_over: int = 0
    carried: int = 0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLinks:
    """The personal addresses that one digest carries, all absolute.

    `act` is what comes before the token of an action, "" where the digest is only looked
    at and offers none.
    """

    web: str
    manage: str
    unsubscribe: str
    unsubscribe_mailto: str
    act: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A mail's three texts, from the triple `name.subject.txt`, `name.txt`, `name.html`."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A mail ready for a transport.

    `content` is the complete message in wire form: CRLF line ends, the last line's too,
    every line at most 998 bytes, dots not doubled. `envelope_from` is the bounce address
    of this delivery.

    Whoever builds the content knows what a transport would have to scan it for.
    `has_no_dot_lines`: no line starts with a dot, so that no dot needs doubling (RFC 5321
    §4.5.2). `is_7bit`: all is ASCII, so that the server needs no 8BITMIME. False says
    that nobody has looked.
    """

    envelope_from: str
    recipient: str
    message_id: str
    content: bytes
    has_no_dot_lines: bool = False
    is_7bit: bool = False
