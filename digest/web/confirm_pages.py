"""Confirming a sign-up.

GET only shows a button, because mail scanners open every link; POST acts. There is no
cookie and no session to forge: the token in the path is the whole permission.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from digest.digests.plain import one_line, shorten
from digest.model import InterestKind, Subscriber
from digest.subscribers.consent import (
    Confirmation,
    ConfirmState,
    confirm,
    look_at_confirmation,
)
from digest.subscribers.preferences import texts_of
from digest.web.cards import Anchor
from digest.web.deps import WebDeps
from digest.web.pages import FormView, MessageView, Site
from digest.web.sentences import comes, next_comes

_READS = ["GET", "HEAD"]
_CHOSEN = ((InterestKind.TAG, "Topics and tags"), (InterestKind.KEYWORD, "Keywords"))
_LONGEST = 400
_WELCOME_FOLLOWS = "If something of the last 7 days matches, your first digest follows in a minute."


def confirm_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/confirm/{token}`."""
    routes = APIRouter()

    @routes.api_route("/confirm/{token}", methods=_READS)
    def show_confirm(token: str) -> Response:
        found = look_at_confirmation(deps.store, token, now=deps.clock())
        return _confirm_page(deps, site, found, token)

    @routes.post("/confirm/{token}")
    def do_confirm(token: str) -> Response:
        found = confirm(deps.store, deps.rules, token, now=deps.clock())
        if found.welcome:
            deps.nudge()
        return _confirm_page(deps, site, found, token)

    return routes


def _confirm_page(deps: WebDeps, site: Site, found: Confirmation, token: str) -> Response:
    subscriber = found.subscriber
    if subscriber is None or found.state is ConfirmState.UNKNOWN:
        return site.error(404)
    if found.state is ConfirmState.OPEN:
        return site.message(
            MessageView(
                title="Confirm your subscription",
                paragraphs=(
                    "Trending papers that match your interests will come to your inbox.",
                    *_chosen(subscriber),
                    comes(subscriber),
                ),
                form=FormView(action=f"{site.base_path}/confirm/{token}", label="Confirm"),
            )
        )
    if found.state is ConfirmState.EXPIRED:
        return site.message(
            MessageView(
                title="This link has expired",
                paragraphs=("It worked for 48 hours. Nothing was sent in the meantime.",),
                onward=Anchor(text="Subscribe again", url=site.paths.to("/subscribe")),
            ),
            status=410,
        )
    title = "You are subscribed"
    if found.state is ConfirmState.ALREADY:
        title = "You are subscribed already"
    return site.message(
        MessageView(
            title=title,
            paragraphs=(
                *((_WELCOME_FOLLOWS,) if found.welcome else ()),
                next_comes(subscriber),
                "Each digest has a link to leave, with one click.",
            ),
        )
    )


def _chosen(subscriber: Subscriber) -> tuple[str, ...]:
    """Say what the digest will be about, a line for each kind of interest."""
    return tuple(
        f"{name}: {shorten(', '.join(map(one_line, texts)), _LONGEST)}."
        for kind, name in _CHOSEN
        if (texts := texts_of(subscriber, kind))
    )
