"""Looking back over loopback: pages, days, interruptions, and nothing of it mailed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from digest.clock import fixed_clock
from digest.errors import UsageError
from digest.feeds.fetch import FeedFetcher
from digest.feeds.sandbox import FeedParser
from digest.model import Alias, FeedKind, FeedSpec
from digest.papers.backfill import PAUSE_S, Backfill, BackfillPage, backfill_feed
from digest.settings import FeedsSettings, Settings
from digest.store.backfills import BackfillProgress, get_backfill
from digest.store.engine import Store
from digest.store.feeds import add_feed, get_feed
from digest.store.papers import get_paper, open_papers, paper_windows, recent_papers
from tests.support.feed_server import FeedServer, Reply
from tests.support.paper_world import hf_entry, poll, started

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
SETTINGS = Settings(feeds=FeedsSettings(allow_private_addresses=True, timeout_s=5))
FEB_8, FEB_9 = date(2026, 2, 8), date(2026, 2, 9)


def daily(*numbers: int, day: str) -> Reply:
    rows = [
        {
            "paper": {
                "id": f"2602.{number:05d}",
                "title": f"On the number {number} and its friends",
                "summary": "What we did.",
                "authors": [{"name": "Ada Byron"}],
                "submittedOnDailyAt": f"{day}T00:00:00.000Z",
                "upvotes": number,
            }
        }
        for number in numbers
    ]
    return Reply(body=json.dumps(rows).encode(), headers={"Content-Type": "application/json"})


def question(day: str, *, page: int = 0) -> str:
    return f"/api?date={day}&limit=100&p={page}"


def look_back(
    store: Store,
    script: dict[str, Any],
    *,
    since: date = FEB_8,
    name: str = "hf",
    kind: FeedKind = FeedKind.HF_DAILY,
) -> tuple[Backfill, list[str], list[float], list[BackfillPage]]:
    async def run() -> tuple[Backfill, list[str], list[float], list[BackfillPage]]:
        waits: list[float] = []
        pages: list[BackfillPage] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        async with (
            FeedServer() as server,
            FeedFetcher(SETTINGS.feeds) as fetcher,
            FeedParser(workers=1) as parser,
        ):
            for path, reply in script.items():
                server.script(path, reply)
            with store.write() as tx:
                feed = get_feed(tx, name) or add_feed(
                    tx, FeedSpec(name=name, url=server.url("/api"), kind=kind), NOW
                )
                moved = replace(feed, url=server.url("/api"), kind=kind)
            done = await backfill_feed(
                store,
                fetcher,
                parser,
                moved,
                since=since,
                clock=fixed_clock(NOW),
                settings=SETTINGS,
                on_page=pages.append,
                sleep=sleep,
            )
            return done, server.paths(), waits, pages

    return asyncio.run(run())


TWO_DAYS = {
    question("2026-02-08"): daily(1, 2, day="2026-02-08"),
    question("2026-02-09"): daily(3, day="2026-02-09"),
}


def test_each_day_up_to_yesterday_is_asked_for_once_with_a_pause(store: Store) -> None:
    done, paths, waits, pages = look_back(store, TWO_DAYS)

    assert paths == [question("2026-02-08"), question("2026-02-09")]
    assert waits == [PAUSE_S]
    assert [page.new_papers for page in pages] == [2, 1]
    assert done == Backfill(
        since=FEB_8,
        until=FEB_9,
        next_day=date(2026, 2, 10),
        pages=2,
        entries=3,
        new_papers=3,
    )


def test_all_pages_of_a_day_are_read(store: Store) -> None:
    script = {
        question("2026-02-09"): daily(*range(1, 101), day="2026-02-09"),
        question("2026-02-09", page=1): daily(101, day="2026-02-09"),
    }

    done, paths, _, _ = look_back(store, script, since=FEB_9)

    assert paths == [question("2026-02-09"), question("2026-02-09", page=1)]
    assert (done.pages, done.new_papers) == (2, 101)


def test_papers_count_as_first_seen_on_their_day_and_open_no_window(store: Store) -> None:
    look_back(store, TWO_DAYS)

    with store.read() as tx:
        paper = get_paper(tx, Alias("arxiv:2602.00001"))
        opened = open_papers(tx, NOW + timedelta(hours=1), eligibility_days=14)
        lately = recent_papers(tx, NOW - timedelta(hours=12), NOW)
        assert paper is not None
        (feed, window) = paper_windows(tx, paper.id)[0]
    assert paper.first_seen_at == datetime(2026, 2, 8, 12, tzinfo=UTC)
    assert (feed, window.opened_at, window.backfilled) == ("hf", None, True)
    assert opened == []
    assert lately == []


def test_an_interrupted_look_back_goes_on_where_it_stopped(store: Store) -> None:
    broken = {**TWO_DAYS, question("2026-02-09"): Reply(status=503)}

    stopped, _, _, _ = look_back(store, broken)
    resumed, paths, _, _ = look_back(store, TWO_DAYS)

    assert (stopped.next_day, stopped.new_papers) == (FEB_9, 2)
    assert stopped.error == "the server answered 503 (Service Unavailable)"
    assert paths == [question("2026-02-09")]
    assert (resumed.error, resumed.new_papers, resumed.next_day) == (None, 1, date(2026, 2, 10))


def test_a_day_that_breaks_off_in_the_middle_is_read_again_from_its_first_page(
    store: Store,
) -> None:
    first = daily(*range(1, 101), day="2026-02-09")
    broken = {question("2026-02-09"): first, question("2026-02-09", page=1): Reply(status=500)}
    whole = {**broken, question("2026-02-09", page=1): daily(101, day="2026-02-09")}

    stopped, _, _, _ = look_back(store, broken, since=FEB_9)
    resumed, paths, _, _ = look_back(store, whole, since=FEB_9)

    assert (stopped.next_day, stopped.new_papers) == (FEB_9, 100)
    assert paths == [question("2026-02-09"), question("2026-02-09", page=1)]
    assert resumed.new_papers == 1


def test_a_page_that_is_no_feed_stops_it_in_plain_words(store: Store) -> None:
    done, _, _, _ = look_back(store, {question("2026-02-08"): Reply(body=b"<html><body>")})

    assert done.error is not None
    assert "HTML" in done.error
    assert done.next_day == FEB_8


def test_a_finished_look_back_reads_nothing_twice_and_an_earlier_day_begins_anew(
    store: Store,
) -> None:
    look_back(store, TWO_DAYS)
    earlier = {**TWO_DAYS, question("2026-02-07"): daily(9, day="2026-02-07")}

    again, nothing, _, _ = look_back(store, TWO_DAYS)
    longer, paths, _, _ = look_back(store, earlier, since=date(2026, 2, 7))

    assert (nothing, again.pages) == ([], 0)
    assert len(paths) == 3
    assert longer.new_papers == 1
    with store.read() as tx:
        feed = get_feed(tx, "hf")
        assert feed is not None
        assert get_backfill(tx, feed.id) == BackfillProgress(
            since=date(2026, 2, 7), next_day=date(2026, 2, 10), new_papers=1
        )


def test_what_a_poll_lists_later_opens_its_window_as_if_nobody_had_looked_back(
    store: Store,
) -> None:
    started(store, "hf")
    look_back(store, TWO_DAYS)

    poll(store, "hf", hf_entry(3, upvotes=4), at=NOW)

    with store.read() as tx:
        (found,) = open_papers(tx, NOW + timedelta(hours=1), eligibility_days=14)
    assert (found[0].alias, found[1]) == ("arxiv:2602.00003", NOW)


def test_a_window_that_a_poll_opened_is_not_closed_by_looking_back(store: Store) -> None:
    started(store, "hf")
    poll(store, "hf", hf_entry(3, upvotes=4), at=NOW - timedelta(days=1))

    done, _, _, _ = look_back(store, TWO_DAYS)

    with store.read() as tx:
        (found,) = open_papers(tx, NOW, eligibility_days=14)
    assert (done.new_papers, found[0].alias) == (2, "arxiv:2602.00003")


def test_a_first_poll_after_looking_back_is_a_baseline_all_the_same(store: Store) -> None:
    look_back(store, TWO_DAYS)

    poll(store, "hf", hf_entry(3, upvotes=4), hf_entry(4), at=NOW)

    with store.read() as tx:
        assert open_papers(tx, NOW + timedelta(hours=1), eligibility_days=14) == []


def test_a_feed_without_a_past_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="cannot be read back"):
        look_back(store, {}, kind=FeedKind.FEED)


def test_a_source_that_gives_the_same_page_for_every_number_ends(store: Store) -> None:
    full = daily(*range(1, 101), day="2026-02-09")
    script = {question("2026-02-09"): full, question("2026-02-09", page=1): full}

    done, paths, _, _ = look_back(store, script, since=FEB_9)

    assert len(paths) == 2
    assert (done.new_papers, done.next_day, done.error) == (100, date(2026, 2, 10), None)
