from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from digest.model import InterestKind, SubscriberId, SubscriberState
from digest.store.tables import LetterRow, SubscriberRow, WindowRow
from digest.store.tokens import save_token
from digest.subscribers.actions import action_tokens, read_action
from digest.subscribers.consent import issue_link_token
from digest.subscribers.intake import act_on_intake
from digest.subscribers.tokens import OneUsePurpose, SignedPurpose, one_use_digest
from digest.subscribers.wanted import SubscriberLine
from digest.web.tickets import ticket
from tests.support.people import active, read, texts
from tests.support.site_world import BASE_URL, SiteWorld, add_day, add_digest, open_site

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def reader(site: SiteWorld) -> SubscriberId:
    add_day(site.store)
    line = SubscriberLine(
        email="ada@example.org", keywords=("sparse features",), tags=("planning",)
    )
    return active(site.store, site.rules, line)


@pytest.fixture
def inside(site: SiteWorld, client: TestClient, reader: SubscriberId) -> TestClient:
    with site.store.write() as tx:
        save_token(
            tx,
            digest=one_use_digest("key"),
            purpose=OneUsePurpose.SESSION.value,
            subscriber_id=reader,
            now=site.clock(),
            expires_at=site.clock().replace(day=9),
        )
    client.cookies.set("session", "key")
    return client


def mailed_token(
    site: SiteWorld, who: SubscriberId, purpose: OneUsePurpose, content: str = ""
) -> str:
    with site.store.write() as tx:
        return issue_link_token(
            tx, purpose, who, now=site.clock(), random_bytes=b"\x05" * 32, content=content
        )


# ---- logging in


def test_a_login_link_works_once_and_opens_a_session(
    site: SiteWorld, client: TestClient, reader: SubscriberId
) -> None:
    path = f"/login/{mailed_token(site, reader, OneUsePurpose.LOGIN)}"

    looked = client.get(path)
    entered = client.post(path)
    again = client.post(path)

    assert looked.status_code == 200
    assert entered.status_code == 303
    assert entered.headers["location"] == "/preferences"
    assert "HttpOnly; Max-Age=604800; Path=/; SameSite=lax" in entered.headers["set-cookie"]
    assert client.get("/preferences").status_code == 200
    assert again.status_code == 410


def test_over_https_the_cookie_belongs_to_this_host_alone(sqlite_url: str) -> None:
    world = open_site(sqlite_url, base_url="https://papers.example.org")
    who = active(world.store, world.rules)
    client = TestClient(world.app, base_url="https://papers.example.org", follow_redirects=False)

    entered = client.post(f"/login/{mailed_token(world, who, OneUsePurpose.LOGIN)}")

    assert entered.headers["set-cookie"].startswith("__Host-session=")
    assert "Secure" in entered.headers["set-cookie"]


def test_logging_out_ends_the_session_everywhere(inside: TestClient) -> None:
    assert inside.post("/logout").status_code == 303

    inside.cookies.set("session", "key")

    assert inside.get("/preferences").headers["location"] == "/login"


@pytest.mark.parametrize("path", ["", "/next", "/digests", "/export", "/delete"])
def test_without_a_session_there_is_only_the_way_to_log_in(client: TestClient, path: str) -> None:
    answer = client.get(f"/preferences{path}")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/login"


def test_leaving_ends_sessions(site: SiteWorld, inside: TestClient, reader: SubscriberId) -> None:
    inside.post(f"/unsubscribe/{site.rules.signer.sign(SignedPurpose.UNSUBSCRIBE, reader)}")

    assert inside.get("/preferences").status_code == 303


def test_asking_for_links_has_limits(
    site: SiteWorld, client: TestClient, reader: SubscriberId
) -> None:
    for _ in range(10):
        client.post("/login", data={"email": "ada@example.org"})
        act_on_intake(site.store, site.rules, now=site.clock())

    with site.store.read() as tx:
        assert len(tx.exec(select(LetterRow)).all()) == 1


# ---- preferences


def test_interests_are_added_tried_and_taken_away(
    site: SiteWorld, inside: TestClient, reader: SubscriberId
) -> None:
    path = "/preferences/interests"

    tried = inside.post(path, data={"kind": "keyword", "text": "protein model", "do": "preview"})
    inside.post(path, data={"kind": "muted", "text": "survey", "do": "add"})
    inside.post(path, data={"kind": "tag", "text": "planning", "do": "remove"})
    bad = inside.post(path, data={"kind": "keyword", "text": "a AND", "do": "add"})

    interests = read(site.store, reader).interests
    assert "Would have matched 1 paper in the last 30 days." in tried.text
    assert texts(interests, InterestKind.MUTED) == ["survey"]
    assert texts(interests, InterestKind.TAG) == []
    assert texts(interests, InterestKind.KEYWORD) == ["sparse features"]
    assert bad.status_code == 422
    assert 'aria-invalid="true"' in bad.text


