"""A site with papers, a subscriber and a digest in the ledger, for tests of its pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from fastapi import FastAPI
from sqlmodel import col, select

from digest.digests.schedule import first_digest_at
from digest.matching.annotate import Annotator
from digest.model import (
    DeliveryId,
    DeliveryPlan,
    PaperId,
    Period,
    PlannedPaper,
    QueryId,
    SubscriberId,
    Topic,
)
from digest.resources import resource_dir
from digest.settings import Settings
from digest.store import Store, ledger
from digest.store.fulltext import annotate_papers
from digest.store.tables import (
    AliasRow,
    FeedRow,
    ListingRow,
    PaperRow,
    PaperTagRow,
    QueryRow,
    TagRow,
)
from digest.subscribers.decide import SignupRules
from digest.subscribers.links import digest_links
from digest.subscribers.tokens import TokenSigner
from digest.web import WebDeps, create_app

BASE_URL = "http://papers.example.org"
NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
TODAY = date(2026, 2, 3)


@dataclass
class Hand:
    """A clock that tests may move."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, kw_only=True)
class SiteWorld:
    """The site and what stands behind it."""

    app: FastAPI
    store: Store
    rules: SignupRules
    clock: Hand

    def path_of(self, subscriber_id: SubscriberId, delivery_id: DeliveryId) -> tuple[str, str]:
        """Return the paths of the digest's page and of unsubscribing."""
        links = digest_links(
            self.rules.signer,
            base_url="",
            subscriber_id=subscriber_id,
            delivery_id=delivery_id,
            unsubscribe_address="digest@example.org",
        )
        return links.web, links.unsubscribe


TOPICS = (
    Topic(name="Robots", query="robot", description="Machines that move", group="Machines"),
    Topic(name="Sparsity", query='"sparse feature"', group="Machines"),
    Topic(name="Phlogiston", query="phlogiston"),
)


def open_site(database_url: str, *, previews_per_minute: int = 120, **service: object) -> SiteWorld:
    """Open a site on a migrated database."""
    store = Store(database_url)
    clock = Hand()
    rules = SignupRules(
        signer=TokenSigner(["a key of thirty-two characters !"]),
        first_digest_at=first_digest_at,
    )
    settings = Settings.model_validate(
        {
            "service": {
                "base_url": BASE_URL,
                "operator_email": "ada@papers.example.org",
                **service,
            },
            "web": {"previews_per_minute": previews_per_minute},
        }
    )
    app = create_app(
        WebDeps(
            store=store,
            settings=settings,
            rules=rules,
            clock=clock,
            templates=resource_dir("templates"),
            annotator=Annotator(TOPICS),
            random_bytes=lambda count: bytes([7]) * count,
        )
    )
    return SiteWorld(app=app, store=store, rules=rules, clock=clock)


PAPERS: tuple[tuple[str, str, list[str], str, int | None, int | None, list[str]], ...] = (
    (
        "Sparse features that survive scale",
        (
            "Dictionary features found in a small model often vanish in a larger one. This work "
            "follows them across five sizes, shows which ones persist, and gives a cheap test that "
            "tells them apart before training is repeated at full scale."
        ),
        ["Ada Lovelace", "Alan Turing", "Grace Hopper", "Emmy Noether"],
        "arXiv cs.LG",
        1128,
        41,
        ["cs.LG", "interpretability", "sparse autoencoders"],
    ),
    (
        "Plans that a small robot can keep: agents that repair only the part that broke",
        (
            "Long plans fail at the first surprise. Here the plan carries its own conditions, and "
            "the robot repairs only the part that broke."
        ),
        ["Norbert Wiener", "Grace Hopper"],
        "arXiv cs.RO",
        97,
        None,
        ["cs.RO", "planning"],
    ),
    ("مقدمة في نظرية الأعداد والنماذج اللغوية", "", ["إيمي نوثر"], "", 12, None, []),
    (
        "What a protein model knows before it folds",
        (
            "Contacts can be read from the middle layers of a language model of proteins long "
            "before the structure head sees them."
        ),
        ["Rosalind Franklin", "Linus Pauling"],
        "bioRxiv",
        None,
        None,
        ["q-bio.BM", "protein design"],
    ),
)


def add_day(store: Store, *, day: date = TODAY) -> list[PaperId]:
    """List four papers on a day: plain, long, right to left, without upvotes."""
    ids: list[PaperId] = []
    with store.write() as tx:
        feed = FeedRow(
            name="hf-daily",
            url="https://example.org/f",
            kind="feed",
            created_at=NOW,
            next_poll_at=NOW,
        )
        tx.add(feed)
        tx.flush()
        assert feed.id is not None
        for number, (title, abstract, authors, venue, upvotes, change, tags) in enumerate(PAPERS):
            paper = PaperRow(
                alias=f"arxiv:2602.{number:05d}",
                title=title,
                abstract=abstract,
                authors=authors,
                venue=venue,
                url=f"https://arxiv.org/abs/2602.{number:05d}",
                links=[["code", "https://example.org/code"]] if number == 0 else [],
                first_seen_at=NOW,
                dated_on=NOW.date(),
                upvotes=upvotes,
                upvotes_change=change,
            )
            tx.add(paper)
            tx.flush()
            assert paper.id is not None
            tx.add(AliasRow(alias=paper.alias, paper_id=paper.id))
            for name in tags:
                tag = TagRow(key=name.lower(), name=name)
                tx.add(tag)
                tx.flush()
                assert tag.id is not None
                tx.add(PaperTagRow(paper_id=paper.id, tag_id=tag.id))
            tx.add(ListingRow(paper_id=paper.id, feed_id=feed.id, day=day, upvotes=upvotes))
            ids.append(PaperId(paper.id))
    read_words(store, ids)
    return ids


def read_words(store: Store, ids: list[PaperId]) -> None:
    """Read papers into the full-text index, as it is done when a feed brings them."""
    with store.write() as tx:
        annotate_papers(tx, Annotator(TOPICS), ids)


def add_digest(
    store: Store,
    subscriber_id: SubscriberId,
    papers: list[PaperId],
    *,
    rest: list[PaperId] | None = None,
    left_over: int = 0,
) -> DeliveryId:
    """Put a digest into the ledger, as the one for today."""
    with store.write() as tx:
        queries = tx.exec(select(QueryRow.id).order_by(col(QueryRow.id))).all()
        plan = DeliveryPlan(
            subscriber_id=subscriber_id,
            period=Period("2026-02-03"),
            scheduled_at=datetime(2026, 2, 3, 8, tzinfo=UTC),
            closes_at=datetime(2026, 2, 4, 8, tzinfo=UTC),
            papers=tuple(
                PlannedPaper(
                    paper_id=one, query_ids=tuple(QueryId(each) for each in queries if each)
                )
                for one in papers
            ),
            rest=tuple(rest or ()),
            left_over=left_over,
        )
        return ledger.insert_plans(tx, [plan], now=NOW, message_ids=["<one@example.org>"]).ids[0]
