from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from digest.model import ConsentKind, SubscriberState
from digest.store.consents import consents_of
from digest.store.subscribers import suppress
from digest.subscribers.links import unsubscribe_url
from digest.subscribers.wanted import SubscriberLine
from tests.support.people import ADA, active, confirm_token, read, sign_up
from tests.support.site_world import SiteWorld

PARIS = SubscriberLine(email="ada@example.org", timezone="Europe/Paris", hour=7, days="weekdays")


def leave_path(site: SiteWorld, line: SubscriberLine = ADA) -> str:
    return unsubscribe_url(site.rules.signer, "", active(site.store, site.rules, line))


def undo_path(html: str) -> str:
    found = re.search(r'action="(/undo/[^"]+)"', html)
    assert found is not None
    return found.group(1)


# ---- confirming


def test_a_confirmation_link_shows_a_button_and_the_button_confirms(
    site: SiteWorld, client: TestClient
) -> None:
    subscriber_id = sign_up(site.store, site.rules, PARIS).subscriber_id
    assert subscriber_id is not None
    path = f"/confirm/{confirm_token(site.store, subscriber_id)}"

    shown = client.get(path)
    pending = read(site.store, subscriber_id).state
    done = client.post(path)

    assert shown.status_code == 200
    assert f'<form method="post" action="{path}">' in shown.text
    assert "A digest comes on weekdays at 07:00 (Europe/Paris)." in shown.text
    assert pending is SubscriberState.PENDING
    assert done.status_code == 200
    assert "You are subscribed" in done.text
    assert "If something of the last 7 days matches" in done.text
    assert "Wednesday 4 February 2026 at 07:00 (Europe/Paris)" in done.text
    assert read(site.store, subscriber_id).state is SubscriberState.ACTIVE


def test_the_page_that_asks_to_confirm_says_what_was_chosen(
    site: SiteWorld, client: TestClient
) -> None:
    line = SubscriberLine(
        email="ada@example.org", tags=("planning", "cs.LG"), keywords=("a <b>bold</b> claim",)
    )
    subscriber_id = sign_up(site.store, site.rules, line).subscriber_id
    assert subscriber_id is not None

    shown = client.get(f"/confirm/{confirm_token(site.store, subscriber_id)}").text

    assert "Topics and tags: planning, cs.LG." in shown
    assert "Keywords: a &lt;b&gt;bold&lt;/b&gt; claim." in shown


def test_confirming_twice_says_so(site: SiteWorld, client: TestClient) -> None:
    subscriber_id = sign_up(site.store, site.rules).subscriber_id
    assert subscriber_id is not None
    path = f"/confirm/{confirm_token(site.store, subscriber_id)}"
    client.post(path)

    again = client.post(path)

    assert again.status_code == 200
    assert "You are subscribed already" in again.text


def test_an_expired_link_leads_to_subscribing_again(site: SiteWorld, client: TestClient) -> None:
    subscriber_id = sign_up(site.store, site.rules).subscriber_id
    assert subscriber_id is not None
    path = f"/confirm/{confirm_token(site.store, subscriber_id)}"
    site.clock.at += timedelta(hours=49)

    late = client.post(path)

    assert late.status_code == 410
    assert "This link has expired" in late.text
    assert "Subscribe again" in late.text
    assert read(site.store, subscriber_id).state is SubscriberState.PENDING


@pytest.mark.parametrize("path", ["/confirm/nonsense", "/unsubscribe/nonsense"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_not_ours_leads_to_a_plain_page(
    client: TestClient, path: str, method: str
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == 404
    assert "There is no such page" in answer.text


# ---- leaving


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (
            (
                b"--b\r\nContent-Disposition: form-data; name=List-Unsubscribe\r\n\r\n"
                b"One-Click\r\n--b--\r\n"
            ),
            "multipart/form-data; boundary=b",
        ),
        (b"", "text/plain"),
    ],
)
def test_one_post_unsubscribes_whatever_its_form(
    site: SiteWorld, client: TestClient, body: bytes, content_type: str
) -> None:
    subscriber_id = active(site.store, site.rules)
    path = unsubscribe_url(site.rules.signer, "", subscriber_id)

    answer = client.post(path, content=body, headers={"content-type": content_type})

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert read(site.store, subscriber_id).state is SubscriberState.UNSUBSCRIBED
    with site.store.read() as tx:
        assert consents_of(tx, subscriber_id)[-1].evidence == "one-click POST"


def test_unsubscribing_again_is_fine(site: SiteWorld, client: TestClient) -> None:
    path = leave_path(site)
    client.post(path)

    again = client.post(path)

    assert again.status_code == 200
    assert "You are not subscribed" in again.text
    assert "/undo/" not in again.text


def test_the_page_asks_first_and_a_browser_is_told_from_a_mail_provider(
    site: SiteWorld, client: TestClient
) -> None:
    subscriber_id = active(site.store, site.rules)
    path = unsubscribe_url(site.rules.signer, "", subscriber_id)

    shown = client.get(path)
    client.post(path, headers={"sec-fetch-mode": "navigate"})

    assert "Stop these digests?" in shown.text
    assert f'<form method="post" action="{path}">' in shown.text
    with site.store.read() as tx:
        assert consents_of(tx, subscriber_id)[-1].evidence == "button on the page"


def test_the_page_of_who_left_shows_no_button(site: SiteWorld, client: TestClient) -> None:
    path = leave_path(site)
    client.post(path)

    shown = client.get(path)

    assert shown.status_code == 200
    assert "You are not subscribed" in shown.text
    assert '<form method="post"' not in shown.text


def test_leaving_can_be_taken_back_with_one_button(site: SiteWorld, client: TestClient) -> None:
    subscriber_id = active(site.store, site.rules, PARIS)
    left = client.post(unsubscribe_url(site.rules.signer, "", subscriber_id))

    back = client.post(undo_path(left.text))

    assert back.status_code == 200
    assert "Your digests go on" in back.text
    assert "Wednesday 4 February 2026 at 07:00 (Europe/Paris)" in back.text
    assert read(site.store, subscriber_id).state is SubscriberState.ACTIVE


def test_it_cannot_be_taken_back_twice_or_late(site: SiteWorld, client: TestClient) -> None:
    left = client.post(leave_path(site))
    path = undo_path(left.text)
    client.post(path)

    again = client.post(path)

    assert again.status_code == 410
    assert "This can no longer be undone" in again.text


def test_undoing_is_no_link(site: SiteWorld, client: TestClient) -> None:
    subscriber_id = active(site.store, site.rules)
    left = client.post(unsubscribe_url(site.rules.signer, "", subscriber_id))

    answer = client.get(undo_path(left.text))

    assert answer.status_code == 405
    assert read(site.store, subscriber_id).state is SubscriberState.UNSUBSCRIBED


def test_the_unsubscribe_link_of_who_complained_takes_nothing_back(
    site: SiteWorld, client: TestClient
) -> None:
    subscriber_id = active(site.store, site.rules)
    with site.store.write() as tx:
        suppress(tx, subscriber_id, ConsentKind.COMPLAINED, site.clock(), "feedback loop")

    answer = client.post(unsubscribe_url(site.rules.signer, "", subscriber_id))

    assert answer.status_code == 200
    assert "/undo/" not in answer.text
    assert read(site.store, subscriber_id).state is SubscriberState.COMPLAINED


def test_no_page_shows_the_address_of_the_subscriber(site: SiteWorld, client: TestClient) -> None:
    path = leave_path(site)

    pages = [client.get(path).text, client.post(path).text, client.get(path).text]

    assert not any("ada@example.org" in page.lower() for page in pages)
