"""A subscriber's own: next and past digests, address, private links, data, and the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from digest.delivery.composing import digest_of_plan
from digest.delivery.materialise import plan_preview
from digest.digests.view import digest_view
from digest.errors import AddressError
from digest.matching.reasons import ReasonFinder
from digest.model import WELCOME, DeliveryState, DigestLinks, Subscriber
from digest.store.deliveries import recent_deliveries
from digest.store.subscribers import raise_link_epoch
from digest.subscribers.links import digest_url
from digest.subscribers.moving import ask_to_move
from digest.subscribers.privacy import erase, export
from digest.web.cards import Anchor, papers_of
from digest.web.deps import WebDeps
from digest.web.pages import DigestPageView, FormView, MessageView, Site
from digest.web.paper_pages import say_day
from digest.web.visitors import Visitors

_READS = ["GET", "HEAD"]
_PAST = 100
_SAID = {
    DeliveryState.READY: "waits to be sent",
    DeliveryState.CLAIMED: "is being sent",
    DeliveryState.SENDING: "is being sent",
    DeliveryState.SENT: "sent",
    DeliveryState.FAILED: "could not be sent",
    DeliveryState.BOUNCED: "came back",
    DeliveryState.UNKNOWN: "may not have arrived",
    DeliveryState.SKIPPED: "not sent",
}

_NOTHING_NOW = (
    "If your digest were due this minute, none would be sent: every paper that matches was "
    "in an earlier one, or nothing matched yet."
)
_ALL_GOES = (
    "Your address, interests and links are removed at once, and no digest comes any more. "
    "That cannot be undone."
)

Page = Callable[[Subscriber], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRow:
    """One digest of the past."""

    day: str
    url: str
    said: str
    papers: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastView:
    """The digests of a subscriber, newest first."""

    rows: tuple[PastRow, ...]


def account_routes(deps: WebDeps, site: Site, visitors: Visitors) -> APIRouter:
    """Make what lies below `/preferences/`."""
    routes = APIRouter()
    account = _Account(deps, site)
    pages: tuple[tuple[str, list[str], Page], ...] = (
        ("/preferences/next", _READS, account.next_digest),
        ("/preferences/digests", _READS, account.past),
        ("/preferences/export", _READS, account.export),
        ("/preferences/delete", _READS, account.ask_delete),
        ("/preferences/links", ["POST"], account.new_links),
    )

    def owned(request: Request, page: Page) -> Response:
        owner = visitors.owner(request)
        if owner is None:
            return RedirectResponse(site.paths.to("/login"), status_code=303)
        return page(owner)

    def endpoint(page: Page) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            return owned(request, page)

        return answer

    for path, methods, page in pages:
        routes.add_api_route(path, endpoint(page), methods=methods, response_model=None)

    @routes.post("/preferences/address")
    def address(request: Request, email: Annotated[str, Form(max_length=400)] = "") -> Response:
        return owned(request, lambda owner: account.move(owner, email))

    @routes.post("/preferences/delete")
    def delete(request: Request) -> Response:
        response = owned(request, account.delete)
        visitors.forget(response)
        return response

    return routes


class _Account:
    def __init__(self, deps: WebDeps, site: Site) -> None:
        self._deps = deps
        self._site = site

    def next_digest(self, owner: Subscriber) -> Response:
        now, settings = self._deps.clock(), self._deps.settings
        with self._deps.store.read() as tx:
            finder = ReasonFinder(self._deps.annotator.synonyms)
            plan = plan_preview(
                tx, owner, now=now, settings=settings.digest, synonyms=finder.synonyms
            )
            digest = digest_of_plan(tx, plan, owner, finder)
        if not digest.matches:
            return self._site.message(
                MessageView(
                    title="Nothing new for you now",
                    paragraphs=(_NOTHING_NOW,),
                    onward=Anchor(text="My digest", url=self._site.paths.to("/preferences")),
                )
            )
        links = DigestLinks(
            web="",
            manage=self._site.paths.to("/preferences"),
            unsubscribe="",
            unsubscribe_mailto="",
        )
        view = digest_view(digest, links, service_name=settings.service.name)
        title = f"{digest.left_over:,} more matched"
        return self._site.page(
            "digest", DigestPageView(digest=view, rest=(), rest_title=title, rest_note="")
        )

    def past(self, owner: Subscriber) -> Response:
        signer = self._deps.rules.signer
        with self._deps.store.read() as tx:
            found = recent_deliveries(tx, owner.id, limit=_PAST)
        rows = tuple(
            PastRow(
                day="Welcome" if one.period == WELCOME else say_day(one.scheduled_at),
                url=digest_url(signer, self._site.base_path, one.id) if one.papers else "",
                said=one.skip_reason or _SAID[one.state],
                papers=papers_of(one.papers) if one.papers else "",
            )
            for one in found
        )
        return self._site.page("past", PastView(rows=rows))

    def export(self, owner: Subscriber) -> Response:
        document = export(self._deps.store, owner.email)
        return Response(
            json.dumps(document, indent=2, ensure_ascii=False),
            media_type="application/json",
            headers={"content-disposition": 'attachment; filename="my-digest.json"'},
        )

    def move(self, owner: Subscriber, email: str) -> Response:
        try:
            sent = ask_to_move(
                self._deps.store, self._deps.rules, owner.id, email, now=self._deps.clock()
            )
        except AddressError as exc:
            return self._site.message(
                MessageView(
                    title="This is no address",
                    paragraphs=(str(exc),),
                    onward=Anchor(text="My digest", url=self._site.paths.to("/preferences")),
                ),
                status=422,
            )
        if not sent:
            return self._site.error(429)
        self._deps.nudge()
        return RedirectResponse(self._site.paths.to("/preferences", said="moving"), status_code=303)

    def new_links(self, owner: Subscriber) -> Response:
        with self._deps.store.write() as tx:
            raise_link_epoch(tx, owner.id)
        return RedirectResponse(self._site.paths.to("/preferences", said="links"), status_code=303)

    def ask_delete(self, _owner: Subscriber) -> Response:
        return self._site.message(
            MessageView(
                title="Delete everything?",
                paragraphs=(_ALL_GOES,),
                form=FormView(action=self._site.paths.to("/preferences/delete"), label="Delete me"),
                onward=Anchor(text="Keep it all", url=self._site.paths.to("/preferences")),
            )
        )

    def delete(self, owner: Subscriber) -> Response:
        erase(self._deps.store, self._deps.rules.signer, owner.email, now=self._deps.clock())
        return self._site.message(
            MessageView(
                title="You are forgotten",
                paragraphs=("Nothing that names you is kept here any more.",),
            )
        )
