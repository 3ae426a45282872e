"""Which texts of a paper win when several sources or versions give them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from digest.model import Link, Paper, PaperIntent
from digest.papers.intents import MAX_LINKS, site_label
from digest.papers.own_ids import place_of

_MUCH_LONGER = 1.5


def absorb(paper: Paper, other: Paper | PaperIntent, *, may_retitle: bool = False) -> Paper:
    """Return `paper` with the texts of `other` where those are better.

    A newer version wins, and a source that names its version (the origin: arXiv,
    bioRxiv) wins over one that does not. Otherwise what is empty is filled, a cut
    abstract gives way to a whole one, an unsplit author string to names.

    Args:
        paper: As it reads now.
        other: Another source, version, or the other half of a merge.
        may_retitle: Whether texts without a version replace those without one: true
            when the only feed that lists the paper speaks again.
    """
    newer = other.version is not None and other.version > (paper.version or 0)
    older = other.version is not None and other.version < (paper.version or 0)
    wins = newer or (may_retitle and paper.version is None and other.version is None)
    origin_speaks = newer and paper.version is None
    return replace(
        paper,
        title=other.title if wins and other.title else paper.title,
        abstract=_better_abstract(paper.abstract, other.abstract, wins=wins, older=older),
        authors=_better_authors(paper.authors, other.authors, wins=wins),
        venue=other.venue if other.venue and (origin_speaks or not paper.venue) else paper.venue,
        url=paper.url or other.url,
        links=_joined_links(paper, other),
        published_on=min(
            (day for day in (paper.published_on, other.published_on) if day), default=None
        ),
        version=max((v for v in (paper.version, other.version) if v is not None), default=None),
    )


def changed_texts(before: Paper, after: Paper) -> tuple[str, ...]:
    """Name the texts that differ between two readings of one paper."""
    return tuple(
        name
        for name in ("title", "abstract", "authors")
        if getattr(before, name) != getattr(after, name)
    )


def _better_abstract(mine: str, theirs: str, *, wins: bool, older: bool) -> str:
    if not theirs:
        return mine
    if not mine:
        return theirs
    if _is_cut(theirs) and len(theirs) < len(mine):
        return mine
    if wins:
        return theirs
    whole_at_last = _is_cut(mine) and len(theirs) > len(mine)
    much_longer = not older and len(theirs) > _MUCH_LONGER * len(mine)
    return theirs if whole_at_last or much_longer else mine


def _is_cut(text: str) -> bool:
    return text.endswith(("…", "..."))


def _better_authors(
    mine: tuple[str, ...], theirs: tuple[str, ...], *, wins: bool
) -> tuple[str, ...]:
    if not theirs:
        return mine
    if wins and not (len(theirs) == 1 and len(mine) > 1):
        return theirs
    return theirs if len(mine) <= 1 < len(theirs) or not mine else mine


def _joined_links(paper: Paper, other: Paper | PaperIntent) -> tuple[Link, ...]:
    links = {place_of(link.url): link for link in paper.links}
    for link in _links_and_page(other):
        if place_of(link.url) != place_of(paper.url):
            links.setdefault(place_of(link.url), link)
    return tuple(links.values())[:MAX_LINKS]


def _links_and_page(other: Paper | PaperIntent) -> Iterable[Link]:
    yield from other.links
    if other.url:
        yield Link(label=site_label(other.url), url=other.url)
