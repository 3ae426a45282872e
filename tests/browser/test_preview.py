"""The preview of interests while they are typed, where too many were asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.browser import chromium
from tests.support.live_site import served
from tests.support.site_world import add_day, open_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_preview_that_is_put_off_comes_by_itself(sqlite_url: str) -> None:
    world = open_site(sqlite_url, previews_per_minute=60)
    add_day(world.store)
    path = chromium()
    with served(world.app) as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        for _ in range(60):
            page.request.get(f"{origin}/preview?text=robot")
        page.goto(f"{origin}/subscribe")

        with page.expect_response(f"{origin}/preview?*") as refused:
            page.get_by_label("Keywords").fill("robot")
        status = refused.value.status
        said_nothing = page.locator("#preview").inner_text()
        world.clock.at += timedelta(seconds=2)

        expect(page.locator("#preview")).to_contain_text("matched 1 paper")
        browser.close()
    world.store.close()

    assert status == 429
    assert said_nothing == ""
