"""`/metrics`: what whoever runs the service wants to watch, in the form Prometheus reads.

It is answered by address, as probes are, and not under the public name of the site: how
many subscribers there are is nobody else's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlmodel import Session
from starlette.responses import Response

from digest.store.deliveries import count_open
from digest.store.facts import LAST_BEAT, get_fact_at
from digest.store.feeds import list_feeds
from digest.store.intake import count_intake
from digest.store.library import newest_paper_id
from digest.store.subscribers import count_by_state
from digest.web.deps import WebDeps
from digest.web.guard import LOOPBACK, host_of
from digest.web.pages import Site


def metrics_routes(deps: WebDeps, site: Site) -> APIRouter:
    """Make `/metrics`."""
    routes = APIRouter()
    public = (urlsplit(deps.settings.service.base_url).hostname or "").lower()

    @routes.api_route("/metrics", methods=["GET", "HEAD"])
    def metrics(request: Request) -> Response:
        if host_of(request.headers.get("host", "")) == public and public not in LOOPBACK:
            return site.error(404)
        registry = CollectorRegistry()
        with deps.store.read() as tx:
            registry.register(_Counts(tx))
            return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


class _Counts:
    """Reads the counts in one transaction."""

    def __init__(self, tx: Session) -> None:
        self._tx = tx

    def describe(self) -> Iterable[Metric]:
        """Say nothing: registering would read everything twice."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read what stands in the database."""
        tx = self._tx
        yield _by(
            "digest_deliveries_open",
            "Deliveries that are not over, and those of which nobody knows whether they arrived",
            "state",
            {state.value: count for state, count in count_open(tx).items()},
        )
        yield _by(
            "digest_subscribers",
            "Subscribers",
            "state",
            {state.value: count for state, count in count_by_state(tx).items()},
        )
        feeds: dict[str, int] = {}
        for feed in list_feeds(tx):
            status = "paused" if feed.paused else feed.status or "not polled"
            feeds[status] = feeds.get(status, 0) + 1
        yield _by("digest_feeds", "Feeds by the result of their last poll", "status", feeds)
        yield _one("digest_intake_waiting", "Requests of visitors that wait", count_intake(tx))
        yield _one("digest_newest_paper_id", "Grows as papers come", newest_paper_id(tx))
        beat = get_fact_at(tx, LAST_BEAT)
        if beat is not None:
            yield _one(
                "digest_last_beat_timestamp_seconds",
                "When the scheduler last looked for work",
                beat.timestamp(),
            )


def _by(name: str, said: str, label: str, counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, said, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _one(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)
