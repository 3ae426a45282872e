"""Probes: is the process alive, and can it do its work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from digest.errors import StorageError
from digest.store.engine import head_revision
from digest.store.facts import LAST_BEAT, get_fact_at
from digest.web.deps import WebDeps

MAX_BEAT_AGE = timedelta(minutes=5)
"""The metronome beats every minute; a few beats may be late."""

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
            last_beat_at = get_fact_at(tx, LAST_BEAT)
    except StorageError:
        return {"ready": False, "problem": "the database does not answer"}
    facts: dict[str, Any] = {
        "ready": True,
        "schema": revision,
        "last_beat_at": last_beat_at.isoformat() if last_beat_at else None,
    }
    if last_beat_at is None or now - last_beat_at > MAX_BEAT_AGE:
        facts.update(ready=False, problem="the scheduler has not looked for work lately")
    return facts
