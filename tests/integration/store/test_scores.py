from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from digest.housekeeping import keep_house
from digest.model import Alias, FeedDay, FeedId, FeedKind, FeedSpec, PollState
from digest.papers.decide import intents_of
from digest.papers.ingest import ingest
from digest.settings import DigestSettings
from digest.store.editions import newest_day
from digest.store.engine import Store
from digest.store.feed_days import all_feed_days, feed_days, record_day
from digest.store.feeds import add_feed, get_feed, record_poll
from digest.store.papers import get_paper, recent_papers
from digest.store.scores import paper_scores
from tests.support.paper_world import SETTINGS, T0, document, hf_entry, poll, started

PAPER = Alias("arxiv:2602.00001")


def scores_of(store: Store) -> list[tuple[date, int | None]]:
    with store.read() as tx:
        paper = get_paper(tx, PAPER)
        assert paper is not None
        return [(score.day, score.upvotes) for score in paper_scores(tx, paper.id)]


def test_counts_are_kept_for_each_day_although_the_listing_stays_on_its_own(store: Store) -> None:
    started(store, "hf")
    for day, upvotes in enumerate((5, 9, 9, 30)):
        poll(
            store,
            "hf",
            hf_entry(1, upvotes=upvotes, listed_on=T0.date()),
            at=T0 + timedelta(days=day),
        )

    with store.read() as tx:
        paper = get_paper(tx, PAPER)
    assert paper is not None
    assert (paper.upvotes, paper.upvotes_change) == (30, 21)
    assert scores_of(store) == [
        (date(2026, 2, 1), 5),
        (date(2026, 2, 2), 9),
        (date(2026, 2, 3), 9),
        (date(2026, 2, 4), 30),
    ]


def test_old_counts_are_thinned_to_the_first_the_last_and_the_ends_of_months(store: Store) -> None:
    started(store, "hf")
    for day in range(120):
        poll(store, "hf", hf_entry(1, upvotes=day), at=T0 + timedelta(days=day))
    later = T0 + timedelta(days=120)
    keep_house(store, later - timedelta(days=1), DigestSettings())

    kept = keep_house(store, later, DigestSettings())

    days = [day for day, _ in scores_of(store)]
    assert days[:4] == [
        date(2026, 2, 1),
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 1),
    ]
    assert len(days) == 3 + 61
    assert kept.scores == 0


def test_a_signal_puts_no_paper_into_a_day(store: Store) -> None:
    started(store, "hf")
    poll(store, "hf", hf_entry(1, upvotes=4), at=T0)
    later = T0 + timedelta(days=30)
    with store.write() as tx:
        feed = add_feed(tx, FeedSpec(name="hn", url="https://hn.example/", kind=FeedKind.HN), later)
        intents = intents_of(
            document(hf_entry(1, upvotes=300), hf_entry(2, upvotes=500)), feed=feed, now=later
        )
        counts = ingest(tx, intents, feed, entries=2, now=later, settings=SETTINGS)

    with store.read() as tx:
        newest = newest_day(tx, until=later.date())
        lately = recent_papers(tx, later - timedelta(days=2), later)
        paper = get_paper(tx, PAPER)
    assert paper is not None
    assert counts.new_papers == 0
    assert newest == T0.date()
    assert lately == []
    assert (paper.upvotes, paper.feeds) == (4, ("hf", "hn"))
    assert scores_of(store)[-1] == (later.date(), 300)


def test_the_polls_of_a_day_add_up(store: Store) -> None:
    with store.write() as tx:
        feed = add_feed(tx, FeedSpec(name="a", url="https://a.example/"), T0)
        for state, new, valid in (
            (PollState(next_poll_at=T0, polled_at=T0, entries=10), 3, True),
            (PollState(next_poll_at=T0, polled_at=T0, entries=8), 1, True),
            (PollState(next_poll_at=T0, polled_at=T0, entries=8, failures=1), 0, False),
        ):
            record_poll(tx, feed.id, state, valid_document=valid, new_papers=new)

    with store.read() as tx:
        days = feed_days(tx, feed.id)
    assert days == [FeedDay(day=T0.date(), polls=3, failures=1, entries=10, new_papers=4)]


def test_days_are_forgotten_after_ten_weeks(store: Store) -> None:
    with store.write() as tx:
        feed = add_feed(tx, FeedSpec(name="a", url="https://a.example/"), T0)
        for age in (71, 70, 0):
            record_day(tx, feed.id, FeedDay(day=T0.date() - timedelta(days=age), polls=1))

    with store.read() as tx:
        days = all_feed_days(tx)
    assert [day.day for day in days[FeedId(1)]] == [date(2025, 11, 23), date(2026, 2, 1)]


def test_cross_lists_are_left_out_where_the_feed_says_so(store: Store) -> None:
    from digest.model import Announce
    from tests.support.paper_world import arxiv_entry

    at = datetime(2026, 2, 2, tzinfo=UTC)
    with store.write() as tx:
        feed = add_feed(tx, FeedSpec(name="a", url="https://a.example/", cross=False), T0)
        stored = get_feed(tx, "a")
    entries = [
        arxiv_entry(number, announce=announce) for number, announce in enumerate(Announce, start=1)
    ]

    intents = intents_of(document(*entries), feed=feed, now=at)

    assert stored is not None
    assert not stored.cross
    assert [intent.aliases[0] for intent in intents] == ["arxiv:2602.00001", "arxiv:2602.00003"]
