"""The personal addresses that a digest carries."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from urllib.parse import quote

from digest.model import DeliveryId, DigestLinks, Period, SubscriberId
from digest.subscribers.tokens import SignedPurpose, TokenSigner


def unsubscribe_url(signer: TokenSigner, base_url: str, subscriber_id: SubscriberId) -> str:
    """Return the address at which a POST alone unsubscribes (RFC 8058)."""
    return f"{base_url}/unsubscribe/{signer.sign(SignedPurpose.UNSUBSCRIBE, subscriber_id)}"


def digest_url(signer: TokenSigner, base_url: str, delivery_id: DeliveryId) -> str:
    """Return the address of one digest on the site."""
    return f"{base_url}/digests/{signer.sign(SignedPurpose.DIGEST, delivery_id)}"


def act_url(base_url: str) -> str:
    """Return what comes before the token of an action of a digest."""
    return f"{base_url}/act/"


def confirm_url(base_url: str, token: str) -> str:
    """Return the address of the page that confirms a sign-up."""
    return f"{base_url}/confirm/{token}"


def login_url(base_url: str, token: str) -> str:
    """Return the address of the page that logs in."""
    return f"{base_url}/login/{token}"


def change_url(base_url: str, token: str) -> str:
    """Return the address of the page that confirms a new address."""
    return f"{base_url}/address/{token}"


def digest_links(
    signer: TokenSigner,
    *,
    base_url: str,
    subscriber_id: SubscriberId,
    delivery_id: DeliveryId,
    unsubscribe_address: str,
) -> DigestLinks:
    """Return the links of one digest.

    A digest is forwarded, so its links can only unsubscribe, show that digest and mute
    what they name; `manage` leads to the login page.

    Args:
        signer: Signs the two tokens.
        base_url: Of the site, without a slash at its end.
        subscriber_id: Whom unsubscribing concerns.
        delivery_id: Which digest is shown.
        unsubscribe_address: Mailbox that a mail program may write to instead
            (`List-Unsubscribe`'s second way); its subject then names the subscriber.
    """
    token = signer.sign(SignedPurpose.UNSUBSCRIBE, subscriber_id)
    return DigestLinks(
        web=digest_url(signer, base_url, delivery_id),
        manage=f"{base_url}/login",
        unsubscribe=f"{base_url}/unsubscribe/{token}",
        unsubscribe_mailto=f"mailto:{_quoted(unsubscribe_address)}?subject=unsubscribe-{token}",
        act=act_url(base_url),
    )


def feedback_id(local_part: str, period: Period, *, list_id: str) -> str:
    """Return the Feedback-ID of one delivery: its signature, period, kind, and who we are.

    The signature is that of the bounce address. It stands in no link, so a complaint from
    which the recipient was taken out can still be believed. Gmail wants the last field to
    be the same for ever, of 5 to 15 characters.
    """
    return f"{local_part.removeprefix('b+')}:{period}:digest:{_sender_id(list_id)}"


@lru_cache(maxsize=16)
def _quoted(address: str) -> str:
    return quote(address, safe="@")


@lru_cache(maxsize=16)
def _sender_id(list_id: str) -> str:
    return hashlib.sha256(list_id.encode()).hexdigest()[:12]
