"""Pages that explain: how to search, and what programs can ask for."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from digest.web.pages import Site

_READS = ["GET", "HEAD"]
_PUBLIC = "public, max-age=3600"


def help_routes(site: Site) -> APIRouter:
    """Make `/help/search` and `/api`."""
    routes = APIRouter()

    @routes.api_route("/help/search", methods=_READS)
    def searching() -> Response:
        return site.page("help-search", None, cache_control=_PUBLIC)

    @routes.api_route("/api", methods=_READS)
    def programs() -> Response:
        return site.page("help-api", None, cache_control=_PUBLIC)

    return routes
