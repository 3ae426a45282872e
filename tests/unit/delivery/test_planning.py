"""What one subscriber is owed: current, missed, welcome, nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from digest.delivery.planning import Edition, Owing, plan_owed
from digest.digests.compose import PaperMasks
from digest.matching.hits import Hits
from digest.model import (
    Alias,
    Paper,
    PaperId,
    QueryId,
    Subscriber,
)
from tests.support.digests import make_interest, make_subscriber
from tests.support.ledger_world import EVERY_DAY

MONDAY = datetime(2026, 2, 2, 8, tzinfo=UTC)
DAY = timedelta(days=1)
NOTICE = "hf could not be read since February 1."


def edition(*ids: int) -> Edition:
    papers = [
        Paper(
            id=PaperId(one),
            alias=Alias(f"arxiv:2602.0000{one}"),
            title="Agents",
            abstract="",
            first_seen_at=MONDAY,
        )
        for one in ids
    ]
    opened = [MONDAY - timedelta(hours=1)] * len(papers)
    everything = Hits(papers=papers, found={0: (1 << len(papers)) - 1}, programs={QueryId(1): 0})
    return Edition(hits=everything, masks=PaperMasks(papers, opened), notices=(NOTICE,))


def reader(next_digest_at: datetime | None, *, max_papers: int = 20) -> Subscriber:
    return make_subscriber(
        schedule=EVERY_DAY,
        interests=(make_interest("agents", 1),),
        next_digest_at=next_digest_at,
        max_papers=max_papers,
    )


def owed(
    subscriber: Subscriber, now: datetime, *, welcome: bool = False, sent: tuple[int, ...] = ()
) -> Owing:
    return plan_owed(
        subscriber,
        welcome_due=welcome,
        sent=[PaperId(one) for one in sent],
        today=edition(1, 2),
        recent=lambda: edition(1, 2, 3),
        now=now,
    )


def summary(owing: Owing) -> list[tuple[str, int, str]]:
    return [(one.period, len(one.papers), one.skip_reason) for one in owing.plans]


def test_the_current_period_is_composed_and_the_next_one_awaited() -> None:
    owing = owed(reader(MONDAY), MONDAY + timedelta(hours=3))

    assert summary(owing) == [("2026-02-02", 2, "")]
    assert owing.plans[0].closes_at == owing.next_digest_at == MONDAY + DAY


def test_periods_that_passed_wholly_are_skipped_and_the_open_one_is_not() -> None:
    owing = owed(reader(MONDAY), MONDAY + 2 * DAY)

    assert summary(owing) == [
        ("2026-02-02", 0, "service was down"),
        ("2026-02-03", 0, "service was down"),
        ("2026-02-04", 2, ""),
    ]


def test_two_years_away_are_all_accounted_for() -> None:
    owing = owed(reader(MONDAY), MONDAY + 730 * DAY)

    assert len(owing.plans) == 731
    assert owing.plans[-1].skip_reason == ""
    assert owing.next_digest_at == MONDAY + 731 * DAY


def test_nothing_new_is_said() -> None:
    owing = owed(reader(MONDAY), MONDAY, sent=(1, 2))

    assert summary(owing) == [("2026-02-02", 0, "nothing new")]


def test_nobody_is_owed_anything_before_their_hour() -> None:
    owing = owed(reader(MONDAY), MONDAY - timedelta(seconds=1))

    assert summary(owing) == []
    assert owing.next_digest_at == MONDAY


def test_a_schedule_without_an_instant_gets_one() -> None:
    owing = owed(reader(None), MONDAY + timedelta(hours=1))

    assert owing == Owing(plans=(), next_digest_at=MONDAY + DAY)


def test_an_instant_far_ahead_is_computed_again() -> None:
    owing = owed(reader(MONDAY + 9 * DAY), MONDAY + timedelta(hours=1))

    assert owing.next_digest_at == MONDAY + DAY


def test_a_welcome_takes_recent_papers_and_leaves_twelve_hours() -> None:
    at = MONDAY - timedelta(hours=3)

    owing = owed(reader(MONDAY), at, welcome=True)

    assert summary(owing) == [("welcome", 3, "")]
    assert owing.plans[0].scheduled_at == at
    assert owing.plans[0].closes_at == owing.next_digest_at == MONDAY + DAY


def test_a_welcome_comes_instead_of_a_digest_of_the_same_hour() -> None:
    owing = owed(reader(MONDAY), MONDAY + timedelta(hours=1), welcome=True)

    assert [(one.period, one.skip_reason) for one in owing.plans] == [
        ("2026-02-02", "the welcome digest came instead"),
        ("welcome", ""),
    ]


def test_only_a_thin_digest_says_why() -> None:
    thin = owed(reader(MONDAY), MONDAY)
    full = plan_owed(
        reader(MONDAY),
        welcome_due=False,
        sent=(),
        today=edition(1, 2, 3, 4, 5, 6),
        recent=edition,
        now=MONDAY,
    )

    assert thin.plans[0].notices == (NOTICE,)
    assert full.plans[0].notices == ()
