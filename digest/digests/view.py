"""Finished views: what the templates of the mail and the page of a digest print.

Every text here is already one clean line, every number formatted, every link allowed:
templates make no choice beyond "is it there", and hold no arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from digest.digests.plain import one_line, safe_url, shorten
from digest.digests.reasons import Segment, plain_why, why_line
from digest.digests.schedule import period_of, zone_of
from digest.digests.wording import (
    MAX_NAME,
    MONTH_NAMES,
    WEEKDAY_NAMES,
    long_date,
    number_word,
    schedule_sentence,
    short_authors,
    short_day,
)
from digest.model import (
    WELCOME,
    Digest,
    DigestLinks,
    Link,
    Match,
    Paper,
    Reason,
    Schedule,
)

SNIPPET = 225
MAX_TITLE = 300
MAX_TAGS = 3
MAX_LINKS = 3
SUBJECT_LIMIT = 78


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperView:
    """One paper as printed. Empty texts are left out by the template.

    `upvotes` and `change` read "128" and "+41"; `meta` joins authors and venue,
    `text_meta` upvotes too; `why` is the line with its terms marked, `text_why` the same
    for plain text; `also` are the other places it can be read, `less` what can be muted.
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
    why: tuple[Segment, ...]
    text_why: str
    also: tuple[Link, ...]
    less: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOverView:
    """The line on what found no room: `before`, then `link_text` as a link, `after`."""

    before: str
    link_text: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestView:
    """A whole digest as printed."""

    service_name: str
    subject: str
    preview: str
    date: str
    lead: str
    notices: tuple[str, ...]
    papers: tuple[PaperView, ...]
    left_over: LeftOverView | None
    schedule: str
    web_url: str
    manage_url: str
    unsubscribe_url: str


def digest_view(
    digest: Digest,
    links: DigestLinks,
    *,
    service_name: str,
    snippet: int = SNIPPET,
    shown: int | None = None,
) -> DigestView:
    """Build the view of `digest`.

    Args:
        digest: What is sent.
        links: Its personal addresses.
        service_name: Name of the service, the mail's heading.
        snippet: Characters of an abstract that are shown; 0 leaves abstracts out.
        shown: Print only this many papers, and say so; None prints all.
    """
    day = digest_day(digest)
    matches = digest.matches if shown is None else digest.matches[:shown]
    papers = tuple(
        replace(
            _paper_view(match, number, fallback_url=links.web, snippet=snippet),
            # Where room is short, links that a page can offer too go before any abstract.
            less=_less(links, number) if snippet == SNIPPET else (),
        )
        for number, match in enumerate(matches, start=1)
    )
    notices = [one_line(notice) for notice in digest.notices]
    cut = len(digest.matches) - len(matches)
    if cut:
        notices.append(_cut_notice(cut))
    return DigestView(
        service_name=one_line(service_name),
        subject=_subject(digest, day),
        preview=shorten(" · ".join(paper.title for paper in papers[1:4]), 140),
        date=long_date(day),
        lead=_lead(digest),
        notices=tuple(notices),
        papers=papers,
        left_over=_left_over(digest, day),
        schedule=schedule_sentence(digest.subscriber.schedule),
        web_url=links.web,
        manage_url=links.manage,
        unsubscribe_url=links.unsubscribe,
    )


def paper_view(
    paper: Paper, reasons: tuple[Reason, ...] = (), *, number: int = 1, fallback_url: str = ""
) -> PaperView:
    """Build the view of one paper, for pages that show papers outside a digest."""
    return _paper_view(
        Match(paper=paper, reasons=reasons), number, fallback_url=fallback_url, snippet=SNIPPET
    )


def digest_day(digest: Digest) -> date:
    """Return the local date that the digest carries."""
    if digest.period == WELCOME:
        zone = zone_of(digest.subscriber.schedule.timezone)
        return digest.scheduled_at.astimezone(zone).date()
    return date.fromisoformat(digest.period)


