from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from digest.model import SubscriberId
from digest.subscribers.tokens import SignedPurpose
from digest.web.tickets import ticket
from tests.support.people import active, read
from tests.support.site_world import SiteWorld, add_day


@pytest.fixture(autouse=True)
def papers(site: SiteWorld) -> None:
    add_day(site.store)


def key(site: SiteWorld, who: SubscriberId) -> dict[str, str]:
    token = site.rules.signer.sign(SignedPurpose.API, ticket(read(site.store, who)))
    return {"authorization": f"Bearer {token}"}


def test_papers_are_found_page_by_page(client: TestClient) -> None:
    first = client.get("/api/v1/papers", params={"limit": 3}).json()
    second = client.get("/api/v1/papers", params={"limit": 3, "after": first["next"]}).json()

    assert first["total"] == 4
    assert first["total_is_exact"] is True
    assert [len(first["papers"]), len(second["papers"])] == [3, 1]
    assert second["next"] is None


def test_a_search_gives_reasons(client: TestClient) -> None:
    found = client.get("/api/v1/papers", params={"q": "robot AND repairs"}).json()

    assert found["total"] == 1
    assert {"term": "repairs", "field": "abstract"} in found["papers"][0]["reasons"]


def test_one_paper_is_found_by_any_identifier(client: TestClient) -> None:
    paper = client.get("/api/v1/papers/arXiv:2602.00000v2").json()

    assert paper["id"] == "arxiv:2602.00000"
    assert paper["links"] == [{"label": "code", "url": "https://example.org/code"}]


def test_editions_and_tags_are_listed(client: TestClient) -> None:
    assert client.get("/api/v1/editions").json() == {
        "editions": [{"day": "2026-02-03", "papers": 4}]
    }
    assert client.get("/api/v1/editions/2026-02-03").json()["total"] == 4
    tags = client.get("/api/v1/tags").json()["tags"]
    assert {"name": "planning", "papers": 1, "topic": False} in tags
    assert {"name": "Robots", "papers": 1, "topic": True} in tags


def test_a_back_test_counts_thirty_days(client: TestClient) -> None:
    found = client.get("/api/v1/backtest", params={"q": "protein model OR robot"}).json()

    assert (found["days"], found["total"]) == (30, 2)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/papers?q=a+AND", 422),
        ("/api/v1/papers?limit=0", 400),
        ("/api/v1/papers?after=x", 400),
        ("/api/v1/papers?after=5~1", 422),
        ("/api/v1/papers?month=2026-13", 422),
        ("/api/v1/papers/none", 404),
        ("/api/v1/editions/0", 400),
        ("/api/v1/editions/2027-01-01", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/me/interests", 401),
    ],
)
def test_errors_are_json_with_the_headers_of_safety(
    client: TestClient, path: str, status: int
) -> None:
    answer = client.get(path)

    assert answer.status_code == status
    assert answer.json()["error"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_an_error_in_a_query_has_its_position_and_a_suggestion(client: TestClient) -> None:
    answer = client.get("/api/v1/backtest", params={"q": "agents AND"}).json()

    assert answer["position"] == 7
    assert answer["suggestion"] == "agents"


def test_interests_are_read_and_replaced_with_a_key(site: SiteWorld, client: TestClient) -> None:
    who = active(site.store, site.rules)
    wanted = {"tags": ["cs.CL"], "keywords": ["protein"], "muted": ["survey"]}

    before = client.get("/api/v1/me/interests", headers=key(site, who)).json()
    after = client.put("/api/v1/me/interests", headers=key(site, who), json=wanted).json()

    assert before == {"tags": ["cs.CL"], "keywords": ["agents"], "muted": []}
    assert after == wanted


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"keywords": ["a AND"]}, 422),
        ({"keywords": [""], "tags": [""]}, 422),
        ({"keywords": "agents"}, 400),
        ({"other": []}, 400),
    ],
)
def test_interests_that_cannot_be_used_change_nothing(
    site: SiteWorld, client: TestClient, body: dict[str, object], status: int
) -> None:
    who = active(site.store, site.rules)
    before = read(site.store, who)

    answer = client.put("/api/v1/me/interests", headers=key(site, who), json=body)

    assert answer.status_code == status
    assert read(site.store, who) == before


def test_a_key_of_another_purpose_opens_nothing(site: SiteWorld, client: TestClient) -> None:
    who = active(site.store, site.rules)
    token = site.rules.signer.sign(SignedPurpose.FEED, ticket(read(site.store, who)))

    answer = client.get("/api/v1/me/interests", headers={"authorization": f"Bearer {token}"})

    assert answer.status_code == 401


def test_the_document_describes_every_operation(client: TestClient) -> None:
    document = client.get("/api/openapi.json").json()

    assert sorted(document["paths"]) == [
        "/v1/backtest",
        "/v1/editions",
        "/v1/editions/{day}",
        "/v1/me/interests",
        "/v1/papers",
        "/v1/papers/{alias}",
        "/v1/tags",
    ]


def test_a_back_test_asked_for_too_often_is_put_off_until_there_is_room(
    site: SiteWorld, client: TestClient
) -> None:
    asked = [client.get("/api/v1/backtest", params={"q": "robot"}) for _ in range(121)]
    site.clock.at += timedelta(seconds=1)
    later = client.get("/api/v1/backtest", params={"q": "robot"})

    assert [one.status_code for one in asked] == [200] * 120 + [429]
    assert asked[-1].headers["retry-after"] == "1"
    assert asked[-1].json() == {
        "error": "That was many previews at once. Please try again in 1 second.",
        "position": None,
        "suggestion": None,
    }
    assert later.status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/papers", 200),
        ("/api/v1/papers/arxiv:2602.00000", 200),
        ("/api/v1/backtest?q=robot", 200),
        ("/api/v1/tags", 200),
        ("/api/v1/me/interests", 401),
        ("/api/v1/papers/arxiv:9999.99999", 404),
    ],
)
def test_head_is_answered_as_get_without_a_body(client: TestClient, path: str, status: int) -> None:
    head, get = client.head(path), client.get(path)

    assert (head.status_code, head.content) == (status, b"")
    assert head.headers == get.headers