def test_a_preview_asked_for_too_often_is_put_off_calmly(inside: TestClient) -> None:
    statuses = [inside.get("/preview", params={"text": "robot"}).status_code for _ in range(120)]
    late = inside.get("/preview", params={"text": "robot"})
    form = {"kind": "keyword", "text": "robot", "do": "preview"}
    tried = inside.post("/preferences/interests", data=form)
    signing_up = inside.post("/subscribe", data={"keywords": "robot", "step": "preview"})
    saved = inside.post("/preferences/interests", data={**form, "do": "add"})

    said = "That was many previews at once. Please try again in 1 second."
    assert statuses == [200] * 120
    assert (late.status_code, late.headers["retry-after"]) == (429, "1")
    assert late.json() == {"ok": False, "said": said, "papers": []}
    assert (tried.status_code, tried.headers["retry-after"]) == (429, "1")
    assert said in tried.text
    assert 'value="robot"' in tried.text
    assert (signing_up.status_code, signing_up.headers["retry-after"]) == (429, "1")
    assert said in signing_up.text
    assert saved.status_code == 303


def test_one_network_that_asks_too_often_holds_up_no_other(site: SiteWorld) -> None:
    add_day(site.store)
    here = TestClient(site.app, base_url=BASE_URL, client=("192.0.2.1", 1))
    beside = TestClient(site.app, base_url=BASE_URL, client=("192.0.2.200", 1))
    elsewhere = TestClient(site.app, base_url=BASE_URL, client=("198.51.100.1", 1))

    for _ in range(120):
        here.get("/preview?text=robot")

    assert beside.get("/preview?text=robot").status_code == 429
    assert elsewhere.get("/preview?text=robot").status_code == 200


