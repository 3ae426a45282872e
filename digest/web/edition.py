"""The front page: the papers of the newest day."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from digest.digests.view import PaperView, paper_view
from digest.digests.wording import long_date
from digest.feeds.health import thin_day_notices
from digest.matching.rank import rank
from digest.model import Paper
from digest.store.editions import DayListings, newest_listings
from digest.store.feed_days import all_feed_days
from digest.store.feeds import list_feeds
from digest.web.deps import WebDeps
from digest.web.pages import HomeView, Site

_SHOWN = 40
_MAX_TAGS = 4
_READS = ["GET", "HEAD"]


def edition_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/`."""
    routes = APIRouter()
    operator = deps.settings.service.operator_email

    @routes.api_route("/", methods=_READS)
    def home() -> Response:
        with deps.store.read() as tx:
            listings = newest_listings(tx, until=deps.clock().date(), limit=_SHOWN)
            notices = thin_day_notices(list_feeds(tx), all_feed_days(tx), now=deps.clock())
        view = _home_view(listings, notices=notices, contact=operator)
        return site.page("home", view, cache_control="public, max-age=60")

    return routes


def _home_view(listings: DayListings | None, *, notices: tuple[str, ...], contact: str) -> HomeView:
    if listings is None:
        return HomeView(
            title="No papers yet",
            lead="The first feeds have not been read. Papers appear here as they come.",
            notices=(),
            papers=(),
            more="",
            contact=contact,
        )
    papers = "1 paper" if listings.total == 1 else f"{listings.total:,} papers"
    feeds = "1 feed" if listings.feeds == 1 else f"{listings.feeds:,} feeds"
    rest = listings.total - len(listings.papers)
    return HomeView(
        title=long_date(listings.day),
        lead=f"{papers} from {feeds}.",
        notices=notices,
        papers=tuple(_card(paper) for paper in rank(listings.papers)),
        more=_more(rest),
        contact=contact,
    )


def _more(rest: int) -> str:
    if rest <= 0:
        return ""
    return f"{rest:,} more {'was' if rest == 1 else 'were'} listed on this day."


def _card(paper: Paper) -> PaperView:
    view = paper_view(paper)
    return replace(view, tags=tuple(dict.fromkeys(paper.tags))[:_MAX_TAGS])
