"""A sending process of its own, to be killed: `python -m tests.support.deliver_child`.

Arguments: URL of the database, port of the server, instant, and optionally a crash point, at whose
second passing the process kills itself with SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import datetime

from digest.clock import fixed_clock
from digest.delivery.lease import Lease
from digest.delivery.run import deliver
from digest.delivery.smtp import SmtpTransport
from digest.delivery.transport import Ahead, HandOff, Intend
from digest.model import Message
from digest.store.engine import Store
from tests.support.ledger_world import PlainComposer, message_ids, smtp_settings


class DyingTransport(SmtpTransport):
    """Dies at the second hand-off that passes a point."""

    point: str = ""
    passed: int = 0

    def _pass(self, point: str) -> None:
        if point == self.point:
            self.passed += 1
            if self.passed == 2:
                os.kill(os.getpid(), signal.SIGKILL)

    async def hand_off(
        self,
        message: Message,
        *,
        name: str,
        lane: int,
        intend: Intend,
        ahead: Ahead | None = None,
    ) -> HandOff:
        self._pass("claimed")
        done = await super().hand_off(
            message, name=name, lane=lane, intend=self._around(intend), ahead=ahead
        )
        self._pass("before outcome")
        return done

    def _around(self, intend: Intend) -> Intend:
        async def dying() -> Lease | None:
            self._pass("before intent")
            intended = await intend()
            self._pass("after intent")
            return intended

        return dying


def main() -> None:
    database, port, at, *point = sys.argv[1:]
    settings = smtp_settings(int(port), connections=3)
    transport = DyingTransport(settings.smtp)
    transport.point = point[0] if point else ""
    asyncio.run(
        deliver(
            Store(database),
            clock=fixed_clock(datetime.fromisoformat(at)),
            settings=settings,
            composer=PlainComposer(),
            transport=transport,
            message_ids=message_ids(f"child{os.getpid()}"),
        )
    )


if __name__ == "__main__":
    main()
