from __future__ import annotations

import pytest

from digest.digests.schedule import first_digest_at
from digest.subscribers.decide import SignupRules
from digest.subscribers.tokens import TokenSigner


@pytest.fixture
def rules() -> SignupRules:
    return SignupRules(
        signer=TokenSigner(["a key of thirty-two characters !"]),
        first_digest_at=first_digest_at,
    )
