from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.support.site_world import BASE_URL, SiteWorld, open_site


@pytest.fixture
def site(database_url: str) -> Iterator[SiteWorld]:
    world = open_site(database_url)
    yield world
    world.store.close()


@pytest.fixture
def client(site: SiteWorld) -> TestClient:
    return TestClient(site.app, base_url=BASE_URL, follow_redirects=False)
