"""Answers for people: the digest they would get, and why a paper is or is not in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digest.delivery.composing import DigestComposer, digest_of_plan
from digest.delivery.materialise import plan_preview
from digest.digests.sample import sample_digests
from digest.digests.why import RuleFact, SentFact, Trace, WhyFacts, WindowFact, decide_verdict
from digest.matching.evaluate import evaluate
from digest.matching.query import interest_query
from digest.matching.reading import NO_SYNONYMS, Synonyms
from digest.model import (
    Alias,
    Digest,
    Interest,
    Paper,
    PaperId,
    Rendered,
    Subscriber,
    SubscriberId,
)
from digest.settings import DigestSettings
from digest.store.ledger import delivery_of_paper, get_delivery
from digest.store.letters import Letter, LetterId, LetterKind
from digest.store.papers import get_paper, paper_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A digest that was not sent, and how it looks."""

    digest: Digest
    rendered: Rendered


def preview(
    tx: Session,
    composer: DigestComposer,
    subscriber: Subscriber,
    *,
    now: datetime,
    settings: DigestSettings,
) -> Preview:
    """Make the digest that a subscriber would get now; writes nothing.

    Raises:
        RenderError: If a template cannot be rendered.
    """
    finder = composer.finder
    plan = plan_preview(tx, subscriber, now=now, settings=settings, synonyms=finder.synonyms)
    digest = digest_of_plan(tx, plan, subscriber, finder)
    return Preview(digest=digest, rendered=composer.render_preview(digest))


def explain(
    tx: Session,
    subscriber: Subscriber,
    alias: Alias,
    *,
    now: datetime,
    settings: DigestSettings,
    synonyms: Synonyms = NO_SYNONYMS,
) -> tuple[Paper | None, Trace]:
    """Trace one paper through every check for one subscriber."""
    paper = get_paper(tx, alias)
    if paper is None:
        return None, decide_verdict(_facts(subscriber, now=now, settings=settings))
    windows = tuple(
        WindowFact(feed=name, listed_at=window.listed_at, opened_at=window.opened_at)
        for name, window in paper_windows(tx, paper.id)
    )
    facts = _facts(
        subscriber,
        now=now,
        settings=settings,
        paper=paper,
        windows=windows,
        rules=tuple(_rule_fact(interest, paper, synonyms) for interest in subscriber.interests),
        sent=_sent_facts(tx, subscriber.id, paper.id),
        rank=_rank(tx, subscriber, paper.id, now=now, settings=settings, synonyms=synonyms),
    )
    return paper, decide_verdict(facts)


def _facts(
    subscriber: Subscriber,
    *,
    now: datetime,
    settings: DigestSettings,
    paper: Paper | None = None,
    windows: tuple[WindowFact, ...] = (),
    rules: tuple[RuleFact, ...] = (),
    sent: tuple[SentFact, ...] = (),
    rank: int | None = None,
) -> WhyFacts:
    return WhyFacts(
        now=now,
        eligibility_days=settings.eligibility_days,
        state=subscriber.state,
        consented_at=subscriber.consented_at,
        min_upvotes=subscriber.min_upvotes,
        max_papers=subscriber.max_papers,
        paper=paper,
        windows=windows,
        rules=rules,
        sent=sent,
        rank=rank,
    )


def _rule_fact(interest: Interest, paper: Paper, synonyms: Synonyms) -> RuleFact:
    verdict = evaluate(interest_query(interest.kind, interest.text), paper, synonyms)
    return RuleFact(
        kind=interest.kind,
        text=interest.text,
        matched=verdict.matched,
        reasons=verdict.reasons,
        missing=verdict.missing,
        excluded_by=verdict.excluded_by,
    )


def _sent_facts(
    tx: Session, subscriber_id: SubscriberId, paper_id: PaperId
) -> tuple[SentFact, ...]:
    delivery_id = delivery_of_paper(tx, subscriber_id, paper_id)
    delivery = get_delivery(tx, delivery_id) if delivery_id is not None else None
    return (SentFact(period=delivery.period, state=delivery.state),) if delivery else ()


def _rank(
    tx: Session,
    subscriber: Subscriber,
    paper_id: PaperId,
    *,
    now: datetime,
    settings: DigestSettings,
    synonyms: Synonyms,
) -> int | None:
    plan = plan_preview(tx, subscriber, now=now, settings=settings, synonyms=synonyms)
    waiting = [*(each.paper_id for each in plan.papers), *plan.rest]
    return waiting.index(paper_id) + 1 if paper_id in waiting else None


def sample_letter() -> tuple[Letter, Subscriber]:
    """Return the letter that asks the sample subscriber to confirm."""
    subscriber = sample_digests()[0].subscriber
    letter = Letter(
        id=LetterId(1),
        subscriber_id=subscriber.id,
        email=subscriber.email,
        kind=LetterKind.CONFIRM,
        created_at=subscriber.created_at,
        attempts=1,
    )
    return letter, subscriber
