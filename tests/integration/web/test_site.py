from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import update
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from digest.errors import RenderError
from digest.model import DeliveryId
from digest.store.engine import head_revision
from digest.store.facts import LAST_BEAT, set_fact_at
from digest.store.tables import FeedRow
from digest.subscribers.actions import AUTHOR, action_tokens
from digest.subscribers.consent import issue_link_token
from digest.subscribers.tokens import OneUsePurpose, SignedPurpose
from digest.subscribers.wanted import SubscriberLine
from digest.web import guard
from digest.web.pages import MessageView, Site
from digest.web.tickets import ticket
from tests.support.databases import everything_in, only_on
from tests.support.people import active, confirm_token, read, sign_up
from tests.support.site_world import (
    BASE_URL,
    NOW,
    TODAY,
    SiteWorld,
    add_day,
    add_digest,
    open_site,
)

PRIVATE = ("/login", "/preferences", "/healthz", "/confirm/x", "/unsubscribe/x", "/nothing")


# ---- the front page


def test_the_front_page_lists_the_newest_day_best_first(
    site: SiteWorld, client: TestClient
) -> None:
    add_day(site.store)

    page = client.get("/")

    assert page.status_code == 200
    assert "Tuesday 3 February" in page.text
    assert "4 papers from 1 feed." in page.text
    assert page.text.index("Sparse features") < page.text.index("Plans that a small robot")
    assert '<span class="count">1,128</span>' in page.text
    assert page.headers["cache-control"] == "public, max-age=60"


def test_the_front_page_counts_what_it_does_not_show(
    site: SiteWorld, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.web.edition._PAGE", 3)
    add_day(site.store)

    page = client.get("/")

    assert "1 more paper of this day" in page.text


def test_a_batch_dated_ahead_waits_for_its_day(site: SiteWorld, client: TestClient) -> None:
    add_day(site.store, day=TODAY + timedelta(days=3))

    page = client.get("/")

    assert "No papers yet" in page.text


def test_a_stale_feed_is_told(site: SiteWorld, client: TestClient) -> None:
    add_day(site.store)
    with site.store.write() as tx:
        tx.exec(update(FeedRow).values(status="stale"))

    page = client.get("/")

    assert "hf-daily is stale" in page.text


def test_an_empty_site_is_a_page_too(client: TestClient) -> None:
    page = client.get("/")

    assert page.status_code == 200
    assert "No papers yet" in page.text


def test_a_site_below_a_path_links_below_it(database_url: str) -> None:
    world = open_site(database_url, base_url="http://papers.example.org/digest")
    client = TestClient(world.app, base_url=BASE_URL)

    page = client.get("/login")

    assert 'href="/digest/static/site.css"' in page.text
    assert 'href="/digest/"' in page.text


# ---- every answer


@pytest.mark.parametrize("path", ["/", "/static/site.css", *PRIVATE])
def test_every_answer_carries_the_headers_of_safety(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", PRIVATE)
def test_private_pages_are_never_stored(client: TestClient, path: str) -> None:
    assert client.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/static/layout.html"])
def test_nothing_but_the_site_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/login", "/healthz", "/static/site.css"])
def test_head_answers_like_get_without_a_body(client: TestClient, path: str) -> None:
    answer = client.head(path)

    assert answer.status_code == 200
    assert answer.content == b""


def test_a_wrong_method_is_a_plain_page_that_names_the_right_one(client: TestClient) -> None:
    answer = client.post("/")

    assert answer.status_code == 405
    assert "That does not work here" in answer.text
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("host", ["evil.example", "papers.example.org.evil.example", "", "[bad"])
def test_another_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host})

    assert answer.status_code == 400
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["papers.example.org:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_our_name_and_loopback_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/login", headers={"host": host}).status_code == 200


def test_a_probe_by_address_is_answered(client: TestClient) -> None:
    assert client.get("/healthz", headers={"host": "10.0.0.7:8000"}).json() == {"status": "ok"}


def test_a_large_body_is_refused(client: TestClient) -> None:
    answer = client.post("/confirm/x", content=b"x" * (guard.MAX_BODY_BYTES + 1))

    assert answer.status_code == 413


