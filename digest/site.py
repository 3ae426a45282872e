"""Serves the site in the event loop of this process, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from digest.service import Service

GRACE_S = 10
"""How long requests that were begun may take after the stop."""


async def serve_site(service: Service, listener: socket.socket, told: asyncio.Event) -> None:
    """Serve on a bound socket until `told` is set."""
    config = uvicorn.Config(
        service.web_app(),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        lifespan="off",
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(told.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


class _Server(uvicorn.Server):
    """Leaves the signals to us: they stop deliveries too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield
