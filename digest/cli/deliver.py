"""`digest deliver`: prepare all that is owed, hand it off, exit."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import typer

from digest.cli import output
from digest.cli.frame import Frame, command, say_error
from digest.cli.progress import Progress
from digest.errors import DigestError

_NAMES = ("prepared", "sent", "bounced", "failed", "skipped", "unknown", "queued")

if TYPE_CHECKING:
    from digest.delivery.letters import LetterCounts
    from digest.delivery.run import DeliverCounts
    from digest.service import Service


def register(app: typer.Typer) -> None:
    """Hang the command into the command tree."""
    command(app, "deliver", example="digest deliver")(deliver)


def deliver(frame: Frame) -> None:
    """Prepare all digests that are owed and hand them off; never wait for a retry.

    Mails that ask people to confirm go out too. Exit 1 if any ended failed or unknown, a
    hand-off broke off, or the relay could not be reached.
    """
    with frame.service() as service, Progress("delivering") as progress:
        letters, trouble, counts = asyncio.run(_until_done_or_told(service, progress))
    numbers = {name: getattr(counts, name) for name in _NAMES}
    columns = [output.Column(heading=name, align="right") for name in _NAMES]
    lines = [output.table(columns, [tuple(numbers.values())])]
    if letters.sent:
        lines.append(f"and {_letters(letters.sent)}")
    frame.show({**numbers, "letters": _letters_document(letters)}, "\n".join(lines))
    if isinstance(trouble, DigestError):
        frame.problem(str(trouble))
    elif trouble is not None:
        raise trouble
    _tell_of_hand_offs(frame, counts)
    relay_error = counts.relay_error or letters.relay_error
    if relay_error:
        frame.problem(f"the relay does not take mail: {relay_error}")
    for number, state in ((letters.failed, "failed"), (letters.unknown, "unknown")):
        if number:
            frame.problem(f"{_letters(number)}: {state}")
    for state in ("failed", "unknown"):
        number = numbers[state]
        if number:
            frame.problem(
                f"{output.count(number, 'delivery', 'deliveries')} {state}: "
                f"see `digest deliveries list --state {state}`"
            )


def _tell_of_hand_offs(frame: Frame, counts: DeliverCounts) -> None:
    for one in counts.late:
        say_error(
            f"delivery {one} was accepted when the ledger had moved on: its reader may have it "
            f"twice, or have what is not said to be sent; see `digest deliveries show {one}`"
        )
    if counts.broken:
        frame.problem(
            f"the hand-off of {output.count(len(counts.broken), 'delivery', 'deliveries')} broke "
            f"off, of delivery {counts.broken[0]} first: what is `sending` becomes unknown when "
            "its lease ends; run it with DIGEST_LOG_LEVEL=error to see why"
        )


def _letters(number: int) -> str:
    return "1 mail that asks to confirm" if number == 1 else f"{number:,} mails that ask to confirm"


def _letters_document(letters: LetterCounts) -> dict[str, int]:
    return {
        "sent": letters.sent,
        "failed": letters.failed,
        "unknown": letters.unknown,
        "waiting": letters.waiting,
    }


async def _until_done_or_told(
    service: Service, progress: Progress
) -> tuple[LetterCounts, Exception | None, DeliverCounts]:
    """Deliver; the first signal ends hand-offs in flight and begins no others.

    Digests are handed off even if letters fail: then the error is among what is returned.
    """
    from digest.delivery.letters import LetterCounts

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    letters, trouble = LetterCounts(), None
    try:
        letters = await service.deliver_letters(stop=stop)
    except Exception as exc:  # told after the digests
        trouble = exc
    digests = await service.deliver(
        stop=stop, on_progress=lambda ended, total: progress.step(f"of {total:,}", done=ended)
    )
    return letters, trouble, digests
