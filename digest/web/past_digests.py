"""One past digest, as its papers and reasons read now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from fastapi import APIRouter
from sqlmodel import Session
from starlette.responses import Response

from digest.delivery.composing import load_digests
from digest.digests.card import paper_view
from digest.digests.view import DigestView, digest_view
from digest.digests.wording import long_date
from digest.errors import TokenError
from digest.matching.reading import Synonyms
from digest.matching.reasons import ReasonFinder
from digest.model import Delivery, DeliveryId, Digest, DigestLinks, Paper
from digest.store.ledger.rows import get_delivery
from digest.store.papers import get_papers
from digest.store.subscribers import get_subscriber
from digest.subscribers.links import digest_url
from digest.subscribers.tokens import SignedPurpose
from digest.web.deps import WebDeps
from digest.web.pages import DigestPageView, MessageView, RestView, Site

_READS = ["GET", "HEAD"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    delivery: Delivery
    digest: Digest | None
    rest: tuple[Paper, ...]


def past_digest_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/digests/{token}`."""
    routes = APIRouter()
    service = deps.settings.service
    kept = timedelta(days=deps.settings.digest.retention_days)

    @routes.api_route("/digests/{token}", methods=_READS)
    def show_digest(token: str) -> Response:
        try:
            payload = deps.rules.signer.verify(SignedPurpose.DIGEST, token)
        except TokenError:
            return site.error(404)
        with deps.store.read() as tx:
            delivery = get_delivery(tx, DeliveryId(payload))
            if delivery is None:
                return site.error(404)
            if deps.clock() - delivery.scheduled_at > kept:
                return site.message(_gone(deps.settings.digest.retention_days), status=410)
            if get_subscriber(tx, delivery.subscriber_id) is None:  # erased
                return site.error(410)
            past = _load(tx, delivery, deps.annotator.synonyms)
        if past.digest is None:
            return site.message(_nothing(delivery))
        links = DigestLinks(
            web=digest_url(deps.rules.signer, service.base_url, delivery.id),
            manage=f"{service.base_url}/login",
            # The page may be shown around, so it gives no permission to unsubscribe.
            unsubscribe="",
            unsubscribe_mailto="",
        )
        # The mail's words on what found no room point here, where it is listed.
        shown = replace(past.digest, left_over=0, carried=0)
        view = digest_view(shown, links, service_name=service.name)
        return site.page("digest", _page_view(view, past))

    return routes


def _load(tx: Session, delivery: Delivery, synonyms: Synonyms) -> _Past:
    digest = load_digests(tx, [delivery], finder=ReasonFinder(synonyms)).get(delivery.id)
    shown = {match.paper.id for match in digest.matches} if digest else set()
    papers = get_papers(tx, delivery.rest)
    rest = {
        papers[one].id: papers[one]
        for one in delivery.rest
        if one in papers and papers[one].id not in shown
    }
    return _Past(delivery=delivery, digest=digest, rest=tuple(rest.values()))


def _page_view(view: DigestView, past: _Past) -> DigestPageView:
    rest = tuple(_rest_view(paper) for paper in past.rest)
    left_over = max(past.delivery.left_over, len(rest))
    return DigestPageView(
        digest=view,
        rest=rest,
        rest_title=f"{left_over:,} more matched",
        rest_note=_rest_note(len(rest), left_over),
    )


def _rest_note(shown: int, left_over: int) -> str:
    if shown == left_over:
        return ""
    if shown == 1:
        return "This is the best of them."
    return f"These are the best {shown:,} of them."


def _rest_view(paper: Paper) -> RestView:
    view = paper_view(paper)
    return RestView(title=view.title, url=view.url, meta=view.meta, upvotes=view.upvotes)


def _nothing(delivery: Delivery) -> MessageView:
    return MessageView(
        title="No papers in this digest",
        paragraphs=(
            *delivery.notices,
            f"Nothing was found for {long_date(delivery.scheduled_at.date())}.",
        ),
    )


def _gone(retention_days: int) -> MessageView:
    return MessageView(
        title="This digest is gone",
        paragraphs=(f"Past digests are shown for {retention_days} days.",),
    )