def test_a_body_without_a_length_is_counted_as_it_comes(site: SiteWorld) -> None:
    async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
        answer = Response(await Request(scope, receive).body())
        await answer(scope, receive, send)

    guarded = guard.Guard(read_all, base_url=BASE_URL, error_page=_plain)
    client = TestClient(guarded, base_url=BASE_URL)

    small = client.post("/", content=iter([b"x" * 1000] * 60))
    large = client.post("/", content=iter([b"x" * 1000] * 70))

    assert small.status_code == 200
    assert len(small.content) == 60_000
    assert large.status_code == 413


def _plain(status: int) -> Response:
    return Response(status_code=status)


def test_starting_and_stopping_passes_the_guard(site: SiteWorld) -> None:
    with TestClient(site.app, base_url=BASE_URL) as client:
        assert client.get("/healthz").status_code == 200


def test_a_failure_is_a_plain_page_without_a_traceback(
    site: SiteWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("digest.web.edition.newest_day", fail)

    answer = TestClient(site.app, base_url=BASE_URL).get("/")

    assert answer.status_code == 500
    assert "Something failed on our side" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@only_on("sqlite")
def test_a_database_that_is_gone_is_said(site: SiteWorld, tmp_path: Path) -> None:
    site.store.close()
    for file in tmp_path.glob("digest.db*"):
        file.unlink()
    client = TestClient(site.app, base_url=BASE_URL)

    page = client.get("/")
    ready = client.get("/readyz")

    assert page.status_code == 503
    assert "The site cannot reach its database" in page.text
    assert ready.status_code == 503


def test_no_token_reaches_the_log(
    site: SiteWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object, **_kwargs: object) -> None:
        raise RuntimeError(f"broken at {args}")

    monkeypatch.setattr("digest.web.confirm_pages.look_at_confirmation", fail)

    TestClient(site.app, base_url=BASE_URL).get("/confirm/very-secret-token")

    logged = capsys.readouterr()
    assert "page failed" in logged.out
    assert "/confirm/{token}" in logged.out
    assert "very-secret-token" not in logged.out + logged.err


# ---- health


def test_a_site_is_ready_while_the_scheduler_beats(site: SiteWorld, client: TestClient) -> None:
    never = client.get("/readyz")
    with site.store.write() as tx:
        set_fact_at(tx, LAST_BEAT, NOW - timedelta(minutes=4))
    lately = client.get("/readyz")
    site.clock.at += timedelta(minutes=2)
    stalled = client.get("/readyz")

    assert never.status_code == 503
    assert lately.status_code == 200
    assert lately.json() == {
        "ready": True,
        "schema": head_revision(),
        "last_beat_at": "2026-02-03T08:56:00+00:00",
    }
    assert stalled.status_code == 503
    assert stalled.json()["problem"] == "the scheduler has not looked for work lately"


def test_a_schema_that_is_not_current_is_not_ready(site: SiteWorld, client: TestClient) -> None:
    with site.store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["problem"] == "the schema is not current"


def test_metrics_are_told_by_address_and_not_under_the_public_name(
    site: SiteWorld, client: TestClient
) -> None:
    reader = active(site.store, site.rules)
    add_digest(site.store, reader, add_day(site.store)[:2])
    with site.store.write() as tx:
        set_fact_at(tx, LAST_BEAT, NOW)

    told = client.get("/metrics", headers={"host": "10.0.0.7:8000"})

    assert told.headers["content-type"].startswith("text/plain")
    assert 'digest_deliveries_open{state="ready"} 1.0' in told.text
    assert 'digest_deliveries_open{state="unknown"} 0.0' in told.text
    assert 'digest_subscribers{state="active"} 1.0' in told.text
    assert "digest_last_beat_timestamp_seconds 1.7701092e+09" in told.text
    assert client.get("/metrics").status_code == 404


# ---- invariant 6


def test_get_changes_nothing_however_often(site: SiteWorld, client: TestClient) -> None:
    reader = active(site.store, site.rules)
    papers = add_day(site.store)
    digest_path, leave_path = site.path_of(
        reader, add_digest(site.store, reader, papers[:2], rest=papers[2:])
    )
    pending = sign_up(site.store, site.rules, SubscriberLine(email="grace@example.org"))
    assert pending.subscriber_id is not None
    signer, private = site.rules.signer, ticket(read(site.store, reader))
    feed = signer.sign(SignedPurpose.FEED, private)
    with site.store.write() as tx:
        links = {
            purpose: issue_link_token(
                tx, purpose, reader, now=NOW, random_bytes=bytes([seed]) * 32, content="x@y.example"
            )
            for seed, purpose in enumerate(OneUsePurpose)
        }
    client.cookies.set("session", links[OneUsePurpose.SESSION])
    client.headers["authorization"] = f"Bearer {signer.sign(SignedPurpose.API, private)}"
    mute = action_tokens(signer, DeliveryId(1), [0])[AUTHOR].decode()
    of_routes = {
        "/daily/{day}": "/daily/2026-02-03",
        "/tags/{tag:path}": "/tags/planning",
        "/papers/{alias:path}": "/papers/arxiv:2602.00000",
        "/cite/bibtex/{alias:path}": "/cite/bibtex/arxiv:2602.00000",
        "/cite/ris/{alias:path}": "/cite/ris/arxiv:2602.00000",
        "/confirm/{token}": f"/confirm/{confirm_token(site.store, pending.subscriber_id, seed=9)}",
        "/unsubscribe/{token}": leave_path,
        "/digests/{token}": digest_path,
        "/login/{token}": f"/login/{links[OneUsePurpose.LOGIN]}",
        "/address/{token}": f"/address/{links[OneUsePurpose.CHANGE]}",
        "/undo/{token}": f"/undo/{links[OneUsePurpose.UNDO]}",
        "/feed/{token}.atom": f"/feed/{feed}.atom",
        "/feed/{token}.json": f"/feed/{feed}.json",
        "/act/{token}": f"/act/{mute}",
        "/act/{token}/undo": f"/act/{mute}/undo",
        "/static/{name}": "/static/site.js",
        "/preview": "/preview?text=agents",
    }
    paths = [of_routes.get(path, path) for path in sorted(PATHS)]
    before = everything_in(site.store)

    statuses = {path: client.get(path).status_code for path in paths * 10}
    for path in paths:
        client.head(path)

    assert [path for path in paths if "{" in path] == []
    assert set(statuses.values()) <= {200, 302, 303, 404, 405, 503}
    assert [path for path, status in statuses.items() if status == 404] == ["/metrics"]
    assert everything_in(site.store) == before


PATHS = {
    *("/", "/daily", "/daily/{day}", "/papers", "/papers/{alias:path}", "/tags"),
    *("/tags/{tag:path}", "/timeline", "/cite/bibtex/{alias:path}", "/cite/ris/{alias:path}"),
    *("/subscribe", "/confirm/{token}", "/unsubscribe/{token}", "/undo/{token}"),
    *("/digests/{token}", "/login", "/login/{token}", "/logout", "/address/{token}"),
    *("/preferences", "/preferences/interests", "/preferences/schedule", "/preview"),
    *("/preferences/next", "/preferences/digests", "/preferences/export", "/preferences/delete"),
    *("/preferences/links", "/preferences/address", "/act/{token}", "/act/{token}/undo"),
    *("/feed.atom", "/feed.json", "/feed/{token}.atom", "/feed/{token}.json", "/help/search"),
    *(
        "/api",
        "/healthz",
        "/readyz",
        "/metrics",
        "/static/{name}",
        "/api/openapi.json",
        "/api/v1/papers",
    ),
    *("/api/v1/editions", "/api/v1/tags", "/api/v1/backtest?q=agents", "/api/v1/me/interests"),
    *("/api/v1/editions/2026-02-03", "/api/v1/papers/arxiv:2602.00000"),
}


# ---- templates


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "message.html").write_text("{{ view.nowhere }}", encoding="utf-8")
    broken = Site(tmp_path, service_name="Daily papers", base_url=BASE_URL)

    with pytest.raises(RenderError, match=r"site/message\.html.*nowhere"):
        broken.message(MessageView(title="t", paragraphs=()))


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    broken = Site(tmp_path, service_name="Daily papers", base_url=BASE_URL)

    with pytest.raises(RenderError, match=r"site/message\.html: is missing"):
        broken.message(MessageView(title="t", paragraphs=()))
