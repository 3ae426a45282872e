"""Digests that use every part of the templates, to try them on. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from digest.model import (
    Alias,
    Digest,
    Interest,
    InterestKind,
    Link,
    Match,
    Paper,
    PaperId,
    Period,
    QueryId,
    Reason,
    Schedule,
    Subscriber,
    SubscriberId,
    SubscriberState,
)


def sample_digests() -> tuple[Digest, ...]:
    """Return digests that use every part of the templates, to check them with.

    The first has all that a digest can have, the second as little as it can.
    """
    at = datetime(2026, 2, 3, 8, tzinfo=UTC)
    paper = Paper(
        id=PaperId(1),
        alias=Alias("arxiv:1706.03762"),
        title="Attention Is All You Need",
        abstract="A network of attention alone, without recurrence or convolution.",
        authors=("Ashish Vaswani", "Noam Shazeer", "Niki Parmar"),
        venue="arXiv",
        url="https://arxiv.org/abs/1706.03762",
        tags=("cs.CL",),
        feeds=("arxiv-cs.CL",),
        links=(Link(label="code", url="https://github.com/tensorflow/tensor2tensor"),),
        published_on=at.date(),
        version=2,
        first_seen_at=at,
        upvotes=120,
        upvotes_change=7,
        comments=3,
        stars=1000,
    )
    subscriber = Subscriber(
        id=SubscriberId(1),
        email="sample@example.org",
        state=SubscriberState.ACTIVE,
        schedule=Schedule(timezone="UTC", hour=8, weekdays=frozenset(range(7))),
        max_papers=20,
        min_upvotes=0,
        interests=(Interest(kind=InterestKind.KEYWORD, text="attention", query_id=QueryId(1)),),
        consented_at=at,
        next_digest_at=at,
        created_at=at,
    )
    bare = replace(
        paper,
        id=PaperId(2),
        alias=Alias("feed:sample:2"),
        title="A paper of which little is known",
        abstract="",
        authors=(),
        venue="",
        url="",
        tags=(),
        links=(),
        upvotes=None,
        upvotes_change=None,
    )
    reason = Reason(term="attention", field="title", query="attention", without=("survey",))
    full = Digest(
        subscriber=subscriber,
        period=Period("2026-02-03"),
        scheduled_at=at,
        matches=(Match(paper=paper, reasons=(reason,)), Match(paper=bare, reasons=())),
        left_over=3,
        carried=1,
        notices=("The feed arxiv-cs.CL has brought nothing new since February 1.",),
    )
    return full, replace(full, matches=full.matches[1:], left_over=0, carried=0, notices=())
