"""Probes: is the process alive, and can it do its work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from digest.errors import StorageError
from digest.store.engine import head_revision
from digest.store.facts import get_fact_at
from digest.web.deps import WebDeps

LAST_TICK = "last_tick"
"""Name of the fact that the scheduler keeps."""

MAX_TICK_AGE = timedelta(hours=2)
"""Housekeeping ticks every hour; one may be late."""

_READS = ["GET", "HEAD"]


def health_routes(deps: WebDeps) -> APIRouter:
    """Make `/healthz` and `/readyz`."""
    routes = APIRouter()

    @routes.api_route("/healthz", methods=_READS)
    def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @routes.api_route("/readyz", methods=_READS)
    def readyz() -> Response:
        facts = _readiness(deps)
        return JSONResponse(facts, status_code=200 if facts["ready"] else 503)

    return routes


def _readiness(deps: WebDeps) -> dict[str, Any]:
    now = deps.clock()
    try:
        revision = deps.store.schema_revision()
        if revision != head_revision():
            return {"ready": False, "schema": revision, "problem": "the schema is not current"}
        with deps.store.read() as tx:
            last_tick_at = get_fact_at(tx, LAST_TICK)
    except StorageError:
        return {"ready": False, "problem": "the database does not answer"}
    facts: dict[str, Any] = {
        "ready": True,
        "schema": revision,
        "last_tick_at": last_tick_at.isoformat() if last_tick_at else None,
    }
    if last_tick_at is None or now - last_tick_at > MAX_TICK_AGE:
        facts.update(ready=False, problem="the scheduler has not ticked lately")
    return facts
