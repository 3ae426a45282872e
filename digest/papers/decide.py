"""Decide what a feed's document changes: the core of ingest, without I/O.

The rules stand in docs/adr/0002-identity.md: what joins entries to papers, which
listing opens a window of eligibility, and what a revision is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from digest.model import (
    Alias,
    Announce,
    FeedId,
    FeedRecord,
    IngestPlan,
    KnownPapers,
    Listing,
    Paper,
    PaperId,
    PaperIntent,
    ParsedFeed,
    Revision,
    Score,
    Window,
)
from digest.papers.absorb import absorb, changed_texts
from digest.papers.identity import canonical_order, scheme_of, url_of
from digest.papers.intents import intent_of
from digest.papers.joining import Draft, Joiner
from digest.papers.latex import bounded_latex
from digest.papers.trend import newest_before

_CROSS = frozenset({Announce.CROSS, Announce.REPLACE_CROSS})


def intents_of(parsed: ParsedFeed, *, feed: FeedRecord, now: datetime) -> tuple[PaperIntent, ...]:
    """Clean all entries of a document; those without a title are left out.

    The first valid document of a feed is its baseline: none of its entries opens a
    window. Where the operator wants no cross-lists, those are left out.
    """
    baseline = feed.baseline_at is None
    intents = (
        intent_of(entry, feed=feed, feed_title=parsed.title, baseline=baseline, now=now)
        for entry in parsed.entries
        if feed.cross or entry.announce not in _CROSS
    )
    with bounded_latex():
        return tuple(intent for intent in intents if intent is not None)


def decide_entries(
    intents: Sequence[PaperIntent],
    known: KnownPapers,
    *,
    feed_id: FeedId,
    now: datetime,
    latest_opening: timedelta,
    backfill: bool = False,
) -> IngestPlan:
    """Decide what the entries of one document change.

    Args:
        intents: From `intents_of`, in the order of the document.
        known: Every alias of `intents`, as the store knows it.
        feed_id: The feed they stand in.
        now: Aware UTC instant of the poll.
        latest_opening: How long after a paper was first seen a window may still open
            (`retention_days − 2 × eligibility_days`).
        backfill: Whether the document is of a past day, read by looking back: then papers
            count as first seen on the day they were listed, and no window opens.

    Returns:
        The plan: empty when the document says nothing new.
    """
    joiner = Joiner(known)
    unidentified = 0
    for intent in intents:
        at = min(now, _noon(intent.listed_on)) if backfill else now
        draft = joiner.join(intent.aliases, _blank(intent, at))
        if draft is None:
            unidentified += 1
            continue
        _read_texts(draft, intent, feed_id)
        _list(draft, intent, feed_id, now.date())
        if backfill:
            _look_back(draft, feed_id, at)
        else:
            _open(draft, intent, feed_id=feed_id, now=now, latest_opening=latest_opening)
    for draft in joiner.drafts:
        _finish(draft, latest_opening)
    return _plan(joiner, unidentified)


def latest_opening(*, eligibility_days: int, retention_days: int) -> timedelta:
    """Return how long after first sight of a paper a window may still open."""
    return timedelta(days=retention_days - 2 * eligibility_days)


def _blank(intent: PaperIntent, now: datetime) -> Paper:
    return Paper(
        id=PaperId(0),
        alias=intent.aliases[0],
        title=intent.title,
        abstract=intent.abstract,
        authors=intent.authors,
        venue=intent.venue,
        url=_page(intent.aliases[0], intent.url),
        published_on=intent.published_on,
        version=intent.version,
        first_seen_at=now,
    )


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def _read_texts(draft: Draft, intent: PaperIntent, feed_id: FeedId) -> None:
    revised = (
        draft.known is not None
        and intent.version is not None
        and intent.version > (draft.paper.version or 1)
    )
    if revised:
        draft.revised_to = intent.version
    alone = set(draft.windows) <= {feed_id}
    draft.paper = absorb(draft.paper, intent, may_retitle=alone)
    for tag in intent.tags:
        draft.tags.setdefault(tag.casefold(), tag)


def _open(
    draft: Draft,
    intent: PaperIntent,
    *,
    feed_id: FeedId,
    now: datetime,
    latest_opening: timedelta,
) -> None:
    """Record the feed's first listing, and whether it opens a window."""
    window = draft.windows.get(feed_id)
    if window is None or window.backfilled:
        in_time = now <= draft.paper.first_seen_at + latest_opening
        draft.windows[feed_id] = Window(
            paper_id=draft.paper.id,
            feed_id=feed_id,
            listed_at=now,
            opened_at=now if intent.opens_window and in_time else None,
        )
    elif draft.known is None and intent.opens_window and window.opened_at is None:
        # The document announces the paper and its replacement: it is new all the same.
        draft.windows[feed_id] = replace(window, opened_at=window.listed_at)


