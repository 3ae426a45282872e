"""Mails that come back, in the forms in which providers write them."""

from __future__ import annotations

from pathlib import Path

from digest.model import DeliveryId, SubscriberId
from digest.subscribers.tokens import SignedPurpose, TokenSigner

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "returns"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.eml")))

SIGNER = TokenSigner(["a key of thirty-two characters !"])


def returned_mail(
    name: str,
    *,
    delivery_id: int = 1,
    subscriber_id: int = 1,
    signer: TokenSigner = SIGNER,
) -> bytes:
    """Return a mail of `tests/fixtures/returns` that came back about this delivery."""
    text = (FOLDER / f"{name}.eml").read_text(encoding="utf-8")
    verp = signer.bounce_local_part(DeliveryId(delivery_id)).removeprefix("b+")
    leave = signer.sign(SignedPurpose.UNSUBSCRIBE, SubscriberId(subscriber_id))
    return text.replace("{VERP}", verp).replace("{LEAVE}", leave).encode()
