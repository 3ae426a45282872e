"""No serious barrier on any page, by axe-core (AXE_CORE names its axe.min.js)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from digest.resources import resource_dir
from digest.store.tokens import save_token
from digest.subscribers.actions import AUTHOR, action_tokens
from digest.subscribers.tokens import OneUsePurpose, one_use_digest
from digest.subscribers.wanted import SubscriberLine
from digest.web.pages import Site
from tests.support.browser import chromium
from tests.support.live_site import served
from tests.support.people import active, confirm_token, sign_up
from tests.support.site_world import BASE_URL, add_day, add_digest, open_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PATHS = (
    *("/", "/daily", "/daily/2026-02-01", "/papers", "/papers?view=list", "/papers?q=a+AND"),
    *("/papers?q=protein", "/papers?q=phlogiston", "/tags", "/tags/planning", "/timeline"),
    *("/papers/arxiv:2602.00000", "/papers/arxiv:2602.00002", "/subscribe?keyword=agents"),
    *("/login", "/preferences", "/preferences/next", "/preferences/digests"),
    *("/preferences/delete", "/help/search", "/api", "/nothing", "/login/worn-out"),
)


SAID = (
    *("Look into your inbox", "Too many requests", "Subscribe", "You are unsubscribed"),
    *("Your digests go on", "Confirm your subscription", "This link works no more"),
    *("This request came from elsewhere", "That is too large", "Something failed on our side"),
    "The site cannot reach its database",
)


def visits(page: Page, origin: str, paths: tuple[str, ...]) -> Iterator[str]:
    for path in paths:
        page.goto(origin + path)
        yield path


def shown(site: Site, status: int) -> Callable[[Route], None]:
    body = bytes(site.error(status).body)
    return lambda route: route.fulfill(status=status, body=body, content_type="text/html")


def errors(page: Page, origin: str) -> Iterator[str]:
    """Show the pages of errors that no visit brings about, as the site makes them."""
    site = Site(resource_dir("templates"), service_name="Daily papers", base_url=BASE_URL)
    for status in (403, 413, 500, 503):
        page.route(f"{origin}/fails/{status}", shown(site, status))
        page.goto(f"{origin}/fails/{status}")
        yield f"error {status}"


def states(page: Page, origin: str, unsubscribe_path: str) -> Iterator[str]:
    """Bring the page into the states that follow a click."""
    page.goto(f"{origin}/preferences")
    page.get_by_label("Words, or the topic’s name").fill("robot AND")
    page.locator("#preview p").first.wait_for()
    yield "preview with a problem"
    for keywords in ("agents AND", "agents"):
        page.goto(f"{origin}/subscribe")
        page.get_by_label("Your address").fill("eve@example.org")
        page.get_by_label("Keywords").fill(keywords)
        page.get_by_role("button", name="Subscribe").click()
        yield f"signing up for {keywords}"
    for _ in range(20):
        form: dict[str, str | float | bool] = {
            "step": "subscribe",
            "email": "eve@example.org",
            "keywords": "agents",
        }
        page.request.post(f"{origin}/subscribe", form=form)
    page.goto(f"{origin}/subscribe")
    page.get_by_label("Your address").fill("eve@example.org")
    page.get_by_label("Keywords").fill("agents")
    page.get_by_role("button", name="Subscribe").click()
    yield "too many requests"
    page.goto(origin + unsubscribe_path)
    yield "unsubscribing"
    page.get_by_role("button", name="Unsubscribe").click()
    yield "unsubscribed"
    page.get_by_role("button", name="Keep my digests").click()
    yield "undone"


@pytest.fixture(scope="module")
def axe() -> str:
    path = os.environ.get("AXE_CORE")
    if not path:
        if os.environ.get("CI") == "true":
            pytest.fail("CI has no axe-core, though it installs it")
        pytest.skip("no axe-core here: set AXE_CORE to its axe.min.js")
    return Path(path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1440, "light")])
def test_no_page_holds_a_serious_barrier(
    browser: Browser, axe: str, sqlite_url: str, width: int, scheme: str
) -> None:
    world = open_site(sqlite_url)
    papers = add_day(world.store)
    reader = active(
        world.store, world.rules, SubscriberLine(email="ada@example.org", keywords=("robot",))
    )
    delivery = add_digest(world.store, reader, papers[:2], rest=papers[2:], left_over=12)
    digest_path, unsubscribe_path = world.path_of(reader, delivery)
    with world.store.write() as tx:
        save_token(
            tx,
            digest=one_use_digest("key"),
            purpose=OneUsePurpose.SESSION.value,
            subscriber_id=reader,
            now=world.clock(),
            expires_at=world.clock().replace(day=9),
        )
    pending = sign_up(world.store, world.rules, SubscriberLine(email="grace@example.org"))
    assert pending.subscriber_id is not None
    confirm = confirm_token(world.store, pending.subscriber_id)
    mute = action_tokens(world.rules.signer, delivery, [0])[AUTHOR].decode()
    found, seen = [], []
    with served(world.app) as origin:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            bypass_csp=True,
        )
        context.add_cookies([{"name": "session", "value": "key", "url": origin}])
        page = context.new_page()
        paths = (*PATHS, digest_path, f"/confirm/{confirm}", f"/act/{mute}")
        for name in chain(
            visits(page, origin, paths),
            errors(page, origin),
            states(page, origin, unsubscribe_path),
        ):
            page.evaluate(axe)
            violations = page.evaluate("axe.run().then(found => found.violations)")
            seen.append(page.title().partition(" · ")[0])
            found += [
                (name, one["id"], [node["target"] for node in one["nodes"]])
                for one in violations
                if one["impact"] in ("serious", "critical")
            ]
        context.close()
    world.store.close()

    assert found == []
    assert {*SAID, *seen} == {*seen}
