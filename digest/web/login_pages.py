"""Logging in by a mailed link, logging out, and confirming a new address.

GET shows a form or one button, POST acts.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from digest.errors import AddressError, TokenError
from digest.subscribers.addresses import normalise_address
from digest.subscribers.intake import write_login
from digest.subscribers.moving import MoveState, look_at_move, move
from digest.subscribers.sessions import log_in, log_out, may_log_in
from digest.subscribers.tokens import ONE_USE_BYTES
from digest.web.cards import Anchor
from digest.web.deps import WebDeps
from digest.web.pages import FormView, LoginView, MessageView, Site
from digest.web.visitors import Visitors

_READS = ["GET", "HEAD"]


def login_routes(deps: WebDeps, site: Site, visitors: Visitors) -> APIRouter:
    """Make `/login/{token}` and `/logout`."""
    routes = APIRouter()
    to = site.paths.to

    @routes.api_route("/login/{token}", methods=_READS)
    def show(token: str) -> Response:
        if not may_log_in(deps.store, token, now=deps.clock()):
            return site.message(_worn_out(to("/login")), status=410)
        return site.message(
            MessageView(
                title="Open your digest’s settings",
                paragraphs=("You stay logged in on this device for a week.",),
                form=FormView(action=f"{site.base_path}/login/{token}", label="Log in"),
            )
        )

    @routes.post("/login/{token}")
    def enter(token: str) -> Response:
        try:
            session = log_in(
                deps.store,
                token,
                now=deps.clock(),
                random_bytes=deps.random_bytes(ONE_USE_BYTES),
            )
        except TokenError:
            return site.message(_worn_out(to("/login")), status=410)
        response = RedirectResponse(to("/preferences"), status_code=303)
        visitors.remember(response, session)
        return response

    @routes.post("/logout")
    def leave(request: Request) -> Response:
        token = visitors.token(request)
        if token:
            log_out(deps.store, token, now=deps.clock())
        response: Response = RedirectResponse(to("/"), status_code=303)
        visitors.forget(response)
        return response

    return routes


def ask_routes(deps: WebDeps, site: Site, visitors: Visitors) -> APIRouter:
    """Make `/login`, which sends the link."""
    routes = APIRouter()

    @routes.api_route("/login", methods=_READS)
    def ask() -> Response:
        return site.page("login", LoginView(email="", problem=""))

    @routes.post("/login")
    def send(request: Request, email: Annotated[str, Form(max_length=400)] = "") -> Response:
        try:
            address = normalise_address(email).email
        except AddressError as exc:
            view = LoginView(email=email[:254], problem=str(exc))
            return site.page("login", view, status=422)
        allowance = visitors.allowance(request, "login")
        if not write_login(deps.store, address, allowance, now=deps.clock()):
            return site.error(429)
        deps.nudge()
        return site.message(_link_sent(site.paths.to("/subscribe")))

    return routes


def move_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/address/{token}`, which confirms a new address."""
    routes = APIRouter()

    @routes.api_route("/address/{token}", methods=_READS)
    def show_move(token: str) -> Response:
        return _move_page(site, token, deps, act=False)

    @routes.post("/address/{token}")
    def do_move(token: str) -> Response:
        return _move_page(site, token, deps, act=True)

    return routes


def _move_page(site: Site, token: str, deps: WebDeps, *, act: bool) -> Response:
    look = move if act else look_at_move
    found = look(deps.store, token, now=deps.clock())
    match found.state:
        case MoveState.OPEN:
            return site.message(
                MessageView(
                    title="Use this address",
                    paragraphs=(f"Your digests will come to {found.email}.",),
                    form=FormView(
                        action=f"{site.base_path}/address/{token}", label="Use this address"
                    ),
                )
            )
        case MoveState.DONE:
            return site.message(
                MessageView(
                    title="Your digests come here now",
                    paragraphs=(f"From now on they are sent to {found.email}.",),
                )
            )
        case MoveState.TAKEN:
            return site.message(
                MessageView(
                    title="This address has a subscription of its own",
                    paragraphs=("Unsubscribe one of the two, then ask for the change again.",),
                ),
                status=409,
            )
        case _:
            return site.message(_worn_out(site.paths.to("/login")), status=410)


def _link_sent(subscribe_url: str) -> MessageView:
    return MessageView(
        title="Look into your inbox",
        paragraphs=(
            "If this address is subscribed, a mail with a link is on its way to it.",
            "The link works once, for 48 hours.",
            "Nothing comes? No mail goes to an address that marked a digest as spam.",
        ),
        onward=Anchor(text="Not subscribed yet?", url=subscribe_url),
    )


def _worn_out(login_url: str) -> MessageView:
    return MessageView(
        title="This link works no more",
        paragraphs=("A link works once, for 48 hours.",),
        onward=Anchor(text="Ask for a new one", url=login_url),
    )
