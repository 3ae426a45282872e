"""Papers in the store: read them by alias, by id, by window and by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, func, or_
from sqlalchemy import select as core_select
from sqlmodel import Session, col, select

from digest.model import Alias, FeedId, Link, Paper, PaperId, Revision, Window
from digest.store.chunks import chunks
from digest.store.feeds import SIGNAL_FEEDS
from digest.store.tables import (
    AliasRow,
    FeedRow,
    ListingRow,
    MergedPaperRow,
    PaperRow,
    PaperTagRow,
    RevisionRow,
    TagRow,
    WindowRow,
)

"""SQLite takes 32,766 parameters a statement."""


def get_paper(tx: Session, alias: Alias) -> Paper | None:
    """Return the paper that any of its aliases names, None when there is none."""
    paper_id = tx.exec(select(AliasRow.paper_id).where(col(AliasRow.alias) == alias)).first()
    if paper_id is None:
        return None
    return load_papers(tx, [PaperId(paper_id)]).get(PaperId(paper_id))


def get_papers(tx: Session, ids: Iterable[PaperId]) -> dict[PaperId, Paper]:
    """Return papers by the ids asked for.

    An id that was merged away gives the paper it became, so that two ids may give the
    same one. Ids of no paper are left out.
    """
    asked = set(ids)
    found = load_papers(tx, asked)
    lost = asked - found.keys()
    if lost:
        became = {
            PaperId(old_id): PaperId(paper_id)
            for chunk in chunks(lost)
            for old_id, paper_id in tx.execute(
                _columns(MergedPaperRow.old_id, MergedPaperRow.paper_id).where(
                    col(MergedPaperRow.old_id).in_(chunk)
                )
            )
        }
        left = load_papers(tx, set(became.values()))
        found.update({old: left[new] for old, new in became.items() if new in left})
    return found


def open_papers(
    tx: Session, now: datetime, *, eligibility_days: int
) -> list[tuple[Paper, datetime]]:
    """Return the papers with an open window, the newest first.

    A window is open for `eligibility_days` from its opening on. The instant beside each
    paper is when its newest one opened: the paper is eligible for whoever consented
    before.
    """
    newest = func.max(WindowRow.opened_at)
    rows = tx.execute(
        _columns(WindowRow.paper_id, newest.label("opened_at"))
        .where(
            col(WindowRow.opened_at) > now - timedelta(days=eligibility_days),
            col(WindowRow.opened_at) <= now,
        )
        .group_by(col(WindowRow.paper_id))
        .order_by(newest.desc(), col(WindowRow.paper_id).desc())
    ).all()
    papers = load_papers(tx, [PaperId(row.paper_id) for row in rows])
    return [(papers[PaperId(row.paper_id)], row.opened_at) for row in rows]


def recent_papers(tx: Session, since: datetime, until: datetime) -> list[Paper]:
    """Return the papers first seen or listed between two instants, the newest first.

    Both ends count; listings by their day. Those of a feed's baseline are among them.
    """
    listed = (
        select(ListingRow.paper_id)
        .where(
            col(ListingRow.day) >= since.date(),
            col(ListingRow.day) <= until.date(),
            col(ListingRow.feed_id).not_in(SIGNAL_FEEDS),
        )
        .distinct()
    )
    ids = tx.exec(
        select(PaperRow.id)
        .where(
            or_(
                col(PaperRow.first_seen_at).between(since, until),
                col(PaperRow.id).in_(listed),
            ),
            col(PaperRow.first_seen_at) <= until,
        )
        .order_by(col(PaperRow.first_seen_at).desc(), col(PaperRow.id).desc())
    ).all()
    order = [PaperId(paper_id) for paper_id in ids if paper_id is not None]
    papers = load_papers(tx, order)
    return [papers[paper_id] for paper_id in order]


def count_papers(tx: Session) -> int:
    """Return how many papers there are."""
    return tx.exec(select(func.count()).select_from(PaperRow)).one()


def paper_aliases(tx: Session, paper_id: PaperId) -> tuple[Alias, ...]:
    """Return all aliases of a paper, in no order that matters."""
    rows = tx.exec(
        select(AliasRow.alias).where(col(AliasRow.paper_id) == paper_id).order_by(AliasRow.alias)
    ).all()
    return tuple(Alias(alias) for alias in rows)


def paper_windows(tx: Session, paper_id: PaperId) -> list[tuple[str, Window]]:
    """Return a paper's first listing on each feed, with the feed's name, oldest first."""
    rows = tx.exec(
        select(FeedRow.name, WindowRow)
        .join(WindowRow, col(WindowRow.feed_id) == col(FeedRow.id))
        .where(col(WindowRow.paper_id) == paper_id)
        .order_by(col(WindowRow.listed_at), col(FeedRow.name))
    ).all()
    return [(name, window_value(row)) for name, row in rows]


def paper_revisions(tx: Session, paper_id: PaperId) -> list[tuple[datetime, Revision]]:
    """Return a paper's later versions and when each was seen, oldest first."""
    rows = tx.exec(
        select(RevisionRow)
        .where(col(RevisionRow.paper_id) == paper_id)
        .order_by(col(RevisionRow.version))
    ).all()
    return [
        (
            row.seen_at,
            Revision(paper_id=paper_id, version=row.version, changed=tuple(row.changed)),
        )
        for row in rows
    ]


