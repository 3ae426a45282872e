"""Digests from values in memory to wire bytes, beside the ordinary stack in one run.

Each digest has 20 papers out of several hundred, with the reasons, the muting links and
the tokens of its own reader, in text and HTML. What stands in memory before: deliveries
as recorded, subscribers with their interests, papers, queries; and the reasons, which the
benchmark `matching` measures: one row finds them anew within the measured time. What is
measured: words, cards, tokens, headers, MIME, from empty caches on. What is not: reading
all that by SQL and the SMTP transaction, which the benchmark `delivery` has.

The ordinary stack gets its digests with all reasons and links found, too. It renders with one
Jinja2 environment, inlines with css-inline, and builds an `EmailMessage`. Seconds are CPU
of one process on one core. Each way runs in a process of its own, begins with every cache
of ours empty, the process-wide ones too, and says what memory it took on.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.population import Population, make_papers, make_population
from benchmarks.result import Result, peak_mb, timed
from digest.delivery.batch import Matches, digest_of, wanted_by_query
from digest.delivery.composing import DigestComposer, Sender
from digest.digests.message import MailHeaders
from digest.digests.render import DigestRenderer
from digest.matching.fanout import Lists, Requests, best_papers
from digest.matching.index import build_index
from digest.matching.rank import rank
from digest.matching.reasons import ReasonFinder
from digest.model import (
    Delivery,
    DeliveryId,
    DeliveryState,
    Digest,
    DigestLinks,
    Interest,
    InterestKind,
    Link,
    Paper,
    PaperId,
    Period,
    PlannedPaper,
    QueryId,
    Schedule,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from digest.resources import resource_dir
from digest.subscribers.actions import action_tokens, mutings
from digest.subscribers.links import digest_links
from digest.subscribers.tokens import TokenSigner
from tests.support.plain_mail import PlainMail, plain_message

DIGESTS = 100_000
PAPERS = 500
KEEP = 20
ORDINARY = 300

_NOW = datetime(2026, 2, 3, 7, tzinfo=UTC)
_BASE_URL = "https://papers.example.org"
_SENDER = Sender(
    sender="Daily papers <digest@papers.example.org>",
    reply_to="",
    list_id="daily-papers.papers.example.org",
    bounce_domain="bounces.papers.example.org",
    base_url=_BASE_URL,
)
_SIGNER = TokenSigner(["a secret key of thirty-two characters"])
_ZONES = ("Europe/Paris", "America/New_York", "Asia/Tokyo", "Asia/Kolkata", "UTC")


@dataclass(frozen=True, slots=True)
class _Known:
    """What stands in memory: who is owed what, and the papers."""

    owed: list[tuple[Delivery, Subscriber]]
    papers: dict[PaperId, Paper]


def run() -> list[Result]:
    count = int(os.environ.get("BENCH_DIGESTS", str(DIGESTS)))
    # Before and after, as the machine may be busier at one time than at another.
    before = _alone(_ordinary_row, min(count, ORDINARY))[0]
    ours = [*_alone(_found_rows, count), *_alone(_anew_row, count)]
    after = _alone(_ordinary_row, min(count, ORDINARY))[0]
    ordinary = replace(
        before, count=before.count + after.count, seconds=before.seconds + after.seconds
    )
    per_ordinary = ordinary.seconds / ordinary.count
    return [
        *(
            replace(
                row,
                ratio=per_ordinary / (row.seconds / row.count),
                against="Jinja2, css-inline, EmailMessage",
            )
            for row in ours
        ),
        ordinary,
    ]


def _alone(rows: Callable[[int], list[Result]], count: int) -> list[Result]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(rows, (count,))


def _found_rows(count: int) -> list[Result]:
    known = _known(count)
    matches = Matches(ReasonFinder())
    digests = [_digest(known, matches, *one) for one in known.owed]
    ours = _Ours(known)
    half = count // 2
    before = _emptied()
    size, first = timed(lambda: ours.build_found(digests, 0, half))
    more, second = timed(lambda: ours.build_found(digests, half, count))
    held = _resident_mb() - before
    papers = len({each.paper_id for one, _ in known.owed for each in one.papers})
    average = (size + more) / count / 1000
    shape = f"{count:,} digests of {KEEP} out of {papers} papers, {average:.0f} KB each"
    return [
        _row(f"{shape}, from empty caches; {held} MB kept", count, first + second),
        _row("the second half of them, with warm caches", count - half, second),
    ]


def _anew_row(count: int) -> list[Result]:
    ours = _Ours(_known(count))
    before = _emptied()
    _, seconds = timed(ours.build)
    held = _resident_mb() - before
    work = f"all of them with reasons found anew, from empty caches; {held} MB kept"
    return [_row(work, count, seconds)]


def _ordinary_row(count: int) -> list[Result]:
    build = _ordinary(_known(count))
    _emptied()
    done, seconds = timed(build)
    work = "the ordinary stack: one Jinja2 environment, css-inline, EmailMessage"
    return [_row(work, done, seconds)]


def _row(work: str, count: int, seconds: float) -> Result:
    return Result(name="render", work=work, count=count, seconds=seconds, peak_mb=peak_mb())


def _emptied() -> int:
    """Empty the caches of this process, and give the MB it holds then.

    What was made before is kept from the collector: a sender has no 100,000 digests in
    memory at once, whose objects it would go through again and again.
    """
    for module in [one for name, one in sys.modules.items() if name.startswith("digest.")]:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
    gc.collect()
    gc.freeze()
    return _resident_mb()


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


class _Ours:
    """What a sender does for each delivery once it is read."""

    def __init__(self, known: _Known) -> None:
        renderer = DigestRenderer(resource_dir("templates"), service_name="Daily papers")
        self._known = known
        self._composer = DigestComposer(renderer, _SIGNER, _SENDER)

    def build(self) -> int:
        """Find reasons and build messages; return what they take in bytes."""
        known, matches = self._known, Matches(ReasonFinder())
        return sum(
            len(self._composer.build(one[0], _digest(known, matches, *one), range(KEEP)).content)
            for one in known.owed
        )

    def build_found(self, digests: Sequence[Digest], start: int, end: int) -> int:
        """Build messages of digests whose reasons are found; return their bytes."""
        return sum(
            len(self._composer.build(delivery, digest, range(KEEP)).content)
            for (delivery, _), digest in islice(
                zip(self._known.owed, digests, strict=True), start, end
            )
        )


def _digest(known: _Known, matches: Matches, delivery: Delivery, subscriber: Subscriber) -> Digest:
    found = matches.matches(known.papers, delivery.papers, wanted_by_query(subscriber))
    return digest_of(delivery, subscriber, found)


def _ordinary(known: _Known) -> Callable[[], int]:
    """Prepare digests with all that is not the ordinary stack's to find."""
    matches = Matches(ReasonFinder())
    plain = PlainMail(resource_dir("templates"), service_name="Daily papers")
    prepared = [
        _prepared(delivery, _digest(known, matches, delivery, subscriber))
        for delivery, subscriber in known.owed
    ]

    def build() -> int:
        for digest, links, less, headers in prepared:
            plain_message(plain.render(digest, links, less=less), headers).as_bytes()
        return len(prepared)

    build()  # the templates are compiled once
    return build


