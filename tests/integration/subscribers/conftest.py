from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.digests.schedule import first_digest_at
from digest.store import Store
from digest.subscribers.decide import SignupRules
from digest.subscribers.tokens import TokenSigner


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'digest.db'}")
    store.ensure_schema()
    yield store
    store.close()


@pytest.fixture
def rules() -> SignupRules:
    return SignupRules(
        signer=TokenSigner(["a key of thirty-two characters !"]),
        first_digest_at=first_digest_at,
    )
