from __future__ import annotations

from digest.model import DeliveryId, SubscriberId
from digest.subscribers.links import (
    confirm_url,
    digest_links,
    digest_url,
    unsubscribe_url,
)
from digest.subscribers.tokens import SignedPurpose, TokenSigner

SIGNER = TokenSigner(["a key of thirty-two characters !"])
BASE = "https://papers.example.org"


def test_a_digest_links_to_itself_to_the_login_and_to_one_way_out() -> None:
    links = digest_links(
        SIGNER,
        base_url=BASE,
        subscriber_id=SubscriberId(7),
        delivery_id=DeliveryId(4711),
        unsubscribe_address="digest@example.org",
    )

    token = links.unsubscribe.removeprefix(f"{BASE}/unsubscribe/")
    assert SIGNER.verify(SignedPurpose.UNSUBSCRIBE, token) == 7
    assert links.unsubscribe_mailto == f"mailto:digest@example.org?subject=unsubscribe-{token}"
    assert links.manage == f"{BASE}/login"
    shown = links.web.removeprefix(f"{BASE}/digests/")
    assert SIGNER.verify(SignedPurpose.DIGEST, shown) == 4711


def test_a_mailbox_with_a_question_mark_stays_one_mailbox() -> None:
    links = digest_links(
        SIGNER,
        base_url=BASE,
        subscriber_id=SubscriberId(7),
        delivery_id=DeliveryId(1),
        unsubscribe_address="a?cc=eve@example.org",
    )

    assert links.unsubscribe_mailto.startswith("mailto:a%3Fcc%3Deve@example.org?subject=")


def test_each_link_can_be_made_alone() -> None:
    assert unsubscribe_url(SIGNER, BASE, SubscriberId(7)).startswith(f"{BASE}/unsubscribe/")
    assert digest_url(SIGNER, BASE, DeliveryId(7)).startswith(f"{BASE}/digests/")
    assert confirm_url(BASE, "abc") == f"{BASE}/confirm/abc"
