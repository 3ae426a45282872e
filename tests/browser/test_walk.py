"""A stranger's whole way: subscribe, confirm, read, change, leave; with and without script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.browser import chromium
from tests.support.live_site import LiveSite, add_paper, live_site
from tests.support.site_world import add_day

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WHO = "grace@example.org"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveSite]:
    with live_site(tmp_path) as site:
        add_day(site.service.store)
        yield site


@pytest.mark.parametrize(
    ("script", "width", "scheme"),
    [(True, 1440, "light"), (False, 1440, "light"), (True, 320, "dark"), (False, 320, "light")],
)
def test_a_stranger_subscribes_reads_changes_and_leaves(
    browser: Browser, live: LiveSite, script: bool, width: int, scheme: str
) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
        timezone_id="Europe/Paris",
    )

    page.goto(live.origin)
    page.get_by_label("Get trending papers in your email inbox once a day").fill(WHO)
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_label("planning").check()
    page.get_by_role("textbox", name="Keywords").fill("sparse features")
    if script:
        expect(page.locator("#preview")).to_contain_text("Would have matched 1 paper")
        expect(page.get_by_label("Time zone")).to_have_value("Europe/Paris")
    else:
        page.get_by_role("button", name="Preview").click()
        expect(page.locator(".preview").last).to_contain_text("Would have matched 1 paper")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your inbox")

    live.tick()
    assert [one["subject"] for one in live.mails(WHO)] == [
        "Confirm your subscription to Daily papers"
    ]
    page.goto(live.link(WHO, "/confirm/"))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")

    live.tick()
    assert live.mails(WHO)[-1]["subject"].startswith("Your first 2 papers: Sparse features")

    page.goto(f"{live.origin}/preferences")
    page.get_by_label("Your address").fill(WHO)
    page.get_by_role("button", name="Send the link").click()
    live.tick()
    page.goto(live.link(WHO, "/login/"))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My digest")
    words = page.get_by_label("Words, or the topic’s name")
    words.fill("protein AND (")
    if script:
        expect(page.locator("#preview pre")).to_contain_text("^")
    words.fill("protein model")
    if script:
        expect(page.locator("#preview")).to_contain_text("Would have matched 1 paper")
    else:
        page.get_by_role("button", name="Preview", exact=True).click()
        expect(page.locator("#preview")).to_contain_text("Would have matched 1 paper")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("status").first).to_have_text("Added.")

    live.clock.at = live.clock.at.replace(hour=22)
    add_paper(live, "A protein model of everything")
    live.tick(hours=24)
    assert "A protein model of everything" in live.mails(WHO)[-1]["subject"]
    before = len(live.mails(WHO))

    page.goto(live.link(WHO, "/unsubscribe/"))
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are unsubscribed")
    add_paper(live, "A protein model of the rest")
    live.tick(hours=24)
    live.tick(hours=24)
    assert len(live.mails(WHO)) == before
    page.close()
