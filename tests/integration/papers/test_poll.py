from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
import structlog

from digest.clock import fixed_clock
from digest.errors import FetchError, NotFoundError, StorageError
from digest.feeds.fetch import FeedFetcher
from digest.feeds.sandbox import FeedParser
from digest.model import FeedSpec, FeedStatus, FetchedFeed, ParsedFeed
from digest.papers import poll as poll_module
from digest.papers.poll import FeedPoll, poll_feeds
from digest.settings import Settings
from digest.store.engine import Store
from digest.store.feed_days import feed_days
from digest.store.feeds import add_feed, get_feed, record_poll, remove_feed, set_paused
from digest.store.papers import count_papers
from tests.support.paper_world import T0, arxiv_entry, document

DAY = timedelta(days=1)


class FakeFetcher:
    """Answers with the URL as body, or raises what it was told to."""

    def __init__(self, troubles: dict[str, Exception]) -> None:
        self.troubles = troubles
        self.asked: list[str] = []

    async def fetch(self, url: str, **_: object) -> FetchedFeed:
        self.asked.append(url)
        if url in self.troubles:
            raise self.troubles[url]
        return FetchedFeed(url=url, http_status=200, body=url.encode())


class FakeParser:
    """Gives one entry a feed, numbered by the last letter of its URL."""

    async def parse(self, body: bytes, **_: object) -> ParsedFeed:
        return document(arxiv_entry(body[-1]))


def add(store: Store, *names: str) -> None:
    with store.write() as tx:
        for name in names:
            add_feed(tx, FeedSpec(name=name, url=f"https://example.org/{name}"), T0)


def run(
    store: Store,
    *,
    fetcher: FakeFetcher | None = None,
    names: list[str] | None = None,
    due_only: bool = False,
    day: int = 0,
    on_done: Callable[[FeedPoll], None] | None = None,
) -> list[FeedPoll]:
    return asyncio.run(
        poll_feeds(
            store,
            cast("FeedFetcher", fetcher or FakeFetcher({})),
            cast("FeedParser", FakeParser()),
            clock=fixed_clock(T0 + day * DAY),
            settings=Settings(),
            names=names,
            due_only=due_only,
            on_done=on_done,
        )
    )


def names_of(polls: Iterable[FeedPoll]) -> list[str]:
    return [one.name for one in polls]


def test_all_feeds_are_polled_and_told_as_they_come(store: Store) -> None:
    add(store, "a", "b")
    told: list[FeedPoll] = []

    polls = run(store, on_done=told.append)

    assert polls == [
        FeedPoll(name=name, status=FeedStatus.OK, http_status=200, entries=1, new_papers=1)
        for name in ("a", "b")
    ]
    assert sorted(names_of(told)) == ["a", "b"]


def test_an_unchanged_feed_brings_nothing(store: Store) -> None:
    add(store, "a")
    run(store)

    assert run(store, day=1) == [FeedPoll(name="a", status=FeedStatus.UNCHANGED, http_status=200)]


def test_one_broken_feed_stops_no_other(store: Store) -> None:
    add(store, "a", "b", "c")
    fetcher = FakeFetcher(
        {
            "https://example.org/a": FetchError("x", "no answer within 30 s", http_status=503),
            "https://example.org/b": RuntimeError("a defect of ours"),
        }
    )

    polls = run(store, fetcher=fetcher)

    assert [(one.status, one.http_status, one.error, one.new_papers) for one in polls] == [
        (FeedStatus.FAILED, 503, "no answer within 30 s", 0),
        (FeedStatus.FAILED, None, "internal error: RuntimeError", 0),
        (FeedStatus.OK, 200, None, 1),
    ]
    with store.read() as tx:
        broken = get_feed(tx, "b")
    assert broken is not None
    assert broken.status is FeedStatus.FAILED
    assert broken.error == "internal error: RuntimeError"
    assert broken.failing_since_at == T0
    assert broken.baseline_at is None


