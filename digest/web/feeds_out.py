"""Feeds that others can follow: the edition, a tag, a search, and one's own matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlmodel import Session
from starlette.responses import JSONResponse, Response

from digest.delivery.composing import digest_of_plan
from digest.delivery.editions import Editions
from digest.delivery.planning import compose_owed
from digest.digests.schedule import OwedPeriod, next_digest_at, period_of
from digest.errors import QueryError
from digest.matching.query import Query as Expression
from digest.matching.query import parse_query
from digest.matching.reasons import ReasonFinder
from digest.model import Match, Subscriber
from digest.store.editions import day_listings, newest_day
from digest.store.library import Order, Shelf
from digest.subscribers.tokens import SignedPurpose
from digest.web.deps import WebDeps
from digest.web.pages import Site
from digest.web.syndication import Channel, atom, json_feed
from digest.web.tickets import ticket_owner

_ENTRIES = 50
_READS = ["GET", "HEAD"]
_PUBLIC = "public, max-age=300"
_PRIVATE = "private, max-age=300"


class FeedQuery(BaseModel):
    """Which list: the edition, a tag, or a search."""

    tag: str = Field("", max_length=400)
    q: str = Field("", max_length=8_000)


def feed_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/feed.atom`, `/feed.json` and the private `/feed/{token}.…`."""
    routes = APIRouter()
    feeds = _Feeds(deps, site)

    @routes.api_route("/feed.atom", methods=_READS)
    def public_atom(asked: Annotated[FeedQuery, Query()]) -> Response:
        return feeds.public(asked, "atom")

    @routes.api_route("/feed.json", methods=_READS)
    def public_json(asked: Annotated[FeedQuery, Query()]) -> Response:
        return feeds.public(asked, "json")

    @routes.api_route("/feed/{token}.atom", methods=_READS)
    def private_atom(token: str) -> Response:
        return feeds.private(token, "atom")

    @routes.api_route("/feed/{token}.json", methods=_READS)
    def private_json(token: str) -> Response:
        return feeds.private(token, "json")

    return routes


class _Feeds:
    def __init__(self, deps: WebDeps, site: Site) -> None:
        self._deps = deps
        self._site = site
        self._base_url = deps.settings.service.base_url
        self._name = deps.settings.service.name

    def public(self, asked: FeedQuery, kind: str) -> Response:
        query: Expression | None = None
        if asked.q.strip():
            try:
                query = parse_query(asked.q)
            except QueryError:
                return self._site.error(400)
        with self._deps.store.read() as tx:
            matches = self._matches(tx, query, asked.tag)
        page = "/papers" if query or asked.tag else "/"
        named = asked.q or asked.tag
        return self._answer(
            kind,
            title=f"{self._name}: {named}" if named else self._name,
            path=self._site.paths.to(f"/feed.{kind}", tag=asked.tag, q=asked.q),
            page=self._site.paths.to(page, tag=asked.tag, q=asked.q),
            matches=matches,
            cache_control=_PUBLIC,
        )

    def private(self, token: str, kind: str) -> Response:
        with self._deps.store.read() as tx:
            owner = ticket_owner(tx, self._deps.rules.signer, SignedPurpose.FEED, token)
            if owner is None:
                return self._site.error(404)
            matches = self._own(tx, owner)
        return self._answer(
            kind,
            title=f"{self._name}: my matches",
            path=self._site.paths.to(f"/feed/{token}.{kind}"),
            page=self._site.paths.to("/preferences"),
            matches=matches,
            cache_control=_PRIVATE,
        )

    def _matches(self, tx: Session, query: Expression | None, tag: str) -> Sequence[Match]:
        if query is None and not tag:
            day = newest_day(tx, until=self._deps.clock().date())
            listed = day_listings(tx, day, limit=_ENTRIES).papers if day else ()
            return [Match(paper=paper, reasons=()) for paper in listed]
        found = self._deps.find(
            tx, query, Shelf(tag=tag), order=Order.NEWEST, after=None, limit=_ENTRIES
        )
        return found.matches

    def _own(self, tx: Session, owner: Subscriber) -> Sequence[Match]:
        """Match the papers of the last days, sent before or not."""
        now, synonyms = self._deps.clock(), self._deps.annotator.synonyms
        owed = OwedPeriod(period_of(owner.schedule, now), now, next_digest_at(owner.schedule, now))
        plan = compose_owed(owner, owed, Editions.of_one(tx, owner, synonyms).recent(tx, now), ())
        return digest_of_plan(tx, plan, owner, ReasonFinder(synonyms)).matches

    def _answer(
        self,
        kind: str,
        *,
        title: str,
        path: str,
        page: str,
        matches: Sequence[Match],
        cache_control: str,
    ) -> Response:
        origin = self._base_url.removesuffix(self._site.base_path)
        seen = [match.paper.first_seen_at for match in matches]
        channel = Channel(
            title=title,
            site_url=self._base_url,
            self_url=origin + path,
            page_url=origin + page,
            updated_at=max(seen, default=self._deps.clock()),
            matches=tuple(matches),
        )
        headers = {"cache-control": cache_control}
        if kind == "json":
            return JSONResponse(
                json_feed(channel), media_type="application/feed+json", headers=headers
            )
        return Response(
            atom(channel), media_type="application/atom+xml; charset=utf-8", headers=headers
        )
