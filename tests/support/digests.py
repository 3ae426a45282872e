"""Digests to render: from one paper to a full one, plain and awkward."""

from __future__ import annotations

from datetime import UTC, date, datetime

from digest.model import (
    Alias,
    Digest,
    DigestLinks,
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

SCHEDULE = Schedule(timezone="Europe/Paris", hour=8, weekdays=frozenset(range(5)))

LINKS = DigestLinks(
    web="https://papers.example.org/digests/v1.MTIzNDU2.c2lnbmF0dXJl",
    manage="https://papers.example.org/login",
    unsubscribe="https://papers.example.org/unsubscribe/v1.MTIzNDU2.c2lnbmF0dXJlb2Z0aGlz",
    unsubscribe_mailto="mailto:b+MTIzNDU2.c2ln@papers.example.org?subject=unsubscribe",
)


def make_subscriber(
    *,
    schedule: Schedule = SCHEDULE,
    interests: tuple[Interest, ...] = (),
    max_papers: int = 20,
    min_upvotes: int = 0,
    next_digest_at: datetime | None = datetime(2026, 2, 4, 7, tzinfo=UTC),
    consented_at: datetime | None = datetime(2026, 1, 1, tzinfo=UTC),
) -> Subscriber:
    return Subscriber(
        id=SubscriberId(7),
        email="ada@example.org",
        state=SubscriberState.ACTIVE,
        schedule=schedule,
        max_papers=max_papers,
        min_upvotes=min_upvotes,
        interests=interests,
        consented_at=consented_at,
        next_digest_at=next_digest_at,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def make_interest(text: str, query_id: int, kind: InterestKind = InterestKind.KEYWORD) -> Interest:
    return Interest(kind=kind, text=text, query_id=QueryId(query_id))


def make_paper(
    number: int = 1,
    title: str = "Sparse features that survive scale",
    *,
    abstract: str = "",
    authors: tuple[str, ...] = (),
    venue: str = "",
    url: str | None = None,
    tags: tuple[str, ...] = (),
    links: tuple[Link, ...] = (),
    upvotes: int | None = None,
    upvotes_change: int | None = None,
) -> Paper:
    return Paper(
        id=PaperId(number),
        alias=Alias(f"arxiv:2602.{number:05d}"),
        title=title,
        abstract=abstract,
        authors=authors,
        venue=venue,
        url=f"https://arxiv.org/abs/2602.{number:05d}" if url is None else url,
        tags=tags,
        links=links,
        published_on=date(2026, 2, 2),
        first_seen_at=datetime(2026, 2, 2, 6, tzinfo=UTC),
        upvotes=upvotes,
        upvotes_change=upvotes_change,
    )


def make_digest(
    matches: tuple[Match, ...],
    *,
    period: str = "2026-02-03",
    left_over: int = 0,
    carried: int = 0,
    notices: tuple[str, ...] = (),
    subscriber: Subscriber | None = None,
) -> Digest:
    return Digest(
        subscriber=subscriber or make_subscriber(),
        period=Period(period),
        scheduled_at=datetime(2026, 2, 3, 7, tzinfo=UTC),
        matches=matches,
        left_over=left_over,
        carried=carried,
        notices=notices,
    )


SPARSE = Match(
    paper=make_paper(
        1,
        "Sparse features that survive scale",
        abstract=(
            "Features that a sparse autoencoder finds in a small model often vanish in a larger "
            "one. This work follows them across five sizes, shows which persist, and gives a "
            "cheap test that tells them apart before training is repeated at full scale on "
            "hardware that few laboratories can afford to rent."
        ),
        authors=("Ada Lovelace", "Alan Turing", "Kurt Gödel", "Mary Cartwright", "A. B.", "C. D."),
        venue="arXiv cs.LG",
        tags=("cs.LG", "cs.AI", "interpretability", "scaling"),
        links=(
            Link(label="Hugging Face", url="https://huggingface.co/papers/2602.00001"),
            Link(label="code", url="https://github.com/example/sparse"),
        ),
        upvotes=128,
        upvotes_change=41,
    ),
    reasons=(
        Reason(term="sparse autoencoder", field="abstract", query='"sparse autoencoder"'),
        Reason(term="interpretability", field="tag", query="tag:interpretability"),
    ),
)

PROTEIN = Match(
    paper=make_paper(
        2,
        "What a protein model knows before it folds",
        abstract=(
            "Contacts can be read from the middle layers of a protein diffusion model long "
            "before the structure head sees them. Cutting the model there keeps most of the "
            "accuracy at a third of the cost, on three public benchmarks."
        ),
        authors=("Rosalind Franklin", "Linus Pauling"),
        venue="bioRxiv",
        upvotes=37,
    ),
    reasons=(
        Reason(term="diffusion", field="title", query="q2", without=("survey",)),
        Reason(term="diffusion", field="abstract", query="q2", without=("survey",)),
        Reason(term="protein", field="title", query="q2", without=("survey",)),
        Reason(term="protein", field="abstract", query="q2", without=("survey",)),
    ),
)

LATTICE = Match(
    paper=make_paper(
        3,
        "A second look at lattice surgery for small codes",
        abstract=(
            "Two layouts that were thought equal differ by a constant that matters on the "
            "machines of today. The paper measures it and proposes the cheaper order of merges."
        ),
        authors=("Emmy Noether",),
        venue="arXiv quant-ph",
    ),
    reasons=(Reason(term="E. Noether", field="author", query='author:"E. Noether"'),),
)

AWKWARD = (
    Match(
        paper=make_paper(
            11,
            "Towards a Unified and Comprehensive Understanding of Mixture-of-Experts Routing "
            "Collapse in Trillion-Parameter Language Models: A Large-Scale Empirical Study "
            "Across Forty-Seven Architectures",
            authors=tuple(f"Author Number{n}" for n in range(1, 1_205)),
            venue="arXiv cs.CL",
            upvotes=12_345,
            upvotes_change=1_041,
            abstract="Short.",
        ),
        reasons=tuple(Reason(term=f"term{n}", field="abstract", query=f"q{n}") for n in range(7)),
    ),
    Match(
        paper=make_paper(
            12,
            "למידה עמוקה של רשתות דלילות בשפות שמיות (deep learning)",
            abstract=(
                "אנו מציגים שיטה חדשה לאימון רשתות דלילות. השיטה נבדקה על שלוש שפות שמיות "
                "ומראה שיפור עקבי לעומת שיטות קודמות, בלי עלות נוספת בזמן הריצה."
            ),
            authors=("נועה לוי", "Yael Cohen"),
            venue="OpenReview",
            upvotes=5,
        ),
        reasons=(Reason(term="רשתות דלילות", field="title", query="q"),),
    ),
    Match(
        paper=make_paper(
            13,
            "Bounds of O(n² log n) for ∑ᵢ αᵢ‖xᵢ‖₂ ≤ ε under <wordform, lemma> pairs & $2<r<q-1$",
            abstract="",
            authors=(),
            venue="",
        ),
        reasons=(),
    ),
    Match(
        paper=make_paper(
            14,
            "Pneumonoultramicroscopicsilicovolcanoconiosis_in_an_identifier_without_any_break",
            abstract="深層学習による疎な特徴の抽出について述べる。" * 20,
            authors=("山田 太郎",),
            venue="人工知能学会論文誌",
            url="javascript:alert(1)",
            links=(Link(label="bad", url="javascript:alert(2)"),),
        ),
        reasons=(Reason(term="疎な特徴", field="abstract", query="q9"),),
    ),
)

THREE = (SPARSE, PROTEIN, LATTICE)


def three_papers() -> Digest:
    return make_digest(THREE, left_over=12, carried=12)


def one_paper() -> Digest:
    return make_digest((SPARSE,))


def twenty_papers() -> Digest:
    return make_digest(
        tuple(
            Match(paper=make_paper_like(THREE[n % 3].paper, n + 1), reasons=THREE[n % 3].reasons)
            for n in range(20)
        ),
        left_over=1_234,
        carried=20,
    )


def awkward_papers() -> Digest:
    return make_digest(
        AWKWARD, notices=("arXiv announced nothing today: it was a holiday in the United States.",)
    )


def welcome() -> Digest:
    return make_digest(THREE, period="welcome", left_over=4)


def make_paper_like(paper: Paper, number: int) -> Paper:
    return make_paper(
        number,
        paper.title,
        abstract=paper.abstract,
        authors=paper.authors,
        venue=paper.venue,
        tags=paper.tags,
        links=paper.links,
        upvotes=paper.upvotes,
        upvotes_change=paper.upvotes_change,
    )
