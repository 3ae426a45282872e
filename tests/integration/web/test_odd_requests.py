"""What nobody types: no request, however odd, is answered by a failure of ours."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from digest.subscribers.intake import act_on_intake
from tests.support.site_world import BASE_URL, SiteWorld, add_day


@pytest.fixture
def odd(site: SiteWorld) -> TestClient:
    add_day(site.store)
    return TestClient(
        site.app, base_url=BASE_URL, follow_redirects=False, raise_server_exceptions=False
    )


ADDRESSES = (
    "/papers/%00",
    "/papers/arxiv:2602.0000%00",
    "/papers?q=%00",
    "/papers?q=sparse%00features",
    "/papers?q=tag:%22a%00%22",
    "/papers?tag=%00",
    "/papers?feed=%00",
    "/papers?q=sparse&feed=%00",
    "/papers?month=%00",
    "/papers?upvotes=9999999999",
    "/papers?q=sparse&upvotes=9999999999",
    "/papers?q=upvotes:%3E=99999999999999999999",
    "/papers?q=sparse+AND+upvotes:%3E=99999999999999999999",
    "/papers?sort=upvotes&after=99999999999~1",
    "/papers?sort=upvotes&after=1~999999999999999999",
    "/papers?q=sparse&sort=upvotes&after=99999999999~1",
    "/papers?q=sparse&sort=upvotes&after=1~999999999999999999",
    "/papers?after=0001-01-01~1",
    "/papers?after=9999-12-31~999999999999999999",
    "/papers?q=sparse&after=0001-01-01~1",
    "/papers?q=sparse&after=9999-12-31~999999999999999999",
    "/papers?q=sparse&month=9999",
    "/papers?q=sparse&month=0001-01",
    "/tags/%00",
    "/tags/Robots?after=%00",
    "/?tag=%00",
    "/?page=1000",
    "/daily/2026-02-31",
    "/daily/0001-01-01",
    "/daily/9999-12-31",
    "/daily/2026-W06-2",
    "/daily?year=1",
    "/daily?year=9998",
    "/daily/%00",
    "/feed.atom?q=%00",
    "/feed.json?tag=%00",
    "/feed/%00.atom",
    "/cite/ris/%00",
    "/preview?text=%00",
    "/preview?text=%00&kind=tag",
    "/preview?text=upvotes:%3E=99999999999999999999",
    "/confirm/%00",
    "/login/%00",
    "/unsubscribe/%00",
    "/digests/%00",
    "/act/%00",
    "/address/%00",
    "/subscribe?keyword=%00&tag=%00",
    "/api/v1/papers?q=a%00b",
    "/api/v1/papers?tag=%00",
    "/api/v1/papers?feed=%00",
    "/api/v1/papers?month=0000",
    "/api/v1/papers?sort=upvotes&after=99999999999~1",
    "/api/v1/papers/%00",
    "/api/v1/backtest?q=%00",
    "/api/v1/backtest?q=tag:%22a%00%22",
    "/api/v1/editions?until=0001-01-01",
    "/api/v1/editions/0001-01-01",
    "/papers?q=" + "(" * 4_000,
    "/papers?q=" + "a%20OR%20" * 800 + "b",
    "/papers?q=%ED%A0%80",
)


def test_an_odd_address_is_answered(odd: TestClient) -> None:
    answers = {path: odd.get(path) for path in ADDRESSES}

    failed = [path[:80] for path, answer in answers.items() if answer.status_code >= 500]
    bare = [path for path, one in answers.items() if "content-security-policy" not in one.headers]
    assert failed == []
    assert bare == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/daily/2026-02-31", 404),
        ("/daily/2026-W06-2", 404),
        ("/daily/9999-12-31", 404),
        ("/papers?upvotes=9999999999", 200),
        ("/papers?sort=upvotes&after=99999999999~1", 404),
        ("/papers?after=9999-12-31~999999999999999999", 404),
        ("/api/v1/papers?sort=upvotes&after=99999999999~1", 422),
        ("/papers/%00", 404),
    ],
)
def test_an_address_that_leads_nowhere_says_so(odd: TestClient, path: str, status: int) -> None:
    assert odd.get(path).status_code == status


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/subscribe", {"email": "a\x00@example.org"}),
        ("/subscribe", {"email": "a@example.org", "step": "preview", "keywords": "a\x00b"}),
        ("/subscribe", {"email": "a@example.org", "step": "subscribe", "keywords": "a\x00b"}),
        ("/subscribe", {"email": "a@example.org", "step": "subscribe", "tag": "a\x00b"}),
        ("/subscribe", {"email": "a@example.org", "step": "subscribe", "timezone": "a\x00b"}),
        ("/subscribe", {"email": "a@example.org", "step": "subscribe", "timezone": "../../etc"}),
        ("/login", {"email": "a\x00@example.org"}),
    ],
)
def test_an_odd_form_is_answered(
    site: SiteWorld, odd: TestClient, path: str, form: dict[str, str]
) -> None:
    answer = odd.post(path, data=form)
    act_on_intake(site.store, site.rules, now=site.clock())

    assert answer.status_code < 500


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://["}, 403),
        ({"origin": "null"}, 403),
        ({"host": "["}, 400),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"cookie": "session=\x00"}, 200),
    ],
)
def test_an_odd_header_is_answered_with_the_headers_of_safety(
    odd: TestClient, headers: dict[str, str], status: int
) -> None:
    answer = odd.post("/subscribe", data={"email": "a@example.org"}, headers=headers)

    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_body_of_unknown_length_is_refused_once_it_is_too_large(odd: TestClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}

    page = odd.post("/subscribe", content=iter([b"a=" + b"x" * 1_000] * 70), headers=form)
    api = odd.put(
        "/api/v1/me/interests",
        content=iter([b"x" * 1_000] * 70),
        headers={"content-type": "application/json"},
    )

    assert (page.status_code, api.status_code) == (413, 413)
    assert api.json()["error"] == "this request is too large"


def test_a_failure_of_the_api_is_json_with_the_headers_of_safety(
    odd: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("digest.web.api.find_alias", fail)

    answer = odd.get("/api/v1/papers/arxiv:2602.00000")

    assert answer.status_code == 500
    assert answer.json() == {
        "error": "something failed on our side",
        "position": None,
        "suggestion": None,
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
