from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from digest.feeds.health import (
    DayKind,
    day_of,
    expected_new,
    judge_day,
    new_on,
    thin_day_notices,
    usual_gap,
)
from digest.model import (
    Announce,
    Entry,
    FeedDay,
    FeedId,
    FeedKind,
    FeedRecord,
    FeedStatus,
    ParsedFeed,
)

TUESDAY = date(2026, 2, 3)
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
ARXIV = "https://rss.arxiv.org/rss/cs.AI"
BLOG = "https://blog.example.org/feed"


def feed(
    name: str = "arxiv-cs.AI",
    *,
    number: int = 1,
    url: str = ARXIV,
    status: FeedStatus = FeedStatus.OK,
    entries: int | None = 100,
    new_paper_at: datetime | None = datetime(2026, 1, 28, 5, tzinfo=UTC),
    failing_since_at: datetime | None = None,
    paused: bool = False,
    kind: FeedKind = FeedKind.AUTO,
) -> FeedRecord:
    return FeedRecord(
        id=FeedId(number),
        name=name,
        url=url,
        kind=kind,
        created_at=NOON - timedelta(days=100),
        next_poll_at=NOON,
        status=status,
        entries=entries,
        new_paper_at=new_paper_at,
        failing_since_at=failing_since_at,
        paused=paused,
    )


def history(*counts: int, today: FeedDay | None = None) -> list[FeedDay]:
    """Tuesdays before today, the last of `counts` a week ago."""
    days = [
        FeedDay(day=TUESDAY - timedelta(weeks=weeks), polls=24, entries=300, new_papers=count)
        for weeks, count in enumerate(reversed(counts), start=1)
    ]
    return [*days, today] if today else days


def today(new: int, *, entries: int | None = 100, failures: int = 0) -> FeedDay:
    return FeedDay(day=TUESDAY, polls=10, failures=failures, entries=entries, new_papers=new)


def parsed(days: Sequence[date] = (), *, announce: Announce | None = None) -> ParsedFeed:
    entries = tuple(
        Entry(
            title="T",
            published_at=datetime(day.year, day.month, day.day, tzinfo=UTC),
            announce=announce,
        )
        for day in days
    )
    return ParsedFeed(format="rss20", title="", entries=entries)


def test_the_usual_number_is_the_median_of_the_same_weekday() -> None:
    sundays = [FeedDay(day=date(2026, 2, 1), polls=24, new_papers=0)]

    assert expected_new([*history(300, 320, 0), *sundays], day=TUESDAY) == 300


def test_what_is_usual_needs_three_weeks_on_which_the_feed_was_read() -> None:
    unread = FeedDay(day=date(2026, 1, 27), polls=3, failures=3)

    assert expected_new(history(300, 320), day=TUESDAY) is None
    assert expected_new([*history(300, 320)[1:], unread], day=TUESDAY) is None


def test_what_was_long_ago_is_not_usual_any_more() -> None:
    long_ago = [
        FeedDay(day=TUESDAY - timedelta(weeks=weeks), polls=1, new_papers=9)
        for weeks in (9, 10, 11)
    ]

    assert expected_new(long_ago, day=TUESDAY) is None


def test_the_new_papers_of_a_day_are_none_when_it_was_not_polled() -> None:
    assert new_on([today(3)], day=TUESDAY) == 3
    assert new_on([], day=TUESDAY) is None


def test_the_first_hours_of_a_utc_day_speak_of_the_day_before() -> None:
    assert day_of(datetime(2026, 2, 3, 5, 59, tzinfo=UTC)) == date(2026, 2, 2)
    assert day_of(datetime(2026, 2, 3, 6, 0, tzinfo=UTC)) == date(2026, 2, 3)


def test_an_empty_document_of_arxiv_is_a_holiday() -> None:
    empty = feed(entries=0)

    assert judge_day(empty, [today(0, entries=0)], day=TUESDAY) is DayKind.HOLIDAY
    assert judge_day(empty, [today(0, entries=None)], day=TUESDAY) is DayKind.HOLIDAY


def test_an_empty_document_of_another_feed_is_a_holiday_where_papers_are_usual() -> None:
    blog = feed("blog", url=BLOG, entries=0)

    busy = judge_day(blog, history(9, 9, 9, today=today(0, entries=0)), day=TUESDAY)
    slow = judge_day(blog, history(0, 0, 0, today=today(0, entries=0)), day=TUESDAY)

    assert busy is DayKind.HOLIDAY
    assert slow is DayKind.USUAL


def test_less_than_half_of_what_is_usual_is_a_quiet_day() -> None:
    quiet = judge_day(feed(), history(300, 300, 300, today=today(149)), day=TUESDAY)
    usual = judge_day(feed(), history(300, 300, 300, today=today(150)), day=TUESDAY)

    assert quiet is DayKind.QUIET
    assert usual is DayKind.USUAL


def test_a_feed_that_fails_after_its_batch_came_had_a_usual_day() -> None:
    failing = feed(status=FeedStatus.FAILED)

    kind = judge_day(failing, history(300, 300, 300, today=today(290, failures=2)), day=TUESDAY)

    assert kind is DayKind.USUAL


