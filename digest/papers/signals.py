"""Feeds that bring no papers, but say how much known ones are talked about. Pure.

A story of Hacker News that links to a paper we know is a listing with points and
comments. It makes no paper, opens no window, and its points are no upvotes: those of
other feeds would not compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from digest.model import (
    FeedId,
    FeedKind,
    IngestPlan,
    KnownPaper,
    KnownPapers,
    Listing,
    PaperId,
    PaperIntent,
    Score,
    Window,
)
from digest.papers.identity import WEAK_SCHEMES, scheme_of
from digest.papers.intents import MAX_LINKS

SIGNALS = frozenset({FeedKind.HN})
_LOCAL = WEAK_SCHEMES | {"feed"}


def decide_signal(
    intents: Sequence[PaperIntent], known: KnownPapers, *, feed_id: FeedId, now: datetime
) -> IngestPlan:
    """Decide what stories change: listings of known papers, and where they are discussed.

    Args:
        intents: What the stories say; only identifiers in their links count, no title.
        known: Every alias of `intents`, as the store knows it.
        feed_id: The feed they stand in.
        now: Aware UTC instant of the poll.
    """
    stories: dict[PaperId, list[PaperIntent]] = {}
    strangers = 0
    for intent in intents:
        paper_id = _known_paper(intent, known)
        if paper_id is None:
            strangers += 1
        else:
            stories.setdefault(paper_id, []).append(intent)
    plan = IngestPlan(unidentified=strangers)
    for paper_id, about in stories.items():
        plan = _with(plan, known.papers[paper_id], about, feed_id=feed_id, now=now)
    return plan


def _known_paper(intent: PaperIntent, known: KnownPapers) -> PaperId | None:
    for alias in intent.aliases:
        owner = known.owners.get(alias)
        if owner is not None and scheme_of(alias) not in _LOCAL:
            return owner
    return None


def _with(
    plan: IngestPlan,
    one: KnownPaper,
    stories: Sequence[PaperIntent],
    *,
    feed_id: FeedId,
    now: datetime,
) -> IngestPlan:
    paper = one.paper
    best = max(stories, key=lambda story: (story.upvotes or 0, story.comments or 0))
    listing = Listing(
        paper_id=paper.id,
        feed_id=feed_id,
        day=now.date(),
        upvotes=best.upvotes,
        comments=best.comments,
    )
    score = Score(
        paper_id=paper.id,
        feed_id=feed_id,
        day=now.date(),
        upvotes=best.upvotes,
        comments=best.comments,
    )
    had = {link.url for link in paper.links}
    fresh = tuple(link for link in best.links if link.url not in had)
    links = (*paper.links, *fresh)[:MAX_LINKS]
    is_listed = any(window.feed_id == feed_id for window in one.windows)
    window = Window(paper_id=paper.id, feed_id=feed_id, listed_at=now, opened_at=None)
    return replace(
        plan,
        listings=(*plan.listings, listing),
        scores=plan.scores if score in one.scores else (*plan.scores, score),
        windows=plan.windows if is_listed else (*plan.windows, window),
        updates=plan.updates
        if links == paper.links
        else (*plan.updates, replace(paper, links=links)),
    )
