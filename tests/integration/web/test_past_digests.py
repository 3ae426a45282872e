from __future__ import annotations

from datetime import timedelta

from sqlmodel import col, update
from starlette.testclient import TestClient

from digest.model import SubscriberId
from digest.store.tables import PaperRow
from digest.subscribers.privacy import erase
from digest.subscribers.tokens import SignedPurpose
from digest.subscribers.wanted import SubscriberLine
from tests.support.people import active
from tests.support.site_world import SiteWorld, add_day, add_digest

READER = SubscriberLine(
    email="ada@example.org", keywords=("sparse features", "agents"), tags=("planning",)
)


def subscriber(site: SiteWorld) -> SubscriberId:
    return active(site.store, site.rules, READER)


def test_a_digest_shows_its_papers_with_their_reasons(site: SiteWorld, client: TestClient) -> None:
    reader, papers = subscriber(site), add_day(site.store)
    path, _ = site.path_of(reader, add_digest(site.store, reader, papers[:2]))

    page = client.get(path)

    assert page.status_code == 200
    assert "Tuesday 3 February 2026" in page.text
    assert 'href="https://arxiv.org/abs/2602.00000"' in page.text
    assert "<mark><bdi>sparse features</bdi></mark>" in page.text
    assert "<mark><bdi>agents</bdi></mark>" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex"


def test_a_digest_shows_its_papers_as_they_read_now(site: SiteWorld, client: TestClient) -> None:
    reader, papers = subscriber(site), add_day(site.store)
    path, _ = site.path_of(reader, add_digest(site.store, reader, papers[:1]))
    with site.store.write() as tx:
        tx.exec(
            update(PaperRow)
            .where(col(PaperRow.id) == papers[0])
            .values(title="Sparse features, second version")
        )

    page = client.get(path)

    assert "Sparse features, second version" in page.text


def test_what_found_no_room_is_listed(site: SiteWorld, client: TestClient) -> None:
    reader, papers = subscriber(site), add_day(site.store)
    delivery = add_digest(site.store, reader, papers[:1], rest=papers[1:3], left_over=12)
    path, _ = site.path_of(reader, delivery)

    page = client.get(path)

    assert "12 more matched" in page.text
    assert "These are the best 2 of them." in page.text
    assert "wait on the site" not in page.text
    assert "Plans that a small robot can keep" in page.text


def test_a_page_of_a_digest_gives_no_permission_to_unsubscribe(
    site: SiteWorld, client: TestClient
) -> None:
    reader, papers = subscriber(site), add_day(site.store)
    path, _ = site.path_of(reader, add_digest(site.store, reader, papers[:1]))

    page = client.get(path)

    assert "/unsubscribe/" not in page.text
    assert "ada@example.org" not in page.text


def test_a_digest_is_gone_after_its_retention(site: SiteWorld, client: TestClient) -> None:
    reader, papers = subscriber(site), add_day(site.store)
    path, _ = site.path_of(reader, add_digest(site.store, reader, papers[:1]))

    site.clock.at += timedelta(days=89)
    still = client.get(path)
    site.clock.at += timedelta(days=2)
    gone = client.get(path)

    assert still.status_code == 200
    assert gone.status_code == 410
    assert "Past digests are shown for 90 days." in gone.text


def test_a_digest_of_who_was_erased_is_gone(site: SiteWorld, client: TestClient) -> None:
    reader, papers = subscriber(site), add_day(site.store)
    path, _ = site.path_of(reader, add_digest(site.store, reader, papers[:1]))
    erase(site.store, site.rules.signer, "ada@example.org", now=site.clock())

    assert client.get(path).status_code == 410


def test_a_digest_without_papers_says_so(site: SiteWorld, client: TestClient) -> None:
    reader = subscriber(site)
    path, _ = site.path_of(reader, add_digest(site.store, reader, []))

    page = client.get(path)

    assert page.status_code == 200
    assert "No papers in this digest" in page.text


def test_a_digest_that_never_was_is_not_found(site: SiteWorld, client: TestClient) -> None:
    token = site.rules.signer.sign(SignedPurpose.DIGEST, 2**63 - 1)

    assert client.get(f"/digests/{token}").status_code == 404


def test_a_token_to_unsubscribe_shows_no_digest(site: SiteWorld, client: TestClient) -> None:
    reader, papers = subscriber(site), add_day(site.store)
    add_digest(site.store, reader, papers[:1])
    token = site.rules.signer.sign(SignedPurpose.UNSUBSCRIBE, 1)

    assert client.get(f"/digests/{token}").status_code == 404


def test_hostile_text_is_shown_as_text(site: SiteWorld, client: TestClient) -> None:
    reader, papers = subscriber(site), add_day(site.store)
    path, _ = site.path_of(reader, add_digest(site.store, reader, papers[:1], rest=papers[1:2]))
    with site.store.write() as tx:
        tx.exec(
            update(PaperRow).values(
                title='<script>alert(1)</script>"><img src=x onerror=alert(1)>\u202egnp',
                abstract="</p><style>*{display:none}</style>",
                authors=['"><b>x'],
                venue="<i>v",
                url="javascript:alert(1)",
                links=[["<u>code", "javascript:alert(2)"]],
            )
        )

    for page in (client.get(path), client.get("/")):
        assert page.status_code == 200
        for markup in ("<script>", "<img", "<style>", "<b>", "<i>", "<u>", "javascript:", "\u202e"):
            assert markup not in page.text