def _look_back(draft: Draft, feed_id: FeedId, at: datetime) -> None:
    """Say that the feed listed the paper, in a way that changes nothing about mailing."""
    draft.windows.setdefault(
        feed_id,
        Window(
            paper_id=draft.paper.id,
            feed_id=feed_id,
            listed_at=at,
            opened_at=None,
            backfilled=True,
        ),
    )


def _list(draft: Draft, intent: PaperIntent, feed_id: FeedId, today: date) -> None:
    """Record the listing, unless it says nothing that an earlier one did not say."""
    scored = any(n is not None for n in (intent.upvotes, intent.comments, intent.stars))
    known = draft.windows.get(feed_id)
    if known is not None and not known.backfilled and not scored:
        return
    key = (feed_id, intent.listed_on)
    before = draft.listings.get(key)
    draft.listings[key] = Listing(
        paper_id=draft.paper.id,
        feed_id=feed_id,
        day=intent.listed_on,
        upvotes=_newest(intent.upvotes, before.upvotes if before else None),
        comments=_newest(intent.comments, before.comments if before else None),
        stars=_newest(intent.stars, before.stars if before else None),
    )
    if scored:
        draft.paper = replace(
            draft.paper,
            comments=_newest(intent.comments, draft.paper.comments),
            stars=_newest(intent.stars, draft.paper.stars),
        )
        _score(draft, intent, feed_id, today)


def _score(draft: Draft, intent: PaperIntent, feed_id: FeedId, today: date) -> None:
    """Remember today's counts, and how upvotes changed since the day before."""
    if intent.upvotes is not None:
        before = newest_before(draft.scores, feed_id=feed_id, day=today)
        draft.paper = replace(
            draft.paper,
            upvotes=intent.upvotes,
            upvotes_change=None if before is None else intent.upvotes - before,
        )
    draft.new_scores[feed_id] = Score(
        paper_id=draft.paper.id,
        feed_id=feed_id,
        day=today,
        upvotes=intent.upvotes,
        comments=intent.comments,
        stars=intent.stars,
    )


def _newest(new: int | None, old: int | None) -> int | None:
    return old if new is None else new


def _finish(draft: Draft, latest_opening: timedelta) -> None:
    alias = canonical_order(draft.aliases)[0] if draft.aliases else draft.paper.alias
    if alias != draft.paper.alias:
        elsewhere = draft.paper
        draft.paper = replace(draft.paper, alias=alias, url=_page(alias, draft.paper.url))
        if draft.paper.url != elsewhere.url:
            draft.paper = absorb(draft.paper, elsewhere)
    if draft.merged:
        # A merge may make a paper older: a window it opened too late closes for good,
        # because the memory of who was sent the older half may be gone.
        limit = draft.paper.first_seen_at + latest_opening
        for feed_id, window in draft.windows.items():
            if window.opened_at is not None and window.opened_at > limit:
                draft.windows[feed_id] = replace(window, opened_at=None)


def _page(alias: Alias, url: str) -> str:
    """Return a paper's own page: arXiv's for arXiv papers, else where the feed leads."""
    home = url_of(alias) or ""
    return home if scheme_of(alias) == "arxiv" or not url else url


def _plan(joiner: Joiner, unidentified: int) -> IngestPlan:
    drafts = tuple(joiner.drafts)
    return IngestPlan(
        inserts=tuple(draft.paper for draft in drafts if draft.known is None),
        updates=tuple(
            draft.paper
            for draft in drafts
            if draft.known is not None and draft.paper != draft.known.paper
        ),
        merges=tuple(joiner.merges),
        aliases=tuple(
            (alias, owner.paper.id if owner else None)
            for alias, owner in joiner.alias_changes.items()
        ),
        tags=tuple((draft.paper.id, tag) for draft in drafts for tag in _new_tags(draft)),
        revisions=tuple(_revision(draft) for draft in drafts if draft.revised_to is not None),
        listings=tuple(
            listing
            if listing.paper_id == draft.paper.id
            else replace(listing, paper_id=draft.paper.id)
            for draft in drafts
            for listing in draft.listings.values()
        ),
        scores=tuple(
            replace(score, paper_id=draft.paper.id)
            for draft in drafts
            for score in draft.new_scores.values()
            if score not in draft.scores
        ),
        windows=tuple(window for draft in drafts for window in _new_windows(draft)),
        unidentified=unidentified,
    )


def _new_tags(draft: Draft) -> list[str]:
    had = {tag.casefold() for tag in draft.known.paper.tags} if draft.known else set()
    return [tag for key, tag in draft.tags.items() if key not in had]


def _new_windows(draft: Draft) -> list[Window]:
    had = draft.known.windows if draft.known else ()
    return [window for window in draft.windows.values() if window not in had]


def _revision(draft: Draft) -> Revision:
    assert draft.known is not None
    assert draft.revised_to is not None
    return Revision(
        paper_id=draft.paper.id,
        version=draft.revised_to,
        changed=changed_texts(draft.known.paper, draft.paper),
    )
