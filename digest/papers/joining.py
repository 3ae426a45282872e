"""Join what entries say to papers, new or known (docs/adr/0002-identity.md).

Two different arXiv ids never become one paper; an alias that two such papers claim
belongs to neither. Titles join only what no identifier keeps apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from digest.model import (
    Alias,
    FeedId,
    KnownPaper,
    KnownPapers,
    Listing,
    Merge,
    Paper,
    PaperId,
    Score,
    Window,
)
from digest.papers.absorb import absorb
from digest.papers.identity import WEAK_SCHEMES, canonical_order, is_preprint_doi, scheme_of


@dataclass(slots=True, kw_only=True)
class Draft:
    """A paper while a document is read. Only `decide` changes it.

    `known` is what the store held, None for a new paper. `named_by` are the alias sets
    by which entries of this document named it.
    """

    paper: Paper
    known: KnownPaper | None = None
    aliases: set[Alias] = field(default_factory=set)
    windows: dict[FeedId, Window] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)
    new_scores: dict[FeedId, Score] = field(default_factory=dict)
    listings: dict[tuple[FeedId, date], Listing] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    named_by: list[frozenset[Alias]] = field(default_factory=list)
    revised_to: int | None = None
    merged: bool = False

    @property
    def age(self) -> tuple[bool, datetime, PaperId]:
        """Sorts stored papers before new ones, then by first seen."""
        return (self.known is None, self.paper.first_seen_at, self.paper.id)


class Joiner:
    """Finds, makes and merges the drafts that entries name.

    Args:
        known: Every alias that the document uses, as the store knows it.
    """

    def __init__(self, known: KnownPapers) -> None:
        self._known = known
        self._drafts: dict[PaperId, Draft] = {}
        self._owners: dict[Alias, Draft | None] = {}
        self._next_id = -1
        self.alias_changes: dict[Alias, Draft | None] = {}
        self.merges: list[Merge] = []

    @property
    def drafts(self) -> Iterable[Draft]:
        """All papers named so far that were not merged away, in the order of naming."""
        return self._drafts.values()

    def join(self, aliases: Sequence[Alias], blank: Paper) -> Draft | None:
        """Return the paper these aliases name, made from `blank` when nobody has it.

        Papers that the aliases connect are merged. None when every alias is disputed.
        """
        ids = frozenset(aliases)
        target: Draft | None = None
        refused: set[Alias] = set()
        for alias in canonical_order(aliases):
            owner = self._owner(alias)
            if owner is None or owner is target:
                continue
            if not _may_join(alias, ids, owner, in_document=True) or (
                target is not None
                and not _may_join(alias, frozenset(target.aliases), owner, in_document=False)
            ):
                if len(owner.aliases) > 1:
                    self._dispute(alias, owner)
                refused.add(alias)
            elif target is None:
                target = owner
            else:
                target = self._merge(target, owner)
        free = [a for a in aliases if a not in refused and not self._is_disputed(a)]
        if target is None:
            if not free:
                return None
            target = self._make(blank)
        for alias in free:
            if self._owners.get(alias) is not target:
                self._give(alias, target)
        target.named_by.append(ids)
        return target

    def _owner(self, alias: Alias) -> Draft | None:
        if alias not in self._owners:
            owner_id = self._known.owners.get(alias)
            if owner_id is None:
                return None
            self._owners[alias] = self._load(owner_id)
        return self._owners[alias]

    def _is_disputed(self, alias: Alias) -> bool:
        if alias in self._owners:
            return self._owners[alias] is None
        return alias in self._known.owners and self._known.owners[alias] is None

    def _load(self, paper_id: PaperId) -> Draft:
        draft = self._drafts.get(paper_id)
        if draft is None:
            known = self._known.papers[paper_id]
            draft = Draft(
                paper=known.paper,
                known=known,
                aliases=set(known.aliases),
                windows={window.feed_id: window for window in known.windows},
                scores=list(known.scores),
            )
            self._drafts[paper_id] = draft
            for alias in known.aliases:
                self._owners.setdefault(alias, draft)
        return draft

    def _make(self, blank: Paper) -> Draft:
        paper_id = PaperId(self._next_id)
        self._next_id -= 1
        draft = Draft(paper=replace(blank, id=paper_id))
        self._drafts[paper_id] = draft
        return draft

    def _give(self, alias: Alias, draft: Draft) -> None:
        draft.aliases.add(alias)
        self._owners[alias] = draft
        self.alias_changes[alias] = draft

    def _dispute(self, alias: Alias, owner: Draft) -> None:
        owner.aliases.discard(alias)
        self._owners[alias] = None
        self.alias_changes[alias] = None

    def _merge(self, one: Draft, other: Draft) -> Draft:
        kept, gone = (one, other) if one.age <= other.age else (other, one)
        kept.paper = _with_counts(absorb(kept.paper, gone.paper), gone.paper)
        for window in gone.windows.values():
            mine = kept.windows.get(window.feed_id)
            if mine is None or _precedes(window, mine):
                kept.windows[window.feed_id] = replace(window, paper_id=kept.paper.id)
        kept.scores += gone.scores
        for key, listing in gone.listings.items():
            kept.listings.setdefault(key, listing)
        for feed_id, score in gone.new_scores.items():
            kept.new_scores.setdefault(feed_id, score)
        for tag_key, tag in gone.tags.items():
            kept.tags.setdefault(tag_key, tag)
        kept.named_by += gone.named_by
        kept.merged = True
        for alias in gone.aliases:
            self._give(alias, kept)
        del self._drafts[gone.paper.id]
        if gone.known is not None:
            self.merges.append(Merge(old_id=gone.paper.id, paper_id=kept.paper.id))
        return kept


def _precedes(window: Window, mine: Window) -> bool:
    """Tell which of two first listings on one feed counts: a poll's before a backfill's."""
    if window.backfilled != mine.backfilled:
        return mine.backfilled
    return window.listed_at < mine.listed_at


def _may_join(alias: Alias, ids: frozenset[Alias], owner: Draft, *, in_document: bool) -> bool:
    """Tell whether `alias` may connect something named `ids` with the paper that owns it."""
    if _differ(_of(ids, "arxiv"), _of(owner.aliases, "arxiv")):
        return False
    if scheme_of(alias) not in WEAK_SCHEMES:
        return True
    if _differ(_of(ids, "pmid"), _of(owner.aliases, "pmid")) or _dois_differ(ids, owner.aliases):
        return False
    if scheme_of(alias) == "title" and any(
        _differ(mine, _own_ids(owner.aliases).get(feed, frozenset()))
        for feed, mine in _own_ids(ids).items()
    ):
        return False
    # Within one document a title joins nothing but the same entry twice.
    return not in_document or all(_strong(named) == _strong(ids) for named in owner.named_by)


def _of(aliases: Iterable[Alias], scheme: str) -> frozenset[Alias]:
    return frozenset(alias for alias in aliases if scheme_of(alias) == scheme)


def _strong(aliases: Iterable[Alias]) -> frozenset[Alias]:
    return frozenset(alias for alias in aliases if scheme_of(alias) not in WEAK_SCHEMES)


def _own_ids(aliases: Iterable[Alias]) -> dict[str, frozenset[Alias]]:
    """Group `feed:<name>:<id>` aliases by the feed's name."""
    grouped: dict[str, frozenset[Alias]] = {}
    for alias in _of(aliases, "feed"):
        name = alias.split(":", 2)[1]
        grouped[name] = grouped.get(name, frozenset()) | {alias}
    return grouped


def _differ(mine: frozenset[Alias], theirs: frozenset[Alias]) -> bool:
    return bool(mine) and bool(theirs) and mine.isdisjoint(theirs)


def _dois_differ(mine: Iterable[Alias], theirs: Iterable[Alias]) -> bool:
    """Tell whether DOIs keep two papers apart: a preprint and its journal version do not."""
    ours, others = _of(mine, "doi"), _of(theirs, "doi")
    if not _differ(ours, others):
        return False
    kinds = [{is_preprint_doi(doi) for doi in dois} for dois in (ours, others)]
    return kinds[0] == kinds[1] or len(kinds[0]) > 1 or len(kinds[1]) > 1


def _with_counts(paper: Paper, other: Paper) -> Paper:
    """Keep the higher counts of two halves: a count seldom falls."""
    return replace(
        paper,
        first_seen_at=min(paper.first_seen_at, other.first_seen_at),
        upvotes=_higher(paper.upvotes, other.upvotes),
        comments=_higher(paper.comments, other.comments),
        stars=_higher(paper.stars, other.stars),
    )


def _higher(mine: int | None, theirs: int | None) -> int | None:
    return max((n for n in (mine, theirs) if n is not None), default=None)
