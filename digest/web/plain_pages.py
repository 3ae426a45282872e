"""Pages that say how to change something, until people can do it themselves."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from digest.web.deps import WebDeps
from digest.web.pages import MessageView, Site

_READS = ["GET", "HEAD"]


def plain_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/login` and `/preferences`."""
    routes = APIRouter()

    @routes.api_route("/login", methods=_READS)
    @routes.api_route("/preferences", methods=_READS)
    def preferences() -> Response:
        operator = deps.settings.service.operator_email
        how = (
            "Interests and times are kept by the person who runs this service. "
            "Say which tags and keywords you want, which you never want to see, and at what "
            "hour, in which time zone and on which days your digest should come."
        )
        leave = "To stop, use the link at the foot of any digest: it takes one click and no login."
        return site.message(
            MessageView(
                title="Change interests or times",
                paragraphs=(how, leave)
                if operator
                else (how, leave, "Reply to any digest to reach them."),
                contact_before="Write to" if operator else "",
                contact=operator,
            )
        )

    return routes