def _prepared(
    delivery: Delivery, digest: Digest
) -> tuple[Digest, DigestLinks, list[tuple[Link, ...]], MailHeaders]:
    links = digest_links(
        _SIGNER,
        base_url=_BASE_URL,
        subscriber_id=delivery.subscriber_id,
        delivery_id=delivery.id,
        unsubscribe_address=_SENDER.mailbox,
    )
    less = [
        tuple(
            Link(
                label=one.label,
                url=links.act + action_tokens(_SIGNER, delivery.id, [place])[choice].decode(),
            )
            for choice, one in mutings(match).items()
        )
        for place, match in enumerate(digest.matches)
    ]
    headers = MailHeaders(
        sender=_SENDER.sender,
        recipient=digest.subscriber.email,
        envelope_from=_SENDER.address,
        message_id=delivery.message_id,
        date_at=delivery.message_date_at,
        list_id=_SENDER.list_id,
        unsubscribe_url=links.unsubscribe,
        unsubscribe_mailto=links.unsubscribe_mailto,
        help_url=links.manage,
        archive_url=links.web,
        feedback_id="a:2026-02-03:digest:papers",
    )
    return digest, links, less, headers


def _known(wanted: int) -> _Known:
    papers = [_dressed(paper) for paper in rank(make_papers(PAPERS))]
    people = wanted + wanted // 5  # some have fewer than 20 papers
    population = make_population(people, papers)
    return _Known(
        owed=list(islice(_owed(population, papers, people), wanted)),
        papers={paper.id: paper for paper in papers},
    )


