"""What people type is shown as text, whatever it is, and a megabyte is refused."""

from __future__ import annotations

from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from starlette.testclient import TestClient

from digest.subscribers.consent import issue_link_token
from digest.subscribers.tokens import OneUsePurpose
from tests.support.people import active
from tests.support.site_world import NOW, SiteWorld, add_day

MARKUP = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}"
BIDI = "\u202egnp.exe\u2066\u200f\x07\x1b[31m"
EMOJI = "👩‍👩‍👧‍👦 مرحبا 🧪"
TYPED = (MARKUP, BIDI, EMOJI, MARKUP + BIDI + EMOJI, "x" * 60_000)
DANGEROUS = ("<script>alert", "<img src=x", "\u202e", "\u2066", "\x07", "\x1b", "49'")


@pytest.fixture(autouse=True)
def logged_in(site: SiteWorld, client: TestClient) -> None:
    add_day(site.store)
    who = active(site.store, site.rules)
    with site.store.write() as tx:
        token = issue_link_token(
            tx, OneUsePurpose.SESSION, who, now=NOW, random_bytes=b"7" * 32, content=""
        )
    client.cookies.set("session", token)


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize(
    ("path", "field", "rest"),
    [
        ("/subscribe", "email", {"step": "subscribe", "keywords": "agents"}),
        ("/subscribe", "keywords", {"step": "subscribe", "email": "a@example.org"}),
        ("/subscribe", "keywords", {"step": "preview"}),
        ("/subscribe", "tag", {"step": "subscribe", "email": "a@example.org"}),
        ("/subscribe", "timezone", {"step": "subscribe", "email": "a@example.org"}),
        ("/subscribe", "days", {"step": "subscribe", "email": "a@example.org"}),
        ("/login", "email", {}),
        ("/preferences/interests", "text", {"kind": "keyword", "do": "preview"}),
        ("/preferences/interests", "text", {"kind": "keyword", "do": "add"}),
        ("/preferences/interests", "text", {"kind": "tag", "do": "add"}),
        ("/preferences/interests", "text", {"kind": "muted", "do": "add"}),
        ("/preferences/schedule", "timezone", {"day": "mon", "hour": "7"}),
        ("/preferences/schedule", "pause_until", {"day": "mon", "timezone": "UTC"}),
        ("/preferences/address", "email", {}),
    ],
)
def test_a_form_shows_what_was_typed_as_text(
    client: TestClient, path: str, field: str, rest: dict[str, str], typed: str
) -> None:
    answer = client.post(path, data={**rest, field: typed})
    after = client.get("/preferences")

    assert answer.status_code in {200, 303, 400, 413, 422}
    assert after.status_code == 200
    for page in (answer.text, after.text):
        assert [danger for danger in DANGEROUS if danger in page] == []
    assert len(after.content) < 100_000


@pytest.mark.parametrize("typed", TYPED[:4])
@pytest.mark.parametrize(
    "path",
    [
        *("/papers?q=", "/papers?tag=", "/papers?feed=", "/?tag=", "/tags/", "/papers/"),
        *("/subscribe?keyword=", "/subscribe?tag=", "/preview?text=", "/preferences?said="),
        *("/api/v1/papers?q=", "/api/v1/backtest?q=", "/api/v1/papers/", "/feed.atom?q="),
        *("/feed.json?tag=", "/feed.atom?tag=", "/confirm/", "/unsubscribe/", "/act/"),
    ],
)
def test_an_address_is_shown_as_text(client: TestClient, path: str, typed: str) -> None:
    where, question, parameter = path.partition("?")
    answer = (
        client.get(where, params={parameter.rstrip("="): typed})
        if question
        else client.get(where + quote(typed, safe=""))
    )

    assert answer.status_code in {200, 302, 400, 404, 410, 422}
    if answer.headers["content-type"].startswith("application/atom"):
        ET.fromstring(answer.content)
    if answer.headers["content-type"].startswith("text/html"):
        assert [danger for danger in DANGEROUS if danger in answer.text] == []


@pytest.mark.parametrize("path", ["/subscribe", "/login", "/preferences/interests", "/confirm/x"])
def test_a_megabyte_is_refused_before_it_is_read(client: TestClient, path: str) -> None:
    answer = client.post(path, data={"email": "x" * 1_000_000})

    assert answer.status_code == 413
    assert "too large" in answer.text.lower()
