"""The actions that a digest's links offer: GET shows one button, POST acts, and undoes."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from digest.delivery.composing import load_digests
from digest.digests.plain import one_line
from digest.errors import DigestError, TokenError
from digest.matching.reasons import ReasonFinder
from digest.model import InterestKind, Subscriber, SubscriberState
from digest.store.ledger.rows import get_delivery
from digest.store.papers import get_papers
from digest.store.subscribers import get_subscriber
from digest.subscribers.actions import Muting, muting, read_action
from digest.subscribers.preferences import change_interests, texts_of
from digest.web.deps import WebDeps
from digest.web.pages import FormView, MessageView, Site

_READS = ["GET", "HEAD"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    subscriber: Subscriber
    muting: Muting

    @property
    def muted(self) -> bool:
        return self.muting.query in texts_of(self.subscriber, InterestKind.MUTED)


def action_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/act/{token}` and `/act/{token}/undo`."""
    routes = APIRouter()

    @routes.api_route("/act/{token}", methods=_READS)
    def show(token: str) -> Response:
        offer = _offer(deps, token)
        if offer is None:
            return site.message(_GONE, status=410)
        if offer.muted:
            return site.message(_done(site, offer, token))
        label = one_line(offer.muting.label)
        what = "Papers by this author" if offer.muting.is_author else "Papers with this term"
        return site.message(
            MessageView(
                title=f"No more “{label}”?",
                paragraphs=(f"{what} will not be in your digests any more.",),
                form=FormView(action=f"{site.base_path}/act/{token}", label=f"Mute “{label}”"),
            )
        )

    @routes.post("/act/{token}")
    def act(token: str) -> Response:
        offer = _offer(deps, token)
        if offer is None or not _change(deps, offer, add=True):
            return site.message(_GONE, status=410)
        return site.message(_done(site, offer, token))

    @routes.post("/act/{token}/undo")
    def undo(token: str) -> Response:
        offer = _offer(deps, token)
        if offer is None or not _change(deps, offer, add=False):
            return site.message(_GONE, status=410)
        return site.message(
            MessageView(
                title="Taken back",
                paragraphs=(f"“{one_line(offer.muting.label)}” may be in your digests again.",),
            )
        )

    return routes


_GONE = MessageView(
    title="This link does nothing any more",
    paragraphs=("The digest it came with is too old, or its paper reads otherwise now.",),
)


def _done(site: Site, offer: _Offer, token: str) -> MessageView:
    return MessageView(
        title="Muted",
        paragraphs=(f"No more “{one_line(offer.muting.label)}” in your digests.",),
        form=FormView(action=f"{site.base_path}/act/{token}/undo", label="Undo", quiet=True),
    )


def _offer(deps: WebDeps, token: str) -> _Offer | None:
    try:
        action = read_action(deps.rules.signer, token)
    except TokenError:
        return None
    with deps.store.read() as tx:
        delivery = get_delivery(tx, action.delivery_id)
        if delivery is None or action.position >= len(delivery.papers):
            return None
        subscriber = get_subscriber(tx, delivery.subscriber_id)
        if subscriber is None or subscriber.state is not SubscriberState.ACTIVE:
            return None
        finder = ReasonFinder(deps.annotator.synonyms)
        digest = load_digests(tx, [delivery], finder=finder).get(delivery.id)
        paper_id = delivery.papers[action.position].paper_id
        paper = get_papers(tx, [paper_id]).get(paper_id)
    if digest is None or paper is None:
        return None
    match = next((one for one in digest.matches if one.paper.id == paper.id), None)
    try:
        return _Offer(subscriber=subscriber, muting=muting(action, match)) if match else None
    except TokenError:
        return None


def _change(deps: WebDeps, offer: _Offer, *, add: bool) -> bool:
    query = offer.muting.query
    try:
        change_interests(
            deps.store,
            deps.rules,
            offer.subscriber.id,
            kind=InterestKind.MUTED,
            add=query if add else None,
            remove=None if add else query,
            now=deps.clock(),
        )
    except DigestError:
        return False
    return True
