"""The full-text index of papers, and the topics found in them: written with the paper.

SQLite keeps it in an FTS5 table, PostgreSQL in a tsvector with a GIN index; migrations
make both by hand, and SQLAlchemy does not know them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    column,
    delete,
    distinct,
    func,
    literal,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlmodel import Session

from digest.model import Paper, PaperId, PaperNote, PaperWords
from digest.store.chunks import chunks
from digest.store.dialect import insert_into, is_postgresql
from digest.store.papers import load_papers
from digest.store.tables import ListingRow, PaperRow, PaperTagRow, TagRow
from digest.store.tsquery import tsquery, tsvector

WORDS_TABLE = "paper_words"
_PAPER = PaperRow.metadata.tables["paper"]
_PAPER_TAG = PaperTagRow.metadata.tables["paper_tag"]
_TAG = TagRow.metadata.tables["tag"]
_LISTING = ListingRow.metadata.tables["listing"]
_ROWID: ColumnClause[int] = column("rowid", Integer)
_WHOLE: ColumnClause[str] = column(WORDS_TABLE, String)
"""A column named like the table stands for all of its columns."""
_WORDS = table(
    WORDS_TABLE, _ROWID, _WHOLE, *(column(one.name, String) for one in fields(PaperWords))
)
_PAPER_ID: ColumnClause[int] = column("paper_id", Integer)
_VECTOR: ColumnClause[Any] = column("words", TSVECTOR)
_VECTORS = table(WORDS_TABLE, _PAPER_ID, _VECTOR)


class PaperReader(Protocol):
    """What storing a paper needs of `matching.annotate.Annotator`."""

    @property
    def fingerprint(self) -> str:
        """Changes with whatever may change a note."""
        ...

    def annotate(self, papers: Sequence[Paper]) -> list[PaperNote]:
        """Read papers."""
        ...


def annotate_papers(tx: Session, reader: PaperReader, ids: Collection[PaperId]) -> None:
    """Read these papers anew, and keep what was found."""
    for chunk in chunks(ids):
        papers = load_papers(tx, chunk, topics=False)
        notes = reader.annotate(list(papers.values()))
        if not notes:
            continue
        _write_words(tx, notes)
        _write_topics(tx, notes)
        tx.connection().execute(
            update(_PAPER)
            .where(_PAPER.c.id == bindparam("paper_id"))
            .values(annotated_with=reader.fingerprint),
            [{"paper_id": note.paper_id} for note in notes],
        )


def any_stale(tx: Session, fingerprint: str) -> bool:
    """Tell whether some paper was read otherwise than now; costs three looks at an index."""
    with_ = _PAPER.c.annotated_with
    asked = (with_.is_(None), with_ < fingerprint, with_ > fingerprint)
    return any(
        tx.execute(select(_PAPER.c.id).where(one).limit(1)).first() is not None for one in asked
    )


def stale_papers(tx: Session, fingerprint: str, *, limit: int) -> list[PaperId]:
    """Return papers that were read otherwise than now, the newest first."""
    rows = tx.execute(
        select(_PAPER.c.id)
        .where(_read_otherwise(fingerprint))
        .order_by(_PAPER.c.id.desc())
        .limit(limit)
    )
    return [PaperId(one) for one in rows.scalars()]


def stale_between(tx: Session, fingerprint: str, since: datetime, until: datetime) -> list[PaperId]:
    """Return papers seen between two instants that the index does not know as they read now."""
    # The days are looked at here: a plan that began with them would read every row.
    rows = tx.execute(
        select(_PAPER.c.id, _PAPER.c.first_seen_at).where(_read_otherwise(fingerprint))
    )
    return [PaperId(row.id) for row in rows if since <= row.first_seen_at <= until]


def matching_ids(tx: Session, expression: str) -> Select[Any]:
    """Choose the ids of the papers that an expression of the index finds."""
    if is_postgresql(tx):
        return select(_PAPER_ID).where(_VECTOR.op("@@")(literal(tsquery(expression), TSQUERY)))
    return select(_ROWID).where(_WHOLE.op("MATCH")(expression))


def count_seen(tx: Session, since: datetime, until: datetime) -> int:
    """Return how many papers were first seen or listed between two instants."""
    seen = select(func.count()).where(_PAPER.c.first_seen_at.between(since, until))
    older = (
        select(func.count(distinct(_LISTING.c.paper_id)))
        .join(_PAPER, _PAPER.c.id == _LISTING.c.paper_id)
        .where(listed_between(since, until), _PAPER.c.first_seen_at < since)
    )
    return int(tx.execute(seen).scalar_one()) + int(tx.execute(older).scalar_one())


def seen_ids(tx: Session, since: datetime, until: datetime) -> list[PaperId]:
    """Return the papers first seen or listed between two instants, in no order."""
    rows = tx.execute(select(_PAPER.c.id).where(seen_between(since, until)))
    return [PaperId(one) for one in rows.scalars()]


def count_tagged(tx: Session, names: Sequence[str]) -> dict[str, int]:
    """Return how many papers carry each of these tags, compared without case."""
    keys = {name.casefold(): name for name in names}
    rows = tx.execute(
        select(_TAG.c.key, func.count())
        .join(_PAPER_TAG, _PAPER_TAG.c.tag_id == _TAG.c.id)
        .where(_TAG.c.key.in_(list(keys)))
        .group_by(_TAG.c.key)
    )
    return {keys[key]: count for key, count in rows}


def _read_otherwise(fingerprint: str) -> ColumnElement[bool]:
    with_ = _PAPER.c.annotated_with
    return or_(with_.is_(None), with_ < fingerprint, with_ > fingerprint)  # an index serves these


def seen_between(since: datetime, until: datetime) -> ColumnElement[bool]:
    """Tell of a row of `paper` whether it was first seen, or listed, between two instants."""
    seen_at = _PAPER.c.first_seen_at
    listed = select(_LISTING.c.paper_id).where(
        _LISTING.c.paper_id == _PAPER.c.id, listed_between(since, until)
    )
    return and_(seen_at <= until, or_(seen_at >= since, listed.exists()))


def listed_between(since: datetime, until: datetime) -> ColumnElement[bool]:
    """Tell of a row of `listing` whether its day is one from `since` to `until`."""
    return _LISTING.c.day.between(since.date(), until.date())


def _write_words(tx: Session, notes: Sequence[PaperNote]) -> None:
    run = tx.connection().execute
    if is_postgresql(tx):
        run(delete(_VECTORS).where(_PAPER_ID.in_([note.paper_id for note in notes])))
        run(
            _VECTORS.insert(),
            [{"paper_id": note.paper_id, "words": tsvector(note.words)} for note in notes],
        )
        return
    run(
        delete(_WORDS).where(bindparam("paper_id") == _ROWID),
        [{"paper_id": note.paper_id} for note in notes],
    )
    run(
        _WORDS.insert(),
        [{"rowid": note.paper_id, **asdict(note.words)} for note in notes],
    )


def _write_topics(tx: Session, notes: Sequence[PaperNote]) -> None:
    """Replace the topics of papers; a tag that a feed gave stays the feed's."""
    run = tx.connection().execute
    for chunk in chunks([note.paper_id for note in notes]):
        run(
            delete(_PAPER_TAG).where(_PAPER_TAG.c.paper_id.in_(chunk), _PAPER_TAG.c.topic.is_(True))
        )
    names = {name.casefold(): name for note in notes for name in note.topics}
    if not names:
        return
    run(
        insert_into(tx, _TAG).on_conflict_do_nothing(),
        [{"key": key, "name": name} for key, name in names.items()],
    )
    rows = run(select(_TAG.c.key, _TAG.c.id).where(_TAG.c.key.in_(list(names))))
    ids: dict[str, int] = {row.key: row.id for row in rows}
    run(
        insert_into(tx, _PAPER_TAG).on_conflict_do_nothing(),
        [
            {"paper_id": note.paper_id, "tag_id": ids[name.casefold()], "topic": True}
            for note in notes
            for name in note.topics
        ],
    )
