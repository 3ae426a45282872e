"""Finished views: what the templates of the mail and the page of a digest print.

Every text here is already one clean line, every number formatted, every link allowed:
templates make no choice beyond "is it there", and hold no arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from digest.digests.card import SNIPPET, PaperView, paper_view, printed_title
from digest.digests.plain import one_line, shorten
from digest.digests.schedule import period_of, zone_of
from digest.digests.wording import (
    MONTH_NAMES,
    WEEKDAY_NAMES,
    long_date,
    number_word,
    schedule_sentence,
    short_day,
)
from digest.model import WELCOME, Digest, DigestLinks, Link, Schedule

SUBJECT_LIMIT = 70  # it is the HTML's title too, where no more is seen
PREVIEW_LIMIT = 140
NOTICE_LIMIT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOverView:
    """The line on what found no room: `before`, then `link_text` as a link, `after`."""

    before: str
    link_text: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestWords:
    """What a digest says besides its papers, in words that differ from reader to reader."""

    subject: str
    preview: str
    lead: str
    schedule: str
    left_over: LeftOverView | None


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
    less: Sequence[tuple[Link, ...]] = (),
) -> DigestView:
    """Build the view of `digest`.

    Args:
        digest: What is sent.
        links: Its personal addresses.
        service_name: Name of the service, the mail's heading.
        snippet: Characters of an abstract that are shown; 0 leaves abstracts out.
        shown: Print only this many papers, and say so; None prints all.
        less: What can be muted of each paper; none where this is empty.
    """
    day = digest_day(digest)
    matches = digest.matches if shown is None else digest.matches[:shown]
    words = digest_words(digest, day, [printed_title(match.paper) for match in digest.matches[:4]])
    return DigestView(
        service_name=one_line(service_name),
        subject=words.subject,
        preview=words.preview,
        date=long_date(day),
        lead=words.lead,
        notices=printed_notices(digest, cut=len(digest.matches) - len(matches)),
        papers=tuple(
            paper_view(
                match.paper,
                match.reasons,
                number=place + 1,
                fallback_url=links.web,
                snippet=snippet,
                less=less[place] if less else (),
            )
            for place, match in enumerate(matches)
        ),
        left_over=words.left_over,
        schedule=words.schedule,
        web_url=links.web,
        manage_url=links.manage,
        unsubscribe_url=links.unsubscribe,
    )


def digest_words(digest: Digest, day: date, titles: Sequence[str]) -> DigestWords:
    """Say what a digest says besides its papers.

    Args:
        digest: What is sent.
        day: Its date.
        titles: As printed, of its first papers at least.
    """
    return DigestWords(
        subject=_subject(digest, day, titles),
        preview=shorten(" · ".join(titles[1:4]), PREVIEW_LIMIT),
        lead=_lead(digest),
        schedule=_schedule(digest.subscriber.schedule),
        left_over=_left_over(digest, day),
    )


def printed_notices(digest: Digest, *, cut: int = 0) -> tuple[str, ...]:
    """Print the notices; `cut` papers found no room in the mail."""
    notices = tuple([shorten(one_line(notice), NOTICE_LIMIT) for notice in digest.notices])
    return (*notices, _cut_notice(cut)) if cut else notices


_schedule = lru_cache(maxsize=4096)(schedule_sentence)


def digest_day(digest: Digest) -> date:
    """Return the local date that the digest carries."""
    if digest.period == WELCOME:
        zone = zone_of(digest.subscriber.schedule.timezone)
        return digest.scheduled_at.astimezone(zone).date()
    return date.fromisoformat(digest.period)


def _subject(digest: Digest, day: date, titles: Sequence[str]) -> str:
    count = len(digest.matches)
    if not count:
        return f"No new papers for {short_day(day)}"
    papers = "1 paper" if count == 1 else f"{count:,} papers"
    start = f"{papers} for {short_day(day)}: "
    if digest.period == WELCOME:
        start = "Your first paper: " if count == 1 else f"Your first {papers}: "
    return start + shorten(titles[0], SUBJECT_LIMIT - len(start))


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
        subscriber = digest.subscriber
        when = _when_next(subscriber.schedule, subscriber.next_digest_at, day)
        after = f". It may come {when}." if one else f". The best of them come {when}."
    return LeftOverView(
        before=f"{digest.left_over:,} more matched: ",
        link_text="see it" if one else "see them all",
        after=after,
    )


@lru_cache(maxsize=4096)
def _when_next(schedule: Schedule, at: datetime | None, day: date) -> str:
    """Say when the digest scheduled at `at` comes, seen from `day`."""
    if at is None:
        return "in your next digest"
    next_day = date.fromisoformat(period_of(schedule, at.astimezone(UTC)))
    if next_day == day + timedelta(days=1):
        return "tomorrow"
    if day < next_day < day + timedelta(days=7):
        return f"on {WEEKDAY_NAMES[next_day.weekday()]}"
    return "in your next digest"


def _cut_notice(cut: int) -> str:
    papers = "1 more paper of this digest stands" if cut == 1 else (
        f"{cut:,} more papers of this digest stand"
    )  # fmt: skip
    return f"{papers} on the web only, so that this mail is not cut off."