def load_papers(
    tx: Session, ids: Collection[PaperId], *, topics: bool = True
) -> dict[PaperId, Paper]:
    """Return papers by exactly these ids: four queries for any number up to 10,000.

    Args:
        tx: A transaction.
        ids: Of papers that were not merged away.
        topics: Whether tags that are topics are among the tags.
    """
    papers: dict[PaperId, Paper] = {}
    for chunk in chunks(ids):
        tags = _names_by_paper(
            tx,
            _columns(PaperTagRow.paper_id, TagRow.name)
            .join(TagRow, col(TagRow.id) == col(PaperTagRow.tag_id))
            .where(
                col(PaperTagRow.paper_id).in_(chunk),
                *(() if topics else (col(PaperTagRow.topic).is_(False),)),
            )
            .order_by(col(PaperTagRow.paper_id), col(PaperTagRow.topic), col(PaperTagRow.tag_id)),
        )
        feeds = _names_by_paper(
            tx,
            _columns(WindowRow.paper_id, FeedRow.name)
            .join(FeedRow, col(FeedRow.id) == col(WindowRow.feed_id))
            .where(col(WindowRow.paper_id).in_(chunk))
            .order_by(col(WindowRow.paper_id), col(WindowRow.listed_at), col(WindowRow.feed_id)),
        )
        rows = tx.execute(_TABLE.select().where(_TABLE.c.id.in_(chunk))).all()
        for row in rows:
            papers[PaperId(row.id)] = _paper(row, tags=tags[row.id], feeds=feeds[row.id])
    return papers


def window_value(row: WindowRow) -> Window:
    """Turn a row into a value."""
    return Window(
        paper_id=PaperId(row.paper_id),
        feed_id=FeedId(row.feed_id),
        listed_at=row.listed_at,
        opened_at=row.opened_at,
        backfilled=row.backfilled,
    )


_TABLE = PaperRow.metadata.tables["paper"]


def _columns(*columns: Any) -> Select[Any]:
    return core_select(*columns)


def _names_by_paper(tx: Session, statement: Select[Any]) -> dict[int, list[str]]:
    names: dict[int, list[str]] = defaultdict(list)
    for paper_id, name in tx.execute(statement):
        names[paper_id].append(name)
    return names


def _paper(row: Row[Any], *, tags: Sequence[str], feeds: Sequence[str]) -> Paper:
    return Paper(
        id=PaperId(row.id),
        alias=Alias(row.alias),
        title=row.title,
        abstract=row.abstract,
        authors=tuple(row.authors),
        venue=row.venue,
        url=row.url,
        tags=tuple(tags),
        feeds=tuple(feeds),
        links=tuple(Link(label=label, url=url) for label, url in row.links),
        published_on=row.published_on,
        version=row.version,
        first_seen_at=row.first_seen_at,
        upvotes=row.upvotes,
        upvotes_change=row.upvotes_change,
        comments=row.comments,
        stars=row.stars,
    )
