"""Does the time of an answer say whether an address is known? Medians of 200 requests."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog
from fastapi import FastAPI
from starlette.testclient import TestClient

from benchmarks.result import Result, peak_mb
from digest.digests.schedule import first_digest_at
from digest.resources import resource_dir
from digest.settings import Settings
from digest.store import Store
from digest.subscribers.decide import Origin, SignupRules
from digest.subscribers.signup import add_subscriber
from digest.subscribers.tokens import TokenSigner
from digest.subscribers.wanted import SubscriberLine
from digest.web import WebDeps, create_app

NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
BASE_URL = "http://papers.example.org"
REQUESTS = 200
WARM_UP = 20
FORMS = {
    "/subscribe": {"step": "subscribe", "keywords": "agents", "timezone": "UTC"},
    "/login": {},
}


def run() -> list[Result]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'digest.db'}")
        store.ensure_schema()
        client = TestClient(_app(store), base_url=BASE_URL)
        results = [one for path in FORMS for one in _compare(client, path)]
        store.close()
    return results


def _compare(client: TestClient, path: str) -> list[Result]:
    """Ask for known and unknown addresses in turn, so that noise falls on both."""
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(WARM_UP + REQUESTS):
        for kind, email in (
            ("known", f"known{number}@example.org"),
            ("unknown", f"other{number}@example.org"),
        ):
            began = time.perf_counter()
            answer = client.post(path, data={**FORMS[path], "email": email})
            seconds = time.perf_counter() - began
            assert answer.status_code == 200, (path, answer.status_code)
            if number >= WARM_UP:
                times[kind].append(seconds)
    known, unknown = statistics.median(times["known"]), statistics.median(times["unknown"])
    share = 100 * (known - unknown) / unknown
    work = f"POST {path}: known address {share:+.1f} % of unknown, medians of {REQUESTS}"
    return [
        Result(
            name="answers",
            work=work,
            count=1,
            seconds=known,
            peak_mb=peak_mb(),
            ratio=unknown / known,
            against="an unknown address",
        )
    ]


def _app(store: Store) -> FastAPI:
    rules = SignupRules(signer=TokenSigner(["k" * 40]), first_digest_at=first_digest_at)
    for number in range(WARM_UP + REQUESTS):
        line = SubscriberLine(email=f"known{number}@example.org", keywords=("agents",))
        add_subscriber(store, rules, line, now=NOW, confirmed=True, origin=Origin.OPERATOR)
    settings = Settings.model_validate(
        {
            "service": {"base_url": BASE_URL},
            "web": {"signups_per_network": 1_000_000, "signups_per_hour": 1_000_000},
        }
    )
    return create_app(
        WebDeps(
            store=store,
            settings=settings,
            rules=rules,
            clock=lambda: NOW,
            templates=resource_dir("templates"),
        )
    )
