"""Write what one feed document changes: set-based, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, Table, bindparam, func, or_, select, update
from sqlmodel import Session

from digest.model import (
    Alias,
    FeedId,
    IngestPlan,
    KnownPaper,
    KnownPapers,
    Paper,
    PaperId,
    Score,
    Window,
)
from digest.store.chunks import chunks
from digest.store.dialect import insert_into
from digest.store.merges import merge_papers
from digest.store.papers import load_papers
from digest.store.tables import PaperRow

_TABLES = PaperRow.metadata.tables
_PAPER: Table = _TABLES["paper"]
_ALIAS: Table = _TABLES["alias"]
_TAG: Table = _TABLES["tag"]
_PAPER_TAG: Table = _TABLES["paper_tag"]
_LISTING: Table = _TABLES["listing"]
_SCORE: Table = _TABLES["score"]
_WINDOW: Table = _TABLES["window"]
_REVISION: Table = _TABLES["revision"]


def known_papers(
    tx: Session, aliases: Collection[Alias], *, feed_id: FeedId, today: date
) -> KnownPapers:
    """Return who owns these aliases, and all that ingest has to know of the owners.

    Args:
        tx: A transaction; the writing one of the ingest, so that nothing changes between.
        aliases: All aliases of a document.
        feed_id: The feed it is of: only what that feed counted before matters.
        today: Of scores, those of this day and the last upvotes before it are read.
    """
    owners: dict[Alias, PaperId | None] = {}
    for chunk in chunks(set(aliases)):
        rows = tx.execute(
            select(_ALIAS.c.alias, _ALIAS.c.paper_id).where(_ALIAS.c.alias.in_(chunk))
        )
        owners.update((alias, paper_id) for alias, paper_id in rows)
    ids = {paper_id for paper_id in owners.values() if paper_id is not None}
    papers = load_papers(tx, ids, topics=False)
    names: dict[int, set[Alias]] = defaultdict(set)
    windows: dict[int, list[Window]] = defaultdict(list)
    scores: dict[int, list[Score]] = defaultdict(list)
    for part in chunks(ids):
        for row in tx.execute(select(_ALIAS).where(_ALIAS.c.paper_id.in_(part))):
            names[row.paper_id].add(Alias(row.alias))
        for row in tx.execute(select(_WINDOW).where(_WINDOW.c.paper_id.in_(part))):
            windows[row.paper_id].append(_window(row))
        for row in tx.execute(_last_scores(feed_id, today).where(_SCORE.c.paper_id.in_(part))):
            scores[row.paper_id].append(score_value(row))
    return KnownPapers(
        owners=owners,
        papers={
            paper_id: KnownPaper(
                paper=paper,
                aliases=frozenset(names[paper_id]),
                windows=tuple(windows[paper_id]),
                scores=tuple(scores[paper_id]),
            )
            for paper_id, paper in papers.items()
        },
    )


def _last_scores(feed_id: FeedId, today: date) -> Select[Any]:
    """Select what a feed counted of papers today, and last before: two rows a paper.

    All scores of two months would be sixty rows a paper, each hour.
    """
    earlier = _SCORE.alias()
    before = (
        select(func.max(earlier.c.day))
        .where(
            earlier.c.paper_id == _SCORE.c.paper_id,
            earlier.c.feed_id == feed_id,
            earlier.c.day < today,
            earlier.c.upvotes.is_not(None),
        )
        .scalar_subquery()
    )
    return select(_SCORE).where(
        _SCORE.c.feed_id == feed_id, or_(_SCORE.c.day == today, _SCORE.c.day == before)
    )


def apply_plan(tx: Session, plan: IngestPlan, *, now: datetime) -> set[PaperId]:
    """Write a plan, in the transaction that read what it was decided from.

    Args:
        tx: A writing transaction.
        plan: From `decide_entries`.
        now: Aware UTC instant, recorded on revisions.

    Returns:
        The papers whose texts, tags or feeds may read otherwise now.
    """
    merge_papers(tx, plan.merges)
    _update_papers(tx, plan.updates)
    given = _insert_papers(tx, plan.inserts)

    def real(paper_id: PaperId) -> PaperId:
        return given.get(paper_id, paper_id)

    _upsert(
        tx,
        _ALIAS,
        [
            {"alias": alias, "paper_id": None if owner is None else real(owner)}
            for alias, owner in plan.aliases
        ],
        keys=("alias",),
    )
    _insert_tags(tx, [(real(paper_id), tag) for paper_id, tag in plan.tags])
    _upsert(
        tx,
        _LISTING,
        [
            {
                "paper_id": real(listing.paper_id),
                "feed_id": listing.feed_id,
                "day": listing.day,
                "upvotes": listing.upvotes,
                "comments": listing.comments,
                "stars": listing.stars,
            }
            for listing in plan.listings
        ],
        keys=("paper_id", "feed_id", "day"),
    )
    _upsert(
        tx,
        _SCORE,
        [{**asdict(score), "paper_id": real(score.paper_id)} for score in plan.scores],
        keys=("paper_id", "feed_id", "day"),
    )
    _upsert(
        tx,
        _WINDOW,
        [
            {
                "paper_id": real(window.paper_id),
                "feed_id": window.feed_id,
                "listed_at": window.listed_at,
                "opened_at": window.opened_at,
                "backfilled": window.backfilled,
            }
            for window in plan.windows
        ],
        keys=("paper_id", "feed_id"),
    )
    _record_revisions(tx, plan, now)
    return {real(paper_id) for paper_id in _touched(plan)}


def _touched(plan: IngestPlan) -> set[PaperId]:
    """Name the papers whose words a plan may change; new ones by their provisional ids."""
    return {
        *(merge.paper_id for merge in plan.merges),
        *(paper.id for paper in plan.updates),
        *(paper.id for paper in plan.inserts),
        *(paper_id for paper_id, _ in plan.tags),
        *(window.paper_id for window in plan.windows),
    }


def _insert_papers(tx: Session, papers: Sequence[Paper]) -> dict[PaperId, PaperId]:
    """Insert papers; return the given id of each provisional one."""
    if not papers:
        return {}
    # Found again by alias: to keep the order, SQLite would insert them one by one.
    given = tx.connection().execute(
        _PAPER.insert().returning(_PAPER.c.alias, _PAPER.c.id),
        [_columns(paper) for paper in papers],
    )
    ids = {alias: PaperId(new) for alias, new in given}
    return {paper.id: ids[paper.alias] for paper in papers}


def _update_papers(tx: Session, papers: Sequence[Paper]) -> None:
    if not papers:
        return
    tx.connection().execute(
        update(_PAPER).where(_PAPER.c.id == bindparam("paper_id")),
        [{"paper_id": paper.id, **_columns(paper)} for paper in papers],
    )


def _columns(paper: Paper) -> dict[str, Any]:
    return {
        "alias": paper.alias,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "venue": paper.venue,
        "url": paper.url,
        "links": [[link.label, link.url] for link in paper.links],
        "published_on": paper.published_on,
        "dated_on": paper.published_on or paper.first_seen_at.date(),
        "version": paper.version,
        "first_seen_at": paper.first_seen_at,
        "upvotes": paper.upvotes,
        "upvotes_change": paper.upvotes_change,
        "comments": paper.comments,
        "stars": paper.stars,
    }


def _insert_tags(tx: Session, tags: Sequence[tuple[PaperId, str]]) -> None:
    if not tags:
        return
    names: dict[str, str] = {}
    for _, tag in tags:
        names.setdefault(tag.casefold(), tag)
    tx.connection().execute(
        insert_into(tx, _TAG).on_conflict_do_nothing(),
        [{"key": key, "name": name} for key, name in names.items()],
    )
    ids: dict[str, int] = {}
    for chunk in chunks(names):
        rows = tx.execute(select(_TAG.c.key, _TAG.c.id).where(_TAG.c.key.in_(chunk)))
        ids.update((key, tag_id) for key, tag_id in rows)
    tx.connection().execute(
        # A tag that was only a topic is the feed's from now on.
        insert_into(tx, _PAPER_TAG).on_conflict_do_update(
            index_elements=["paper_id", "tag_id"], set_={"topic": False}
        ),
        [
            {"paper_id": paper_id, "tag_id": ids[tag.casefold()], "topic": False}
            for paper_id, tag in tags
        ],
    )


def _record_revisions(tx: Session, plan: IngestPlan, now: datetime) -> None:
    if not plan.revisions:
        return
    _upsert(
        tx,
        _REVISION,
        [
            {
                "paper_id": revision.paper_id,
                "version": revision.version,
                "seen_at": now,
                "changed": list(revision.changed),
            }
            for revision in plan.revisions
        ],
        keys=("paper_id", "version"),
    )
    tx.connection().execute(
        update(_PAPER).where(_PAPER.c.id == bindparam("id_")).values(revised_at=now),
        [{"id_": revision.paper_id} for revision in plan.revisions],
    )


def _upsert(
    tx: Session, table: Table, rows: Sequence[dict[str, Any]], *, keys: tuple[str, ...]
) -> None:
    if not rows:
        return
    statement = insert_into(tx, table)
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    tx.connection().execute(
        statement.on_conflict_do_update(index_elements=list(keys), set_=changed), list(rows)
    )


def _window(row: Any) -> Window:
    return Window(
        paper_id=PaperId(row.paper_id),
        feed_id=FeedId(row.feed_id),
        listed_at=row.listed_at,
        opened_at=row.opened_at,
        backfilled=row.backfilled,
    )


def score_value(row: Any) -> Score:
    """Turn a row of the score table into a value."""
    return Score(
        paper_id=PaperId(row.paper_id),
        feed_id=FeedId(row.feed_id),
        day=row.day,
        upvotes=row.upvotes,
        comments=row.comments,
        stars=row.stars,
    )
