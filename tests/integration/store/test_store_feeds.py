from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.errors import NotFoundError, UsageError
from digest.model import FeedKind, FeedRecord, FeedSpec, FeedStatus, PollState
from digest.store.engine import Store
from digest.store.feeds import (
    add_feed,
    due_feeds,
    get_feed,
    list_feeds,
    record_poll,
    remove_feed,
    set_paused,
    sync_configured,
)

NOW = datetime(2026, 2, 2, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SPEC = FeedSpec(name="a", url="https://a.example/feed", tags=("x",))


def configured(store: Store, *specs: FeedSpec, now: datetime = NOW) -> None:
    with store.write() as tx:
        sync_configured(tx, specs, now)


def names(store: Store) -> list[str]:
    with store.read() as tx:
        return [feed.name for feed in list_feeds(tx)]


def due(store: Store, now: datetime) -> list[str]:
    with store.read() as tx:
        return [feed.name for feed in due_feeds(tx, now)]


def load(store: Store, name: str) -> FeedRecord:
    with store.read() as tx:
        feed = get_feed(tx, name)
    assert feed is not None
    return feed


def record(store: Store, name: str, *, valid_document: bool = True, **state: object) -> None:
    feed = load(store, name)
    known: dict[str, object] = {"next_poll_at": LATER, "polled_at": NOW, **state}
    with store.write() as tx:
        record_poll(
            tx,
            feed.id,
            replace(PollState(next_poll_at=LATER), **known),  # type: ignore[arg-type]
            valid_document=valid_document,
        )


def test_a_configured_feed_is_polled_and_due_at_once(store: Store) -> None:
    configured(store, SPEC)

    feed = load(store, "a")
    assert (feed.url, feed.kind, feed.tags) == ("https://a.example/feed", FeedKind.AUTO, ("x",))
    assert feed.from_config
    assert feed.baseline_at is None
    assert due(store, NOW) == ["a"]


def test_configuring_the_same_again_changes_nothing(store: Store) -> None:
    configured(store, SPEC)
    record(store, "a", etag='"1"')
    before = load(store, "a")

    configured(store, SPEC, now=LATER)

    assert load(store, "a") == before


def test_another_url_voids_what_was_known_of_the_last_reply(store: Store) -> None:
    configured(store, SPEC)
    record(store, "a", etag='"1"', body_hash="h", moved_to="https://b.example/", failures=3)

    configured(store, replace(SPEC, url="https://c.example/feed", tags=("y",)), now=NOW)

    feed = load(store, "a")
    assert (feed.url, feed.tags) == ("https://c.example/feed", ("y",))
    assert (feed.etag, feed.body_hash, feed.moved_to, feed.failures) == (None, None, None, 0)
    assert feed.baseline_at is None
    assert feed.next_poll_at == NOW


def test_a_feed_taken_out_of_the_file_comes_back_with_a_new_baseline(
    store: Store,
) -> None:
    configured(store, SPEC)
    record(store, "a")

    configured(store)
    assert names(store) == []
    assert due(store, LATER) == []

    configured(store, SPEC, now=LATER)
    assert load(store, "a").baseline_at is None


def test_feeds_added_by_command_stay_whatever_the_file_says(store: Store) -> None:
    with store.write() as tx:
        added = add_feed(tx, SPEC, NOW)
    configured(store)

    assert names(store) == ["a"]
    assert not added.from_config


def test_a_name_is_added_once(store: Store) -> None:
    configured(store, SPEC)

    with (
        pytest.raises(UsageError, match=r"there already, with the URL https://a\.example/feed"),
        store.write() as tx,
    ):
        add_feed(tx, SPEC, NOW)


def test_a_removed_feed_is_revived_by_its_name_with_a_new_baseline(store: Store) -> None:
    with store.write() as tx:
        first = add_feed(tx, SPEC, NOW)
    record(store, "a")
    with store.write() as tx:
        remove_feed(tx, "a", NOW)
    assert names(store) == []

    with store.write() as tx:
        again = add_feed(tx, replace(SPEC, kind=FeedKind.FEED), LATER)

    assert again.id == first.id
    assert again.kind is FeedKind.FEED
    assert again.baseline_at is None
    assert due(store, LATER) == ["a"]


def test_a_configured_feed_is_not_removed_by_command(store: Store) -> None:
    configured(store, SPEC)

    with pytest.raises(UsageError, match="take it out there"), store.write() as tx:
        remove_feed(tx, "a", NOW)


def test_what_is_not_there_cannot_be_removed_or_paused(store: Store) -> None:
    with pytest.raises(NotFoundError, match="there is no feed named z"), store.write() as tx:
        remove_feed(tx, "z", NOW)
    with pytest.raises(NotFoundError, match="there is no feed named z"), store.write() as tx:
        set_paused(tx, "z", paused=True, now=NOW)
    with store.read() as tx:
        assert get_feed(tx, "z") is None


def test_a_paused_feed_rests_until_it_is_resumed(store: Store) -> None:
    configured(store, SPEC)

    with store.write() as tx:
        assert set_paused(tx, "a", paused=True, now=NOW).paused
    configured(store, SPEC)
    assert due(store, LATER) == []

    with store.write() as tx:
        set_paused(tx, "a", paused=False, now=LATER)
    assert due(store, LATER) == ["a"]


def test_a_feed_that_is_gone_rests_until_it_is_resumed(store: Store) -> None:
    configured(store, SPEC)
    record(store, "a", valid_document=False, status=FeedStatus.GONE, gone_at=NOW)
    assert due(store, LATER + timedelta(days=99)) == []

    with store.write() as tx:
        set_paused(tx, "a", paused=False, now=NOW)

    assert due(store, NOW) == ["a"]


def test_the_longest_due_feed_comes_first(store: Store) -> None:
    configured(store, SPEC, replace(SPEC, name="b"), replace(SPEC, name="C"))
    record(store, "a", next_poll_at=NOW + timedelta(minutes=3))
    record(store, "b", next_poll_at=NOW + timedelta(minutes=1))
    record(store, "C", next_poll_at=NOW + timedelta(minutes=9))

    assert due(store, NOW + timedelta(minutes=5)) == ["b", "a"]
    assert names(store) == ["a", "b", "C"]


def test_the_first_valid_document_is_the_baseline_and_stays_it(store: Store) -> None:
    configured(store, SPEC)

    record(store, "a", valid_document=False, status=FeedStatus.FAILED, error="no answer")
    assert load(store, "a").baseline_at is None
    record(store, "a", status=FeedStatus.OK, entries=0)
    record(store, "a", status=FeedStatus.OK, polled_at=LATER, entries=2)

    feed = load(store, "a")
    assert feed.baseline_at == NOW
    assert (feed.status, feed.entries, feed.error) == (FeedStatus.OK, 2, None)
