from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from digest.model import (
    Alias,
    Entry,
    FeedId,
    FeedKind,
    IngestPlan,
    KnownPaper,
    KnownPapers,
    Link,
    Listing,
    Paper,
    PaperId,
    Score,
    Window,
)
from digest.papers.decide import intents_of
from digest.papers.signals import decide_signal
from tests.support.paper_world import T0, document, feed_record

HN = FeedId(9)
NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)
TODAY = date(2026, 2, 3)
KNOWN = Alias("arxiv:2602.00404")
PAGE = "https://news.ycombinator.com/item?id=46000001"


def story(
    url: str = "https://arxiv.org/abs/2602.00404v2",
    *,
    title: str = "Folding laundry with language models",
    points: int = 312,
    comments: int = 97,
    number: int = 46000001,
) -> Entry:
    return Entry(
        title=title,
        source_id=str(number),
        url=url,
        identifiers=(url,),
        links=(Link(label="Hacker News", url=f"https://news.ycombinator.com/item?id={number}"),),
        upvotes=points,
        comments=comments,
    )


def known(**changes: object) -> KnownPapers:
    paper = Paper(
        id=PaperId(7), alias=KNOWN, title="Tidy Tokens", abstract="", first_seen_at=T0, upvotes=5
    )
    one = KnownPaper(paper=paper, aliases=frozenset({KNOWN}))
    return KnownPapers(
        owners={KNOWN: PaperId(7)},
        papers={PaperId(7): replace(one, **changes)},  # type: ignore[arg-type]
    )


def decide(*stories: Entry, known: KnownPapers) -> IngestPlan:
    feed = replace(feed_record("hacker-news", number=9), kind=FeedKind.HN)
    return decide_signal(
        intents_of(document(*stories), feed=feed, now=NOW), known, feed_id=HN, now=NOW
    )


def test_a_story_about_a_known_paper_is_a_listing_with_its_points() -> None:
    plan = decide(story(), known=known())

    listing = Listing(paper_id=PaperId(7), feed_id=HN, day=TODAY, upvotes=312, comments=97)
    score = Score(paper_id=PaperId(7), feed_id=HN, day=TODAY, upvotes=312, comments=97)
    assert plan.listings == (listing,)
    assert plan.scores == (score,)
    assert plan.windows == (Window(paper_id=PaperId(7), feed_id=HN, listed_at=NOW, opened_at=None),)


def test_a_story_changes_nothing_of_the_paper_but_adds_the_discussion() -> None:
    plan = decide(story(), known=known())

    (paper,) = plan.updates
    assert (paper.title, paper.upvotes) == ("Tidy Tokens", 5)
    assert paper.links == (Link(label="Hacker News", url=PAGE),)
    assert plan.aliases == ()
    assert plan.tags == ()


def test_a_story_about_a_paper_nobody_knows_makes_none() -> None:
    stranger = story("https://arxiv.org/abs/2602.09999")

    plan = decide(stranger, story("https://blog.example.org/post"), known=known())

    assert plan == IngestPlan(unidentified=2)


def test_a_title_alone_names_no_paper() -> None:
    entry = story("https://blog.example.org/post", title="A rather long title that two might have")
    feed = replace(feed_record("hacker-news", number=9), kind=FeedKind.HN)
    (intent,) = intents_of(document(entry), feed=feed, now=NOW)
    owners = dict.fromkeys(intent.aliases, PaperId(7))

    plan = decide(entry, known=replace(known(), owners=owners))

    assert plan.listings == ()


def test_of_several_stories_the_one_with_most_points_counts_and_all_are_linked_once() -> None:
    had = Window(paper_id=PaperId(7), feed_id=HN, listed_at=T0, opened_at=None)
    before = Score(paper_id=PaperId(7), feed_id=HN, day=TODAY, upvotes=312, comments=97)

    plan = decide(
        story(points=3, comments=400, number=1),
        story(),
        known=known(windows=(had,), scores=(before,)),
    )

    assert [listing.upvotes for listing in plan.listings] == [312]
    assert plan.windows == ()
    assert plan.scores == ()
