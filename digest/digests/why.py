"""Explain why a paper is, or is not, in somebody's digest: the trace of `digest why`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.digests.reasons import plain_why, why_line
from digest.model import (
    QUEUED_STATES,
    DeliveryState,
    InterestKind,
    Paper,
    Period,
    Reason,
    SubscriberState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFact:
    """A feed that listed the paper; `opened_at` is None where that opens no window."""

    feed: str
    listed_at: datetime
    opened_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFact:
    """One interest, judged on the paper alone.

    `missing` are the terms of the query that the paper lacks, `excluded_by` those whose
    presence rules it out.
    """

    kind: InterestKind
    text: str
    matched: bool
    reasons: tuple[Reason, ...] = ()
    missing: tuple[str, ...] = ()
    excluded_by: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFact:
    """A delivery of this subscriber that holds the paper."""

    period: Period
    state: DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyFacts:
    """All that the verdict rests on.

    Args:
        now: The instant the question is asked for.
        eligibility_days: How long a window stays open.
        state: Of the subscriber.
        consented_at: Their newest confirmation, or None.
        min_upvotes: What they ask for; 0 asks for nothing.
        max_papers: Of one digest.
        paper: None when no feed ever listed it.
        windows: Of the paper, one a feed.
        rules: The subscriber's interests, muted ones too.
        sent: Deliveries of theirs that hold the paper.
        rank: Its place among the papers that the next digest would choose from, from 1;
            None where it is not among them. Only the best are counted, so a paper that
            passes every other check and has no rank stands behind those.
    """

    now: datetime
    eligibility_days: int
    state: SubscriberState
    consented_at: datetime | None
    min_upvotes: int
    max_papers: int
    paper: Paper | None = None
    windows: tuple[WindowFact, ...] = ()
    rules: tuple[RuleFact, ...] = ()
    sent: tuple[SentFact, ...] = ()
    rank: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One check of the trace: its name, whether it lets the paper through, and why."""

    check: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The verdict and the steps that led there."""

    verdict: str
    steps: tuple[Step, ...]


def decide_verdict(facts: WhyFacts) -> Trace:
    """Trace a paper through every check, in the order in which digests are made.

    The verdict is "not ingested", "sent in 2026-02-03" (or queued, or unknown, in it),
    "no interest matches", "muted", "not eligible", "below min_upvotes", "over the cap"
    or "would be in the next digest". All checks are told, also those after the one
    that decides.
    """
    paper = facts.paper
    if paper is None:
        step = Step(check="ingested", ok=False, detail="no feed has listed this paper")
        return Trace(verdict="not ingested", steps=(step,))
    checks = (
        ("", _ingested(paper, facts.windows)),
        ("not eligible", _subscribed(facts)),
        ("not eligible", _eligible(facts)),
        ("no interest matches", _matched(facts.rules)),
        ("muted", _not_muted(facts.rules)),
        ("below min_upvotes", _upvoted(paper, facts.min_upvotes)),
        ("", _not_sent(facts.sent)),
        ("over the cap", _within_cap(facts)),
    )
    steps = tuple(step for _, step in checks)
    if facts.sent:
        return Trace(verdict=_sent_verdict(facts.sent[-1]), steps=steps)
    failed = next((verdict for verdict, step in checks if not step.ok), None)
    if failed is None and facts.rank is None:
        behind = Step(
            check="within the cap", ok=False, detail="behind the best of the papers waiting"
        )
        return Trace(verdict="over the cap", steps=(*steps[:-1], behind))
    return Trace(verdict=failed or "would be in the next digest", steps=steps)


def _ingested(paper: Paper, windows: Sequence[WindowFact]) -> Step:
    feeds = ", ".join(f"{window.feed} on {window.listed_at:%Y-%m-%d}" for window in windows)
    where = f"; listed by {feeds}" if feeds else ""
    return Step(
        check="ingested", ok=True, detail=f"first seen {_instant(paper.first_seen_at)}{where}"
    )


def _subscribed(facts: WhyFacts) -> Step:
    if facts.consented_at is None:
        return Step(check="subscribed", ok=False, detail="the subscription was never confirmed")
    active = facts.state is SubscriberState.ACTIVE
    detail = f"confirmed {_instant(facts.consented_at)}"
    return Step(
        check="subscribed",
        ok=active,
        detail=detail if active else f"{detail}, but now {facts.state.value}",
    )


def _eligible(facts: WhyFacts) -> Step:
    """Say whether a window is open that opened after the consent, and about every window."""
    length = timedelta(days=facts.eligibility_days)
    told: list[str] = []
    ok = False
    for window in facts.windows:
        opened = window.opened_at
        if opened is None:
            told.append(f"{window.feed}: opens no window (its first document, or a revision)")
        elif opened + length <= facts.now:
            told.append(f"{window.feed}: closed {_instant(opened + length)}")
        elif facts.consented_at is not None and opened <= facts.consented_at:
            told.append(f"{window.feed}: opened {_instant(opened)}, before the confirmation")
        elif opened > facts.now:
            told.append(f"{window.feed}: opens {_instant(opened)}")
        else:
            ok = ok or facts.consented_at is not None
            told.append(f"{window.feed}: open until {_instant(opened + length)}")
    return Step(check="eligible", ok=ok, detail="; ".join(told) or "no feed opened a window")


def _matched(rules: Sequence[RuleFact]) -> Step:
    wanted = [rule for rule in rules if rule.kind is not InterestKind.MUTED]
    if not wanted:
        return Step(check="matched", ok=False, detail="no interests are saved")
    hits = [rule for rule in wanted if rule.matched]
    if hits:
        detail = "; ".join(f"{_rule(rule)}: {plain_why(why_line(rule.reasons))}" for rule in hits)
        return Step(check="matched", ok=True, detail=detail)
    return Step(check="matched", ok=False, detail="; ".join(map(_miss, wanted)))


def _not_muted(rules: Sequence[RuleFact]) -> Step:
    hits = [rule for rule in rules if rule.kind is InterestKind.MUTED and rule.matched]
    if not hits:
        return Step(check="not muted", ok=True, detail="no muted query matches")
    return Step(
        check="not muted", ok=False, detail="; ".join(f"muted by {rule.text}" for rule in hits)
    )


def _upvoted(paper: Paper, min_upvotes: int) -> Step:
    count = "unknown, counted as 0" if paper.upvotes is None else f"{paper.upvotes:,}"
    return Step(
        check="min_upvotes",
        ok=(paper.upvotes or 0) >= min_upvotes,
        detail=f"upvotes {count}; at least {min_upvotes:,} wanted",
    )


def _not_sent(sent: Sequence[SentFact]) -> Step:
    if not sent:
        return Step(check="not yet sent", ok=True, detail="in no digest so far")
    told = ", ".join(f"{fact.period} ({fact.state.value})" for fact in sent)
    return Step(check="not yet sent", ok=False, detail=f"in the digest of {told}")


def _within_cap(facts: WhyFacts) -> Step:
    if facts.rank is None:
        return Step(
            check="within the cap", ok=True, detail=f"up to {facts.max_papers} papers a digest"
        )
    return Step(
        check="within the cap",
        ok=facts.rank <= facts.max_papers,
        detail=f"number {facts.rank:,} of those waiting; {facts.max_papers} papers a digest",
    )


def _sent_verdict(fact: SentFact) -> str:
    if fact.state in QUEUED_STATES:
        return f"queued in {fact.period}"
    if fact.state is DeliveryState.UNKNOWN:
        return f"unknown in {fact.period}"
    return f"sent in {fact.period}"


def _rule(rule: RuleFact) -> str:
    return f"tag {rule.text}" if rule.kind is InterestKind.TAG else rule.text


def _miss(rule: RuleFact) -> str:
    if rule.excluded_by:
        terms = dict.fromkeys(reason.term for reason in rule.excluded_by)
        return f"{_rule(rule)}: ruled out by {', '.join(terms)}"
    if rule.missing:
        return f"{_rule(rule)}: lacks {', '.join(rule.missing)}"
    return f"{_rule(rule)}: does not match"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
