"""`digest run`, and its parts `scheduler`, `worker` and `web`: the processes that stay."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from digest.cli import output
from digest.cli.frame import Frame, command
from digest.errors import ConfigError
from digest.model import SubscriberState

if TYPE_CHECKING:
    from digest.service import Service


def register(app: typer.Typer) -> None:
    """Hang the commands into the command tree."""
    command(app, "run", example="digest run", log_level="info")(run)
    command(app, "scheduler", example="digest scheduler", log_level="info")(scheduler)
    command(app, "worker", example="digest worker", log_level="info")(worker)
    command(app, "web", example="digest web", log_level="info")(web)


def run(frame: Frame) -> None:
    """Poll feeds, deliver digests and serve the site, in one process, until told to stop.

    SIGTERM and Ctrl-C take no new work, end hand-offs in flight, and exit 0.
    """
    _serve(frame, polls=True, delivers=True, site=True)


def scheduler(frame: Frame) -> None:
    """Only poll feeds and keep house, until told to stop."""
    _serve(frame, polls=True, delivers=False, site=False)


def worker(frame: Frame) -> None:
    """Only prepare and hand off digests, until told to stop."""
    _serve(frame, polls=False, delivers=True, site=False)


def web(frame: Frame) -> None:
    """Only serve the site, until told to stop."""
    _serve(frame, polls=False, delivers=False, site=True)


def _serve(frame: Frame, *, polls: bool, delivers: bool, site: bool) -> None:
    before = signal.signal(signal.SIGTERM, _leave_at_once)
    try:
        with frame.service() as service, contextlib.ExitStack() as closing:
            service.sync_feeds()
            listener = closing.enter_context(_listen(service)) if site else None
            _announce(frame, service, listener, polls=polls, delivers=delivers)
            asyncio.run(_until_told(service, listener, polls=polls, delivers=delivers))
    finally:
        signal.signal(signal.SIGTERM, before)
    frame.note("digest: stopped; nothing is in flight")


def _leave_at_once(_number: int, _frame: object) -> NoReturn:
    """Told to stop while starting: nothing was begun."""
    sys.exit(0)


def _listen(service: Service) -> socket.socket:
    """Bind here, so that a port in use is told in a line of ours."""
    web_settings = service.settings.web
    try:
        family = socket.AF_INET6 if ":" in web_settings.host else socket.AF_INET
        return socket.create_server((web_settings.host, web_settings.port), family=family)
    except OSError as exc:
        where = f"{web_settings.host}:{web_settings.port}"
        # A name that does not resolve has a negative number and its own words.
        cause = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror
        raise ConfigError([f"web.port: {where} cannot be used: {cause}"]) from exc


def _announce(
    frame: Frame,
    service: Service,
    listener: socket.socket | None,
    *,
    polls: bool,
    delivers: bool,
) -> None:
    from digest.store.feeds import list_feeds
    from digest.store.subscribers import count_by_state

    with service.store.read() as tx:
        feeds = len(list_feeds(tx))
        active = count_by_state(tx).get(SubscriberState.ACTIVE, 0)
    settings = service.settings
    site = None
    if listener is not None:
        host, port = listener.getsockname()[:2]
        site = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    mail = (
        f"outbox {settings.outbox_dir}"
        if settings.mail.transport == "outbox"
        else f"smtp {settings.smtp.host}:{settings.smtp.port}"
    )
    known = {
        "site": site,
        "database": service.database_shown,
        "mail": mail if delivers else None,
        "feeds": feeds if polls else None,
        "subscribers": active,
    }
    frame.show(
        known,
        f"{settings.service.name} is running; Ctrl-C stops it\n\n"
        + output.facts(list(known.items()), indent="  ")
        + "\n",
    )


async def _until_told(
    service: Service, listener: socket.socket | None, *, polls: bool, delivers: bool
) -> None:
    from digest.scheduler import Metronome
    from digest.site import serve_site

    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    metronome = Metronome(service, polls=polls, delivers=delivers)
    metronome.start()
    try:
        if listener is not None:
            await serve_site(service, listener, told)
        else:
            await told.wait()
    finally:
        await metronome.stop()
