"""Unsubscribing, and taking that back.

GET only shows a button; POST acts, and alone suffices: no cookie, no form field, no
redirect (RFC 8058). The token in the path is the whole permission, so there is no
session to forge.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from digest.errors import TokenError
from digest.model import SubscriberId, SubscriberState
from digest.store.subscribers import get_subscriber
from digest.subscribers.consent import undo_unsubscribe, unsubscribe
from digest.subscribers.tokens import ONE_USE_BYTES, SignedPurpose
from digest.web.cards import Anchor
from digest.web.deps import WebDeps
from digest.web.pages import FormView, MessageView, Site
from digest.web.sentences import comes, next_comes

_READS = ["GET", "HEAD"]


def leave_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/unsubscribe/{token}` and `/undo/{token}`."""
    routes = APIRouter()

    @routes.api_route("/unsubscribe/{token}", methods=_READS)
    def show_unsubscribe(token: str) -> Response:
        return _ask(deps, site, token)

    @routes.post("/unsubscribe/{token}")
    def do_unsubscribe(token: str, request: Request) -> Response:
        # A browser says that it navigates; a mail provider's one-click POST does not.
        by_page = request.headers.get("sec-fetch-mode") == "navigate"
        return _leave(
            deps, site, token, evidence="button on the page" if by_page else "one-click POST"
        )

    @routes.post("/undo/{token}")
    def undo(token: str) -> Response:
        return _undo(deps, site, token)

    return routes


def _ask(deps: WebDeps, site: Site, token: str) -> Response:
    subscriber_id = _subscriber_of(deps, token)
    if subscriber_id is None:
        return site.error(404)
    with deps.store.read() as tx:
        subscriber = get_subscriber(tx, subscriber_id)
    if subscriber is None or subscriber.state is not SubscriberState.ACTIVE:
        return site.message(_not_subscribed())
    return site.message(
        MessageView(
            title="Stop these digests?",
            paragraphs=(
                "One click, and nothing more is sent to this address.",
                comes(subscriber),
            ),
            form=FormView(action=f"{site.base_path}/unsubscribe/{token}", label="Unsubscribe"),
        )
    )


def _leave(deps: WebDeps, site: Site, token: str, *, evidence: str) -> Response:
    subscriber_id = _subscriber_of(deps, token)
    if subscriber_id is None:
        return site.error(404)
    leave = unsubscribe(
        deps.store,
        subscriber_id,
        now=deps.clock(),
        evidence=evidence,
        random_bytes=deps.random_bytes(ONE_USE_BYTES),
    )
    if leave.undo_token is None:
        return site.message(_not_subscribed())
    return site.message(
        MessageView(
            title="You are unsubscribed",
            paragraphs=("No more digests are sent to this address. Was it a mistake?",),
            form=FormView(
                action=f"{site.base_path}/undo/{leave.undo_token}",
                label="Keep my digests",
                quiet=True,
            ),
        )
    )


def _undo(deps: WebDeps, site: Site, token: str) -> Response:
    try:
        subscriber = undo_unsubscribe(deps.store, deps.rules, token, now=deps.clock())
    except TokenError:
        return site.message(
            MessageView(
                title="This can no longer be undone",
                paragraphs=("The button works once, for 48 hours.",),
                onward=Anchor(text="Subscribe again", url=site.paths.to("/subscribe")),
            ),
            status=410,
        )
    return site.message(
        MessageView(
            title="Your digests go on",
            paragraphs=(
                "It is as if you had never left: your interests and times are kept.",
                next_comes(subscriber),
            ),
        )
    )


def _subscriber_of(deps: WebDeps, token: str) -> SubscriberId | None:
    try:
        return SubscriberId(deps.rules.signer.verify(SignedPurpose.UNSUBSCRIBE, token))
    except TokenError:
        return None


def _not_subscribed() -> MessageView:
    return MessageView(
        title="You are not subscribed",
        paragraphs=("No digests are sent to this address. There is nothing left to do.",),
    )