def test_a_preview_says_what_leaving_out_a_common_word_would_change(
    inside: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.lookback.NARROWERS", ("broke", "phlogiston"))

    found = inside.get("/preview", params={"text": "model OR plan"}).json()

    assert found["said"] == (
        "Would have matched 3 papers in the last 30 days. "
        "Without “broke”, written (model OR plan) -broke: 2."
    )


def test_times_limits_and_looks_are_saved(
    site: SiteWorld, inside: TestClient, reader: SubscriberId
) -> None:
    chosen = {
        "hour": "6", "timezone": "Asia/Tokyo", "day": ["mon", "thu"], "max_papers": "7",
        "min_upvotes": "3", "look": "text", "pause_until": "2026-03-01",
    }  # fmt: skip

    answer = inside.post("/preferences/schedule", data=chosen)

    after = read(site.store, reader)
    assert answer.headers["location"] == "/preferences?said=saved"
    assert (after.schedule.hour, after.schedule.timezone) == (6, "Asia/Tokyo")
    assert after.schedule.weekdays == {0, 3}
    assert (after.max_papers, after.min_upvotes, after.text_only) == (7, 3, True)
    assert after.next_digest_at is not None
    assert after.next_digest_at.isoformat() == "2026-03-01T21:00:00+00:00"
    assert 'value="2026-03-01"' in inside.get("/preferences").text


@pytest.mark.parametrize(
    "changed",
    [
        {"timezone": "Mars/Olympus"},
        {"day": []},
        {"max_papers": "0"},
        {"pause_until": "soon"},
        {"pause_until": "9999-12-31"},
    ],
)
def test_a_schedule_that_cannot_be_is_said(
    site: SiteWorld, inside: TestClient, reader: SubscriberId, changed: dict[str, object]
) -> None:
    before = read(site.store, reader)
    chosen = {"hour": "6", "timezone": "UTC", "day": ["mon"], "max_papers": "7", "min_upvotes": "0"}

    answer = inside.post("/preferences/schedule", data={**chosen, **changed})

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert read(site.store, reader) == before


def test_a_new_address_counts_once_it_is_confirmed(
    site: SiteWorld, inside: TestClient, reader: SubscriberId
) -> None:
    inside.post("/preferences/address", data={"email": "countess@example.org"})
    before = read(site.store, reader).email
    token = mailed_token(site, reader, OneUsePurpose.CHANGE, "countess@example.org")

    looked = inside.get(f"/address/{token}")
    done = inside.post(f"/address/{token}")

    assert before == "ada@example.org"
    assert "countess@example.org" in looked.text
    assert "Your digests come here now" in done.text
    assert read(site.store, reader).email == "countess@example.org"


def test_an_address_of_somebody_else_is_not_taken(
    site: SiteWorld, inside: TestClient, reader: SubscriberId
) -> None:
    active(site.store, site.rules, SubscriberLine(email="eve@example.org", tags=("x",)))
    token = mailed_token(site, reader, OneUsePurpose.CHANGE, "Eve@example.org")

    answer = inside.post(f"/address/{token}")

    assert answer.status_code == 409
    assert read(site.store, reader).email == "ada@example.org"


def test_next_and_past_digests_are_shown(
    site: SiteWorld, inside: TestClient, reader: SubscriberId
) -> None:
    add_digest(site.store, reader, [])
    with site.store.write() as tx:
        at = site.clock.at.replace(hour=10)
        tx.add(WindowRow(paper_id=1, feed_id=1, listed_at=at, opened_at=at))
    nothing = inside.get("/preferences/next")
    site.clock.at = site.clock.at.replace(hour=12)

    assert "Nothing new for you now" in nothing.text
    assert "Sparse features that survive scale" in inside.get("/preferences/next").text
    assert "nothing new" in inside.get("/preferences/digests").text


def test_everything_can_be_taken_away_and_deleted(
    site: SiteWorld, inside: TestClient, reader: SubscriberId
) -> None:
    export = inside.get("/preferences/export")
    done = inside.post("/preferences/delete")

    assert export.json()["keywords"] == ["sparse features"]
    assert "You are forgotten" in done.text
    with site.store.read() as tx:
        row = tx.exec(select(SubscriberRow)).one()
    assert row.email == f"erased:{reader}"
    assert row.state == SubscriberState.UNSUBSCRIBED


# ---- feeds out


def test_the_edition_is_an_atom_and_a_json_feed(client: TestClient, reader: SubscriberId) -> None:
    document = ET.fromstring(client.get("/feed.atom").content)
    same = client.get("/feed.json").json()

    entries = document.findall(f"{ATOM}entry")
    assert document.findtext(f"{ATOM}title") == "Daily papers"
    assert len(entries) == 4
    assert entries[0].findtext(f"{ATOM}id") == f"{BASE_URL}/papers/arxiv:2602.00000"
    assert [item["title"] for item in same["items"]] == [
        entry.findtext(f"{ATOM}title") for entry in entries
    ]


@pytest.mark.parametrize(("query", "count"), [("tag=planning", 1), ("q=protein+AND+fold*", 1)])
def test_a_tag_and_a_search_can_be_followed(
    client: TestClient, reader: SubscriberId, query: str, count: int
) -> None:
    assert len(client.get(f"/feed.json?{query}").json()["items"]) == count
    assert len(ET.fromstring(client.get(f"/feed.atom?{query}").content)) > count


def test_ones_own_matches_stand_at_a_private_address_until_it_is_changed(
    site: SiteWorld, inside: TestClient, reader: SubscriberId
) -> None:
    token = site.rules.signer.sign(SignedPurpose.FEED, ticket(read(site.store, reader)))

    found = inside.get(f"/feed/{token}.json").json()
    inside.post("/preferences/links")

    assert len(found["items"]) == 2
    assert "Why it is here: " in found["items"][0]["content_text"]
    assert inside.get(f"/feed/{token}.json").status_code == 404
    assert inside.get(f"/feed/{token}.atom").status_code == 404


# ---- actions of a digest


def test_an_action_shows_a_button_acts_and_can_be_undone(
    site: SiteWorld, client: TestClient, reader: SubscriberId
) -> None:
    path = action_path(site, reader, choice=1)

    looked = client.get(path)
    before = texts(read(site.store, reader).interests, InterestKind.MUTED)
    acted = client.post(path)
    muted = texts(read(site.store, reader).interests, InterestKind.MUTED)
    undone = client.post(f"{path}/undo")

    assert "No more “Ada Lovelace”?" in looked.text
    assert before == []
    assert "Muted" in acted.text
    assert muted == ['author:"Ada Lovelace"']
    assert "Taken back" in undone.text
    assert texts(read(site.store, reader).interests, InterestKind.MUTED) == []


def test_an_action_of_a_term_mutes_the_term(
    site: SiteWorld, client: TestClient, reader: SubscriberId
) -> None:
    client.post(action_path(site, reader, choice=0))

    assert texts(read(site.store, reader).interests, InterestKind.MUTED) == ["sparse features"]


@pytest.mark.parametrize("token", ["x", "A" * 40])
def test_an_action_that_is_not_ours_does_nothing(client: TestClient, token: str) -> None:
    assert client.get(f"/act/{token}").status_code == 410
    assert client.post(f"/act/{token}").status_code == 410


def action_path(site: SiteWorld, reader: SubscriberId, *, choice: int) -> str:
    from digest.model import PaperId

    delivery_id = add_digest(site.store, reader, [PaperId(1)])
    token = action_tokens(site.rules.signer, delivery_id, [0])[choice]
    assert read_action(site.rules.signer, token.decode()).position == 0
    return f"/act/{token.decode()}"
