"""Ten thousand sign-ups, from one address and from many: limits hold, the rest answers.

What PostgreSQL does otherwise than SQLite shows where a limit is reached, in fewer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlencode

import pytest
from sqlmodel import col, func, select
from starlette.types import Message

from digest.store.intake import count_intake
from digest.store.tables import LetterRow, SubscriberRow
from digest.subscribers.intake import act_on_intake
from tests.support.site_world import BASE_URL, SiteWorld, add_day

FLOODS = [("sqlite", 10_000), ("postgresql", 1_500)]
AT_ONCE = 8
HOST = BASE_URL.removeprefix("http://").encode()


async def ask(site: SiteWorld, host: str, path: str, form: dict[str, str] | None = None) -> int:
    """Send one request straight into the application; gives its status."""
    body = urlencode(form).encode() if form else b""
    statuses = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST" if form else "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", HOST),
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"content-length", str(len(body)).encode()),
        ],
        "client": (host, 40_000),
        "server": (HOST.decode(), 80),
    }
    await site.app(scope, receive, send)
    return int(str(statuses[0]))


def flood(site: SiteWorld, requests: Iterable[tuple[str, str]]) -> tuple[Counter[int], set[int]]:
    """Sign up from (host, address), and read the front page in between."""
    waiting = iter(requests)
    answers: Counter[int] = Counter()
    others: set[int] = set()

    async def visitor() -> None:
        for number, (host, email) in enumerate(waiting):
            form = {"step": "subscribe", "keywords": "agents", "email": email}
            answers[await ask(site, host, "/subscribe", form)] += 1
            if number % 250 == 0:
                others.add(await ask(site, "203.0.113.9", "/"))

    async def all_visitors() -> None:
        await asyncio.gather(*(visitor() for _ in range(AT_ONCE)))

    asyncio.run(all_visitors())
    return answers, others


def mails_by_address(site: SiteWorld) -> tuple[int, int]:
    """Return how many letters are owed, and the most that one address is owed."""
    act_on_intake(site.store, site.rules, now=site.clock())
    with site.store.read() as tx:
        counts = tx.exec(
            select(func.count())
            .select_from(LetterRow)
            .join(SubscriberRow, col(SubscriberRow.id) == col(LetterRow.subscriber_id))
            .group_by(func.lower(col(SubscriberRow.email)))
        ).all()
    return sum(counts), max(counts)


def waiting(site: SiteWorld) -> int:
    with site.store.read() as tx:
        return count_intake(tx)


@pytest.mark.parametrize(("database_url", "requests"), FLOODS, indirect=["database_url"])
def test_a_flood_from_one_address_is_let_in_twenty_times(site: SiteWorld, requests: int) -> None:
    add_day(site.store)

    answers, others = flood(
        site, (("198.51.100.7", f"s{number % 100}@example.org") for number in range(requests))
    )

    assert answers == {200: 20, 429: requests - 20}
    assert others == {200}
    assert waiting(site) == 20
    assert mails_by_address(site) == (20, 1)


@pytest.mark.parametrize(("database_url", "requests"), FLOODS, indirect=["database_url"])
def test_a_flood_from_many_addresses_stops_at_the_hourly_total(
    site: SiteWorld, requests: int
) -> None:
    add_day(site.store)

    answers, others = flood(
        site,
        (
            (f"10.{number // 250}.{number % 250}.1", f"S{number % 300}@example.org")
            for number in range(requests)
        ),
    )

    assert answers == {200: 1_000, 429: requests - 1_000}
    assert others == {200}
    assert waiting(site) == 1_000
    assert mails_by_address(site) == (300, 1)