def test_a_feed_that_is_failing_gone_or_stale_is_said_to_be() -> None:
    kinds = [
        judge_day(feed(status=status), history(300, 300, 300, today=today(0)), day=TUESDAY)
        for status in (FeedStatus.FAILED, FeedStatus.GONE, FeedStatus.STALE)
    ]

    assert kinds == [DayKind.FAILED, DayKind.FAILED, DayKind.STALE]


def test_a_day_that_was_not_polled_or_has_no_history_is_unknown() -> None:
    assert judge_day(feed(), history(300, 300, 300), day=TUESDAY) is DayKind.UNKNOWN
    assert judge_day(feed(), [today(4)], day=TUESDAY) is DayKind.UNKNOWN
    assert judge_day(feed(), [today(0, failures=10)], day=TUESDAY) is DayKind.UNKNOWN


def test_a_holiday_of_arxiv_is_said_once_for_all_categories() -> None:
    feeds = [feed(entries=0), feed("arxiv-cs.CL", number=2, entries=0)]
    days = {one.id: [today(0, entries=0)] for one in feeds}

    notices = thin_day_notices(feeds, days, now=NOON)

    assert notices == ("arXiv announced nothing today: its feeds are empty, as on a holiday.",)


def test_on_weekends_arxiv_is_said_to_announce_nothing() -> None:
    saturday = date(2026, 2, 7)
    days = {FeedId(1): [FeedDay(day=saturday, polls=24, entries=0)]}

    notices = thin_day_notices([feed(entries=0)], days, now=datetime(2026, 2, 7, 12, tzinfo=UTC))

    assert notices == ("arXiv announces nothing on weekends.",)


def test_a_small_category_without_papers_makes_no_holiday_of_arxiv() -> None:
    small, large = feed("arxiv-cs.GL", entries=0), feed("arxiv-cs.LG", number=2, entries=300)
    full = history(300, 300, 300, today=today(290, entries=300))
    seldom = {small.id: history(0, 1, 0, today=today(0, entries=0)), large.id: full}
    often = {small.id: history(9, 8, 9, today=today(0, entries=0)), large.id: full}

    assert thin_day_notices([small, large], seldom, now=NOON) == ()
    assert thin_day_notices([small, large], often, now=NOON) == (
        "arxiv-cs.GL lists nothing today, as on a holiday.",
    )


def test_failures_come_before_staleness_and_holidays() -> None:
    feeds = [
        feed("a", url=BLOG, number=1, entries=0),
        feed("b", number=2, status=FeedStatus.STALE),
        feed(
            "c",
            number=3,
            status=FeedStatus.FAILED,
            failing_since_at=datetime(2026, 2, 1, tzinfo=UTC),
        ),
        feed("d", number=4, status=FeedStatus.GONE),
    ]
    days = {FeedId(1): history(9, 9, 9, today=today(0, entries=0))}

    assert thin_day_notices(feeds, days, now=NOON) == (
        "c could not be read since February 1.",
        "d is gone: its server says that it will not come back.",
        "b is stale: it has brought nothing new since January 28.",
    )
    assert thin_day_notices(feeds[:1], days, now=NOON) == (
        "a lists nothing today, as on a holiday.",
    )


def test_a_quiet_day_is_said_with_what_is_usual() -> None:
    feeds = [feed(name, number=number) for number, name in enumerate(("a", "b", "c", "d"), start=1)]
    days = {one.id: history(100, 100, 100, today=today(10)) for one in feeds}

    assert thin_day_notices(feeds, days, now=NOON) == (
        "A quiet day: 40 new papers on a, b, c and 1 more, where 400 are usual.",
    )


def test_usual_days_paused_feeds_and_signals_say_nothing() -> None:
    feeds = [
        feed("a", number=1),
        feed("b", number=2, status=FeedStatus.FAILED, paused=True),
        feed("c", number=3, status=FeedStatus.FAILED, kind=FeedKind.HN),
    ]

    notices = thin_day_notices(
        feeds, {FeedId(1): history(100, 100, 100, today=today(90))}, now=NOON
    )

    assert notices == ()


def test_the_pace_of_daily_sources_is_known() -> None:
    announced = parsed([TUESDAY], announce=Announce.NEW)

    assert usual_gap(FeedKind.AUTO, announced, (), today=TUESDAY) == 1
    assert usual_gap(FeedKind.HF_DAILY, parsed(), (), today=TUESDAY) == 1
    assert usual_gap(FeedKind.BIORXIV, parsed(), (), today=TUESDAY) == 1


def test_the_pace_of_a_blog_is_read_from_the_dates_of_its_posts_at_first() -> None:
    monthly = [date(2025, month, 1) for month in range(6, 12)]

    assert usual_gap(FeedKind.AUTO, parsed(monthly), (), today=TUESDAY) == 23
    assert usual_gap(FeedKind.AUTO, parsed(monthly[:3]), (), today=TUESDAY) is None


def test_the_pace_of_a_feed_is_that_of_its_new_papers_once_there_are_enough() -> None:
    weekly = [TUESDAY - timedelta(weeks=weeks) for weeks in range(5)]

    assert usual_gap(FeedKind.FEED, parsed([TUESDAY]), weekly, today=TUESDAY) == 5