def _paper_view(match: Match, number: int, *, fallback_url: str, snippet: int) -> PaperView:
    paper = match.paper
    url = safe_url(paper.url)
    also = [
        Link(label=shorten(one_line(link.label), MAX_NAME), url=allowed)
        for link in paper.links
        if (allowed := safe_url(link.url)) is not None and allowed != url and one_line(link.label)
    ]
    venue = shorten(one_line(paper.venue), MAX_NAME)
    why = why_line(match.reasons)
    authors = short_authors(paper.authors)
    upvotes = f"{paper.upvotes:,}" if paper.upvotes else ""
    rise = paper.upvotes_change or 0
    change = f"+{rise:,}" if upvotes and rise > 0 else ""
    meta = " · ".join(filter(None, (authors, venue)))
    votes = f"▲\u00a0{upvotes} ({change})" if change else f"▲\u00a0{upvotes}"
    return PaperView(
        number=str(number),
        title=shorten(one_line(paper.title), MAX_TITLE) or "Untitled",
        url=url or fallback_url,
        authors=authors,
        venue=venue,
        meta=meta,
        text_meta=" · ".join(filter(None, (meta, votes if upvotes else ""))),
        upvotes=upvotes,
        change=change,
        tags=_few_tags(paper, venue, why),
        snippet=shorten(one_line(paper.abstract), snippet),
        why=why,
        text_why=plain_why(why),
        also=tuple(also[:MAX_LINKS]),
    )


def _less(links: DigestLinks, number: int) -> tuple[Link, ...]:
    if number > len(links.actions):
        return ()
    return tuple(
        Link(label=shorten(one_line(link.label), MAX_NAME), url=link.url)
        for link in links.actions[number - 1]
    )


def _few_tags(paper: Paper, venue: str, why: tuple[Segment, ...]) -> tuple[str, ...]:
    """Choose tags that the line of meta and the reasons do not say already."""
    said = {segment.text.casefold() for segment in why if segment.marked}
    said.update(venue.casefold().split())
    tags = [shorten(one_line(tag), 32) for tag in paper.tags]
    fresh = [tag for tag in dict.fromkeys(tags) if tag and tag.casefold() not in said]
    return tuple(fresh[:MAX_TAGS])


def _subject(digest: Digest, day: date) -> str:
    count = len(digest.matches)
    if not count:
        return f"No new papers for {short_day(day)}"
    papers = "1 paper" if count == 1 else f"{count:,} papers"
    first = one_line(digest.matches[0].paper.title)
    start = f"{papers} for {short_day(day)}: "
    if digest.period == WELCOME:
        start = "Your first paper: " if count == 1 else f"Your first {papers}: "
    return start + shorten(first, SUBJECT_LIMIT - len(start))


def _lead(digest: Digest) -> str:
    count = len(digest.matches)
    if digest.period == WELCOME:
        return f"Welcome. {_welcome(count)}{_next_digest(digest)}"
    span = "this week" if len(digest.subscriber.schedule.weekdays) == 1 else "today"
    if not count:
        return f"Nothing new matches your interests {span}."
    verb = "paper matches" if count == 1 else "papers match"
    sentence = f"{number_word(count)} {verb} your interests {span}"
    if digest.left_over:
        waits = "waits" if digest.left_over == 1 else "wait"
        sentence += f", and {digest.left_over:,} more {waits} on the site"
    return f"{sentence}."


def _welcome(count: int) -> str:
    if not count:
        return "Nothing of the last 7 days matches your interests"
    if count == 1:
        return "This is the best match of the last 7 days"
    return "These are the best matches of the last 7 days"


def _next_digest(digest: Digest) -> str:
    at = digest.subscriber.next_digest_at
    if at is None:
        return "."
    local = at.astimezone(zone_of(digest.subscriber.schedule.timezone))
    day = f"{WEEKDAY_NAMES[local.weekday()]} {local.day} {MONTH_NAMES[local.month - 1]}"
    return f"; your next digest comes on {day} at {local:%H:%M}."


def _left_over(digest: Digest, day: date) -> LeftOverView | None:
    if not digest.left_over:
        return None
    one = digest.left_over == 1
    after = "."
    if digest.carried:
        when = _when_next(digest, day)
        after = f". It may come {when}." if one else f". The best of them come {when}."
    return LeftOverView(
        before=f"{digest.left_over:,} more matched: ",
        link_text="see it" if one else "see them all",
        after=after,
    )


def _when_next(digest: Digest, day: date) -> str:
    """Say when the next digest comes, seen from `day`."""
    at = digest.subscriber.next_digest_at
    if at is None:
        return "in your next digest"
    next_day = _next_day(digest.subscriber.schedule, at)
    if next_day == day + timedelta(days=1):
        return "tomorrow"
    if day < next_day < day + timedelta(days=7):
        return f"on {WEEKDAY_NAMES[next_day.weekday()]}"
    return "in your next digest"


def _next_day(schedule: Schedule, at: datetime) -> date:
    return date.fromisoformat(period_of(schedule, at.astimezone(UTC)))


def _cut_notice(cut: int) -> str:
    papers = "1 more paper of this digest stands" if cut == 1 else (
        f"{cut:,} more papers of this digest stand"
    )  # fmt: skip
    return f"{papers} on the web only, so that this mail is not cut off."
