"""The whole service with its site on a port and a real SMTP server behind it."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from sqlmodel import select

from digest.service import Service
from digest.settings import Settings
from digest.store.tables import FeedRow, PaperRow, WindowRow
from tests.support.site_world import Hand
from tests.support.smtp_server import SmtpServer, smtp_server


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application in a thread; gives its origin."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, access_log=False, log_config=None, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@dataclass(kw_only=True)
class LiveSite:
    """A site on loopback, its service, and the mails that arrived."""

    origin: str
    service: Service
    clock: Hand
    smtp: SmtpServer

    def tick(self, *, hours: float = 0) -> None:
        """Let time pass, then do what the metronome does."""
        self.clock.at += timedelta(hours=hours)

        async def work() -> None:
            await self.service.deliver_letters()
            await self.service.deliver()

        # In a thread: Playwright keeps an event loop running in the test's own.
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(asyncio.run, work()).result()

    def mails(self, recipient: str) -> list[EmailMessage]:
        """Return the mails that arrived at an address, oldest first."""
        return [
            email.message_from_bytes(one.content, policy=email.policy.default)
            for one in self.smtp.received
            if one.recipient == recipient
        ]

    def link(self, recipient: str, path: str) -> str:
        """Return a link of the newest mail that leads below a path, at this origin."""
        body = self.mails(recipient)[-1].get_body(("plain",))
        assert body is not None
        found = re.search(rf"http://[^/\s]+({re.escape(path)}\S+)", body.get_content())
        assert found is not None
        return self.origin + found.group(1)


@contextmanager
def live_site(folder: Path) -> Iterator[LiveSite]:
    """Run the service with an empty database."""
    clock = Hand()
    with smtp_server() as smtp:
        settings = Settings.model_validate(
            {
                "service": {"data_dir": folder, "base_url": "http://127.0.0.1"},
                "mail": {"from": "Daily papers <digest@example.org>", "transport": "smtp"},
                "smtp": {"host": smtp.host, "port": smtp.port, "security": "none"},
            }
        )
        service = Service(settings=settings, clock=clock)
        service.store.ensure_schema()
        with served(service.web_app()) as origin:
            yield LiveSite(origin=origin, service=service, clock=clock, smtp=smtp)
        service.close()


def add_paper(site: LiveSite, title: str) -> None:
    """Let a feed list a new paper now."""
    now = site.clock()
    with site.service.store.write() as tx:
        feed = tx.exec(select(FeedRow)).first()
        paper = PaperRow(
            alias=f"arxiv:2602.{now:%d%H%M}",
            title=title,
            abstract="A thorough study.",
            authors=["Ada Lovelace"],
            url="https://example.org/new",
            first_seen_at=now,
            dated_on=now.date(),
        )
        tx.add(paper)
        tx.flush()
        assert feed is not None
        assert feed.id is not None
        assert paper.id is not None
        tx.add(WindowRow(paper_id=paper.id, feed_id=feed.id, listed_at=now, opened_at=now))
