"""A process that stays indexes what people saved once, and then only what came since."""

from __future__ import annotations

from dataclasses import replace

from sqlmodel import update

from digest.delivery.known_queries import KnownQueries
from digest.matching.query import canonical, parse_query
from digest.matching.reading import Synonyms
from digest.model import Interest, InterestKind, Paper, QueryId, SubscriberId, SubscriberState
from digest.store.engine import Store
from digest.store.interests import get_or_create_query, replace_interests
from digest.store.papers import recent_papers
from digest.store.tables import SubscriberRow
from tests.support.ledger_world import DAY, MONDAY, add_papers, add_subscribers


def save(store: Store, subscriber: SubscriberId, *texts: str) -> list[QueryId]:
    with store.write() as tx:
        ids = [get_or_create_query(tx, canonical(parse_query(text))) for text in texts]
        interests = [
            Interest(kind=InterestKind.KEYWORD, text=text, query_id=one)
            for text, one in zip(texts, ids, strict=True)
        ]
        replace_interests(tx, {subscriber: interests}, now=MONDAY)
    return ids


def some_papers(store: Store) -> list[Paper]:
    add_papers(store, 2)
    with store.read() as tx:
        return recent_papers(tx, MONDAY - DAY, MONDAY)


def test_what_was_saved_since_is_taken_in_and_nothing_twice(store: Store) -> None:
    (subscriber,) = add_subscribers(store, 1)
    papers = some_papers(store)
    known = KnownQueries()
    with store.read() as tx:
        known.follow(tx)
    agents, nets = save(store, subscriber, "agents plan ahead OR agents that plan", "nets")

    with store.read() as tx:
        counts = (known.follow(tx), known.follow(tx))
    hits = known.match(papers)

    assert counts == (2, 0)
    assert (hits.bits(agents), hits.bits(nets)) == (0b11, 0)


def test_the_query_of_somebody_who_came_back_is_taken_in_when_asked_for(store: Store) -> None:
    away, active = add_subscribers(store, 2)
    (old,) = save(store, away, "agents")
    save(store, active, "nets")
    with store.write() as tx:
        tx.execute(
            update(SubscriberRow)
            .where(SubscriberRow.__table__.c.id == away)  # type: ignore[attr-defined]
            .values(state=SubscriberState.UNSUBSCRIBED.value)
        )
    known = KnownQueries()

    with store.read() as tx:
        known.follow(tx)
        counts = (known.include(tx, [old]), known.include(tx, [old]))

    assert counts == (1, 0)
    assert known.match(some_papers(store)).bits(old) == 0b11


def test_synonyms_hold_for_the_queries_of_a_run(store: Store) -> None:
    (subscriber,) = add_subscribers(store, 1)
    (query,) = save(store, subscriber, "planners")
    known = KnownQueries(Synonyms([("planner", "agents that plan")]))

    with store.read() as tx:
        known.follow(tx)

    papers = [replace(one, abstract="") for one in some_papers(store)]
    assert known.match(papers).bits(query) == 0b11
