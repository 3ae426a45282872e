"""A paper as printed: in mails, and on the pages that show papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from digest.digests.plain import one_line, safe_url, shorten
from digest.digests.reasons import Segment, plain_why, why_line
from digest.digests.wording import MAX_NAME, short_authors
from digest.model import Link, Paper, Reason

SNIPPET = 225
MAX_TITLE = 300
MAX_TAGS = 3
MAX_LINKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """What is printed of a paper whoever reads it. Empty texts are left out by the template.

    `upvotes` and `change` read "128" and "+41"; `meta` joins authors and venue,
    `text_meta` upvotes too; `also` are the other places it can be read.
    """

    number: str
    title: str
    url: str
    authors: str
    venue: str
    meta: str
    text_meta: str
    upvotes: str
    change: str
    tags: tuple[str, ...]
    snippet: str
    also: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyView:
    """Why a paper is here: the line with its terms marked, and the same for plain text."""

    why: tuple[Segment, ...]
    text_why: str

    @property
    def said(self) -> frozenset[str]:
        """The marked terms, without case."""
        return frozenset([segment.text.casefold() for segment in self.why if segment.marked])


@dataclass(frozen=True, slots=True, kw_only=True)
class LessView:
    """What can be muted of a paper, and where."""

    less: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperView(CardView):
    """All that is printed of a paper for one reader."""

    why: tuple[Segment, ...]
    text_why: str
    less: tuple[Link, ...] = ()


def paper_view(
    paper: Paper,
    reasons: Sequence[Reason] = (),
    *,
    number: int = 1,
    fallback_url: str = "",
    snippet: int = SNIPPET,
    less: tuple[Link, ...] = (),
) -> PaperView:
    """Build the view of one paper for one reader.

    Args:
        paper: As it reads now.
        reasons: Why it is shown.
        number: Its place, from 1.
        fallback_url: Where its title leads if it has no address of its own.
        snippet: Characters of its abstract that are shown; 0 leaves it out.
        less: What can be muted, and where.
    """
    why = why_view(reasons)
    card = card_view(
        paper,
        number=str(number),
        fallback_url=fallback_url,
        snippet=snippet,
        tags=TagChooser(paper).unsaid(why.said),
    )
    return PaperView(
        **{name: getattr(card, name) for name in CardView.__slots__},
        why=why.why,
        text_why=why.text_why,
        less=tuple(Link(label=less_label(link.label), url=link.url) for link in less),
    )


def card_view(
    paper: Paper, *, number: str, fallback_url: str, snippet: int, tags: tuple[str, ...]
) -> CardView:
    """Build the view of a paper for everybody; `tags` are those to show."""
    url = safe_url(paper.url)
    also = [
        Link(label=shorten(one_line(link.label), MAX_NAME), url=allowed)
        for link in paper.links
        if (allowed := safe_url(link.url)) is not None and allowed != url and one_line(link.label)
    ]
    authors, venue = short_authors(paper.authors), _venue(paper)
    upvotes = f"{paper.upvotes:,}" if paper.upvotes else ""
    rise = paper.upvotes_change or 0
    change = f"+{rise:,}" if upvotes and rise > 0 else ""
    meta = " · ".join(filter(None, (authors, venue)))
    votes = f"▲\u00a0{upvotes} ({change})" if change else f"▲\u00a0{upvotes}"
    return CardView(
        number=number,
        title=printed_title(paper),
        url=url or fallback_url,
        authors=authors,
        venue=venue,
        meta=meta,
        text_meta=" · ".join(filter(None, (meta, votes if upvotes else ""))),
        upvotes=upvotes,
        change=change,
        tags=tags,
        snippet=shorten(one_line(paper.abstract), snippet),
        also=tuple(also[:MAX_LINKS]),
    )


def printed_title(paper: Paper) -> str:
    """Return the title on one line, at most 300 characters."""
    return shorten(one_line(paper.title), MAX_TITLE) or "Untitled"


def why_view(reasons: Sequence[Reason]) -> WhyView:
    """Say why a paper is shown."""
    why = why_line(reasons)
    return WhyView(why=why, text_why=plain_why(why))


def less_label(label: str) -> str:
    """Print what can be muted."""
    return shorten(one_line(label), MAX_NAME)


class TagChooser:
    """Chooses the tags of a paper that are shown."""

    def __init__(self, paper: Paper) -> None:
        in_meta = _venue(paper).casefold().split()
        tags = dict.fromkeys(shorten(one_line(tag), 32) for tag in paper.tags)
        self._tags = [
            (tag, folded) for tag in tags if tag and (folded := tag.casefold()) not in in_meta
        ]

    def unsaid(self, said: frozenset[str]) -> tuple[str, ...]:
        """Return the first tags that neither the line of meta nor the reasons say already."""
        return tuple([tag for tag, folded in self._tags if folded not in said][:MAX_TAGS])


def _venue(paper: Paper) -> str:
    return shorten(one_line(paper.venue), MAX_NAME)
