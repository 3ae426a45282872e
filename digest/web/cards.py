"""Papers as the site prints them: cards in lists, and the links between pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from digest.digests.card import paper_view
from digest.digests.plain import one_line, shorten
from digest.digests.reasons import Segment, why_line
from digest.model import Alias, Link, Paper, Reason
from digest.store.library import Count, Tally

MAX_ABSTRACT = 6_000
_MAX_TAGS = 4
_MAX_TAG = 40
_SNIPPET = 260
_PLAIN_PATHS = ("arxiv:", "doi:", "pmid:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A link of ours: its text, and where it leads; `current` marks where one is."""

    text: str
    url: str
    count: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """One paper in a list. Empty texts are left out by the template.

    `abstract` is the whole text where `snippet` is only its beginning, else empty.
    """

    title: str
    url: str
    source_url: str
    meta: str
    upvotes: str
    change: str
    snippet: str
    abstract: str
    tags: tuple[Anchor, ...]
    also: tuple[Link, ...]
    why: tuple[Segment, ...] = ()


class Paths:
    """Addresses of our own pages, below the path of the site.

    Args:
        base: Path before every link, such as `/papers` behind a proxy, or empty.
    """

    def __init__(self, base: str) -> None:
        self.base = base

    def paper(self, alias: Alias) -> str:
        """Return the page of a paper."""
        safe = ":/" if alias.startswith(_PLAIN_PATHS) else ":"
        return f"{self.base}/papers/{quote(alias, safe=safe)}"

    def tag(self, tag: str) -> str:
        """Return the page of a tag."""
        return f"{self.base}/tags/{quote(tag, safe='')}"

    def to(self, path: str, **query: str) -> str:
        """Return a page of ours with those of the parameters that are not empty."""
        given = {name: value for name, value in query.items() if value}
        return f"{self.base}{path}" + (f"?{urlencode(given)}" if given else "")


def card(
    paper: Paper, paths: Paths, reasons: tuple[Reason, ...] = (), *, when: str = ""
) -> CardView:
    """Print one paper as a card.

    `when` is the day of an edition ("today", "that day"): its papers are "new", or
    have so many upvotes more.
    """
    view = paper_view(paper)
    whole = shorten(one_line(paper.abstract), MAX_ABSTRACT)
    snippet = shorten(whole, _SNIPPET)
    return CardView(
        title=view.title,
        url=paths.paper(paper.alias),
        source_url=view.url,
        meta=view.meta,
        upvotes=view.upvotes,
        change=_change(paper, when),
        snippet=snippet,
        abstract=whole if whole != snippet else "",
        tags=tag_anchors(paper.tags, paths, limit=_MAX_TAGS),
        also=view.also,
        why=why_line(reasons) if reasons else (),
    )


def tag_anchors(tags: Iterable[str], paths: Paths, *, limit: int) -> tuple[Anchor, ...]:
    """Print tags as links."""
    names = [name for name in dict.fromkeys(tags) if one_line(name)]
    return tuple(
        Anchor(text=shorten(one_line(name), _MAX_TAG), url=paths.tag(name))
        for name in names[:limit]
    )


def tally_anchors(tallies: Iterable[Tally], paths: Paths) -> tuple[Anchor, ...]:
    """Print tags with their counts."""
    return tuple(
        Anchor(
            text=shorten(one_line(one.name), _MAX_TAG),
            url=paths.tag(one.name),
            count=f"{one.papers:,}",
        )
        for one in tallies
        if one_line(one.name)
    )


def plain_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that can stand in a form as they are, without hidden characters."""
    return tuple(name for name in names if name and name == one_line(name))


def papers_of(count: int) -> str:
    """Say a number of papers: "1 paper", "1,902 papers"."""
    return "1 paper" if count == 1 else f"{count:,} papers"


def count_words(count: Count) -> str:
    """Say a count that may go on: "10,000+ papers", "at most 420 papers"."""
    said = f"{count.value:,}+ papers" if count.more else papers_of(count.value)
    return f"at most {said}" if count.at_most and not count.more else said


def _change(paper: Paper, when: str) -> str:
    if paper.upvotes is None or not when:
        return ""
    if paper.upvotes_change is None:
        return "new"
    return f"+{paper.upvotes_change:,} {when}" if paper.upvotes_change > 0 else ""