def _dressed(paper: Paper) -> Paper:
    """Give a synthetic paper what a real one has besides its words."""
    arxiv_id = paper.alias.partition(":")[2]
    links = [Link(label="Hugging Face", url=f"https://huggingface.co/papers/{arxiv_id}")]
    if paper.id % 3 == 0:
        links.append(Link(label="code", url=f"https://github.com/example/{arxiv_id}"))
    return replace(
        paper,
        url=f"https://arxiv.org/abs/{arxiv_id}",
        venue=f"arXiv {paper.tags[0]}",
        links=tuple(links),
        upvotes_change=(paper.upvotes or 0) // 3,
    )


def _owed(
    population: Population, papers: list[Paper], people: int
) -> Iterator[tuple[Delivery, Subscriber]]:
    hits = build_index(population.queries).match(papers)
    everything = (1 << len(papers)) - 1
    nothing = Lists(np.empty(0, dtype=np.int64), np.zeros(people + 1, dtype=np.int64))
    best = best_papers(
        hits,
        Requests(
            wanted=Lists(population.ids, population.starts),
            muted=nothing,
            sent=nothing,
            masks=(everything,),
            mask_of=np.zeros(people, dtype=np.int64),
            keep=np.full(people, KEEP, dtype=np.int64),
        ),
    )
    texts = dict(population.queries)
    for number in range(people):
        places = best.places[number, : best.counts[number]].tolist()
        if len(places) < KEEP:
            continue
        ids = [
            QueryId(one)
            for one in population.ids[slice(*population.starts[number : number + 2])].tolist()
        ]
        planned = tuple(
            PlannedPaper(paper_id=papers[place].id, query_ids=tuple(wanting))
            for place, wanting in zip(places, hits.wanting(places, ids), strict=True)
        )
        yield (
            _delivery(number, planned, int(best.totals[number]) - KEEP),
            _subscriber(number, ids, texts),
        )


def _delivery(number: int, planned: tuple[PlannedPaper, ...], left_over: int) -> Delivery:
    return Delivery(
        id=DeliveryId(1_000_000 + number),
        subscriber_id=SubscriberId(number + 1),
        period=Period("2026-02-03"),
        state=DeliveryState.CLAIMED,
        scheduled_at=_NOW,
        closes_at=_NOW + timedelta(days=1),
        prepared_at=_NOW,
        papers=planned,
        carried=min(left_over, KEEP),
        left_over=left_over,
        message_id=f"<{number:024x}@papers.example.org>",
        message_date_at=_NOW + timedelta(seconds=number // 1000),
    )


def _subscriber(number: int, ids: list[QueryId], texts: dict[QueryId, str]) -> Subscriber:
    return Subscriber(
        id=SubscriberId(number + 1),
        email=f"reader{number}@example.org",
        state=SubscriberState.ACTIVE,
        schedule=Schedule(
            timezone=_ZONES[number % len(_ZONES)], hour=number % 24, weekdays=frozenset(range(7))
        ),
        max_papers=KEEP,
        min_upvotes=0,
        interests=tuple(_interest(one, texts[one]) for one in ids),
        consented_at=_NOW - timedelta(days=30),
        next_digest_at=_NOW + timedelta(days=1),
        created_at=_NOW - timedelta(days=30),
    )


def _interest(query_id: QueryId, text: str) -> Interest:
    if text.startswith("tag:"):
        return Interest(kind=InterestKind.TAG, text=text.removeprefix("tag:"), query_id=query_id)
    return Interest(kind=InterestKind.KEYWORD, text=text, query_id=query_id)