def test_a_failure_that_cannot_be_recorded_is_logged_and_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StorageError("the database refused: disk full")

    add(store, "a")
    monkeypatch.setattr(poll_module, "record_poll", refuse)

    with structlog.testing.capture_logs() as logs:
        polls = run(store)

    assert polls == [
        FeedPoll(name="a", status=FeedStatus.FAILED, error="the database refused: disk full")
    ]
    assert "feed failure could not be recorded" in [log["event"] for log in logs]
    with store.read() as tx:
        assert count_papers(tx) == 0


def test_named_feeds_are_polled_due_or_not_and_paused_or_not(store: Store) -> None:
    add(store, "a", "b")
    run(store)
    with store.write() as tx:
        set_paused(tx, "b", paused=True, now=T0)

    assert names_of(run(store, names=["b", "a", "b"])) == ["b", "a"]


def test_an_unknown_name_polls_nothing(store: Store) -> None:
    add(store, "a")
    fetcher = FakeFetcher({})

    with pytest.raises(NotFoundError, match="there is no feed named x, y"):
        run(store, fetcher=fetcher, names=["a", "x", "y"])

    assert fetcher.asked == []


def test_paused_and_gone_feeds_rest(store: Store) -> None:
    add(store, "a", "b", "c")
    with store.write() as tx:
        set_paused(tx, "a", paused=True, now=T0)
    gone = FetchError("x", "gone", http_status=410, gone=True)
    first = run(store, fetcher=FakeFetcher({"https://example.org/b": gone}))

    second = run(store, day=1)

    assert [(one.name, one.status) for one in first] == [
        ("b", FeedStatus.GONE),
        ("c", FeedStatus.OK),
    ]
    assert names_of(second) == ["c"]


def test_only_due_feeds_are_polled_when_asked_so(store: Store) -> None:
    add(store, "a")
    run(store)

    assert run(store, due_only=True) == []
    assert names_of(run(store, due_only=True, day=2)) == ["a"]


def test_a_feed_removed_while_it_was_read_keeps_its_papers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, "a")
    monkeypatch.setattr(poll_module, "get_feed", lambda *_: None)

    polls = run(store)

    assert polls[0].new_papers == 1


def test_a_feed_whose_papers_others_list_first_brings_news_all_the_same(store: Store) -> None:
    add(store, "1")
    with store.write() as tx:
        add_feed(tx, FeedSpec(name="mirror", url="https://example.org/mirror/1"), T0)

    run(store, names=["1"])
    polls = run(store, names=["mirror"], day=1)

    assert polls[0].new_papers == 0
    with store.read() as tx:
        feed = get_feed(tx, "mirror")
        assert feed is not None
        days = feed_days(tx, feed.id)
    assert feed.new_paper_at == T0 + DAY
    assert [one.new_papers for one in days] == [1]


def test_what_was_read_of_a_place_that_was_changed_meanwhile_is_not_the_new_ones(
    store: Store,
) -> None:
    add(store, "a")

    class MovingFetcher(FakeFetcher):
        async def fetch(self, url: str, **_: object) -> FetchedFeed:
            with store.write() as tx:
                remove_feed(tx, "a", T0)
                add_feed(tx, FeedSpec(name="a", url="https://example.org/archive"), T0)
            return await super().fetch(url)

    polls = run(store, fetcher=MovingFetcher({}))

    with store.read() as tx:
        feed = get_feed(tx, "a")
    assert feed is not None
    assert (feed.baseline_at, feed.body_hash, feed.next_poll_at) == (None, None, T0)
    assert "was changed while it was polled" in (polls[0].error or "")


def test_a_feed_of_slow_pace_is_asked_less_often_until_it_brings_something(store: Store) -> None:
    add(store, "a")
    run(store)
    with store.read() as tx:
        before = get_feed(tx, "a")
    assert before is not None
    slow = replace(before, usual_gap_days=4)
    with store.write() as tx:
        record_poll(tx, before.id, slow, valid_document=True)

    run(store, day=8)

    with store.read() as tx:
        after = get_feed(tx, "a")
    assert after is not None
    assert after.status is FeedStatus.UNCHANGED
    assert after.next_poll_at == T0 + 8 * DAY + timedelta(hours=4)
