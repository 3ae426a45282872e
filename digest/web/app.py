"""The application: routes, static files, error pages, and the guard around them."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from digest.web.account_pages import account_routes
from digest.web.action_pages import action_routes
from digest.web.api import create_api
from digest.web.confirm_pages import confirm_routes
from digest.web.deps import WebDeps
from digest.web.edition import edition_routes
from digest.web.facts import FactKeeper
from digest.web.feeds_out import feed_routes
from digest.web.guard import Guard
from digest.web.head import HeadAsGet
from digest.web.health import health_routes
from digest.web.help_pages import help_routes
from digest.web.leave_pages import leave_routes
from digest.web.library_pages import library_routes
from digest.web.login_pages import ask_routes, login_routes, move_routes
from digest.web.metrics import metrics_routes
from digest.web.pace import PreviewPace
from digest.web.pages import Site
from digest.web.paper_pages import paper_routes
from digest.web.past_digests import past_digest_routes
from digest.web.preference_pages import preference_routes
from digest.web.subscribe_pages import subscribe_routes
from digest.web.visitors import Visitors

__all__ = ["WebDeps", "create_app"]

_STATIC = {
    "site.css": "text/css; charset=utf-8",
    "site.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def create_app(deps: WebDeps) -> FastAPI:
    """Make the site.

    Run it without an access log: paths hold tokens.
    """
    site = Site(
        deps.templates,
        service_name=deps.settings.service.name,
        base_url=deps.settings.service.base_url,
    )
    facts = FactKeeper(deps.annotator.topics)
    visitors = Visitors(deps)
    pace = PreviewPace(deps)
    app = FastAPI(
        title=deps.settings.service.name,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for routes in (
        edition_routes(deps, site, facts),
        library_routes(deps, site, facts),
        paper_routes(deps, site),
        confirm_routes(deps, site),
        leave_routes(deps, site),
        past_digest_routes(deps, site),
        subscribe_routes(deps, site, facts, visitors, pace),
        ask_routes(deps, site, visitors),
        login_routes(deps, site, visitors),
        move_routes(deps, site),
        preference_routes(deps, site, facts, visitors, pace),
        account_routes(deps, site, visitors),
        feed_routes(deps, site),
        action_routes(deps, site),
        help_routes(site),
        health_routes(deps),
        metrics_routes(deps, site),
    ):
        app.include_router(routes)

    @app.api_route("/static/{name}", methods=["GET", "HEAD"])
    def static(name: str) -> Response:
        if name not in _STATIC:
            return site.error(404)
        return FileResponse(
            site.folder / name,
            media_type=_STATIC[name],
            headers={"cache-control": "public, max-age=3600"},
        )

    app.mount("/api", HeadAsGet(create_api(deps, facts, pace)))

    def say_http_error(_request: Request, exc: Exception) -> Response:
        status = exc.status_code if isinstance(exc, HTTPException) else 400
        response = site.error(status)
        for header, value in (getattr(exc, "headers", None) or {}).items():
            response.headers[header] = value
        return response

    app.add_exception_handler(HTTPException, say_http_error)
    app.add_exception_handler(RequestValidationError, say_http_error)
    app.add_middleware(Guard, base_url=deps.settings.service.base_url, error_page=site.error)
    return app
