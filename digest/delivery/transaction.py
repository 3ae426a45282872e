"""One mail transaction on a session: the envelope, then the content (RFC 5321, RFC 2920).

Only saying it ourselves do we know whether a byte of content was written when a
connection drops. `Stopped` leaves a transaction of which no content was written;
`say_content` alone can end in doubt.
"""

from __future__ import annotations

import asyncio

from digest.delivery.envelope import Envelope
from digest.delivery.lease import Lease
from digest.delivery.outcomes import Stage, decide_outcome
from digest.delivery.sessions import Session, Stopped, Timeouts, dropped
from digest.delivery.wire import Reply, ReplyUnreadableError, Wire, WireLostError
from digest.model import Outcome, OutcomeKind

_MAIL, _RCPT, _DATA = (Stage.MAIL, (250,)), (Stage.RCPT, (250, 251)), (Stage.DATA, (354,))


def as_group(envelope: Envelope) -> bytes:
    """Return MAIL, RCPT and DATA to be written at once; DATA may only come last."""
    return envelope.mail + b"\r\n" + envelope.rcpt + b"\r\nDATA\r\n"


GROUP_REPLIES = 3

RECORD_S = 60.0
"""So long it may take to record an outcome while the lease still holds."""


class OutOfTime(Stopped):
    """Too little of the lease was left: not a byte of the content was written."""

    def __init__(self) -> None:
        reply = "answers took so long that the content was not written: not sent, tried again later"
        outcome = Outcome(kind=OutcomeKind.RETRY, reply=reply, relay_trouble=True)
        super().__init__(Stage.DATA, outcome)


async def say_recipient(session: Session, envelope: Envelope, timeouts: Timeouts) -> None:
    """Say MAIL and RCPT, each after the reply to the one before.

    Raises:
        Stopped: At the first that is refused.
    """
    await _command(session.wire, envelope.mail, _MAIL, timeouts)
    await _command(session.wire, envelope.rcpt, _RCPT, timeouts)


async def say_data(session: Session, timeouts: Timeouts) -> None:
    """Say DATA.

    Raises:
        Stopped: If the server does not want the content.
    """
    await _command(session.wire, b"DATA", _DATA, timeouts)


async def read_group(session: Session, timeouts: Timeouts) -> None:
    """Read the replies to MAIL, RCPT and DATA that were written at once.

    Raises:
        Stopped: With what the first refusal means; the server waits for no content then.
    """
    stopped: Stopped | None = None
    wants_content = False
    await session.wire.gather(GROUP_REPLIES, timeouts.command_s)
    for stage, accepted in (_MAIL, _RCPT, _DATA):
        try:
            reply = _take(session.wire, stage)
        except Stopped as silence:
            raise stopped or silence from silence
        wants_content = stage is Stage.DATA and reply.code == 354
        if stopped is None and reply.code not in accepted:
            stopped = _refused(stage, reply)
    if stopped is None:
        return
    if wants_content:
        await _say_nothing(session.wire, stopped, timeouts)
    raise stopped


async def _say_nothing(wire: Wire, stopped: Stopped, timeouts: Timeouts) -> None:
    """End DATA at once: all recipients were refused, and 354 came all the same (RFC 2920 §3.1).

    After a refused MAIL and an accepted RCPT the dot could be taken for an empty mail.
    """
    if stopped.stage is not Stage.RCPT:
        wire.abort()
        return
    try:
        wire.send(b".\r\n", replies=1)
        await wire.reply(timeouts.command_s)
    except (WireLostError, ReplyUnreadableError):
        wire.abort()


async def say_content(
    session: Session,
    content: bytes,
    timeouts: Timeouts,
    lease: Lease,
    *,
    next_group: bytes = b"",
) -> Outcome:
    """Write the content, and with it the envelope of the next message, if there is one.

    Nobody may take the delivery for given up, and hand it off again, while its content is
    on its way: it is written only if all that it may take ends before the lease does.

    Args:
        session: In which the server waits for content.
        content: In wire form, with its final dot.
        timeouts: How long the server may take for the content and the final reply.
        lease: Of the hand-off.
        next_group: Three commands whose replies are left to `read_group`.

    Returns:
        What the reply to the content means; `UNKNOWN` without one.

    Raises:
        Stopped: If the connection was gone before the first byte.
        OutOfTime: If the lease ends too soon; the connection is closed.
    """
    wire = session.wire
    if lease.left_s() < timeouts.content_s + RECORD_S:
        wire.abort()
        raise OutOfTime
    loop = asyncio.get_running_loop()
    until_s = loop.time() + timeouts.content_s
    try:
        wire.send(content + next_group, replies=1 + (GROUP_REPLIES if next_group else 0))
    except (WireLostError, ReplyUnreadableError) as exc:
        raise dropped(Stage.DATA, f"gone before the content: {exc}") from exc
    try:
        await wire.drain(timeouts.content_s)
        reply = await wire.reply(until_s - loop.time())
    except ReplyUnreadableError as exc:
        return decide_outcome(Stage.CONTENT, None, f"an unreadable reply: {exc}")
    except WireLostError as exc:
        return decide_outcome(Stage.CONTENT, None, f"no reply to the content: {exc}")
    return decide_outcome(Stage.CONTENT, reply.code, reply.text)


async def reset(session: Session, timeouts: Timeouts) -> bool:
    """Say RSET; return whether the session can go on."""
    try:
        session.wire.send(b"RSET\r\n", replies=1)
        reply = await session.wire.reply(timeouts.command_s)
    except (WireLostError, ReplyUnreadableError):
        return False
    return reply.code == 250


async def _command(
    wire: Wire, command: bytes, expected: tuple[Stage, tuple[int, ...]], timeouts: Timeouts
) -> None:
    stage, accepted = expected
    try:
        wire.send(command + b"\r\n", replies=1)
    except (WireLostError, ReplyUnreadableError) as exc:
        raise dropped(stage, f"no connection for {stage.value.upper()}: {exc}") from exc
    await wire.gather(1, timeouts.command_s)
    reply = _take(wire, stage)
    if reply.code not in accepted:
        raise _refused(stage, reply)


def _take(wire: Wire, stage: Stage) -> Reply:
    try:
        return wire.take()
    except ReplyUnreadableError as exc:
        raise dropped(stage, f"an unreadable reply: {exc}") from exc
    except WireLostError as exc:
        raise dropped(stage, f"no reply to {stage.value.upper()}: {exc}") from exc


def _refused(stage: Stage, reply: Reply) -> Stopped:
    return Stopped(stage, decide_outcome(stage, reply.code, reply.text))
