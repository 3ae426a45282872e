"""The site in a real browser: narrow and wide, light and dark, and its buttons."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from digest.model import SubscriberId, SubscriberState
from digest.subscribers.wanted import SubscriberLine
from tests.support.browser import TEXT_PAIRS, chromium, contrast
from tests.support.people import active, confirm_token, read, sign_up
from tests.support.site_world import SiteWorld, add_day, add_digest, open_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SCREENS = [(320, "light"), (320, "dark"), (1440, "light"), (1440, "dark")]
PAGES = ("home", "digest", "confirm", "unsubscribe", "login", "missing")


@dataclass(frozen=True, kw_only=True)
class Served:
    origin: str
    world: SiteWorld
    reader: SubscriberId
    paths: dict[str, str]


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
def served(sqlite_url: str) -> Iterator[Served]:
    world = open_site(sqlite_url)
    line = SubscriberLine(
        email="ada@example.org", keywords=("sparse features", "agents"), tags=("planning",)
    )
    reader = active(world.store, world.rules, line)
    papers = add_day(world.store)
    delivery = add_digest(world.store, reader, papers[:2], rest=papers[2:], left_over=12)
    digest_path, unsubscribe_path = world.path_of(reader, delivery)
    pending = sign_up(world.store, world.rules, SubscriberLine(email="grace@example.org"))
    assert pending.subscriber_id is not None
    server = uvicorn.Server(
        uvicorn.Config(world.app, port=0, access_log=False, log_config=None, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(
        origin=f"http://127.0.0.1:{port}",
        world=world,
        reader=reader,
        paths={
            "home": "/",
            "digest": digest_path,
            "confirm": f"/confirm/{confirm_token(world.store, pending.subscriber_id)}",
            "unsubscribe": unsubscribe_path,
            "login": "/login",
            "missing": "/nothing",
        },
    )
    server.should_exit = True
    thread.join()
    world.store.close()


def open_page(browser: Browser, *, width: int, scheme: str) -> Page:
    return browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=True,
    )


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_page_fits_its_screen_is_readable_and_asks_nobody_else(
    browser: Browser, served: Served, width: int, scheme: str
) -> None:
    page = open_page(browser, width=width, scheme=scheme)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))

    for name in PAGES:
        page.goto(served.origin + served.paths[name])
        needed = page.evaluate("document.documentElement.scrollWidth")
        pairs = page.evaluate(TEXT_PAIRS)

        assert needed == width, name
        assert [pair for pair in pairs if contrast(pair[1], pair[2]) < 4.5] == [], name
        assert page.locator("h1").count() == 1, name
        assert page.locator("main").count() == 1, name
    page.close()

    assert [url for url in asked if not url.startswith(served.origin)] == []
    # The one line is Chromium's own, on the page that is missing.
    assert len(said) == 1
    assert "404" in said[0]


def test_leaving_and_coming_back_takes_two_buttons_and_no_script(
    browser: Browser, served: Served
) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(served.origin + served.paths["unsubscribe"])

    page.get_by_role("button", name="Unsubscribe").click()
    left = page.get_by_role("heading", level=1).inner_text()
    state_then = read(served.world.store, served.reader).state
    page.get_by_role("button", name="Keep my digests").click()
    back = page.get_by_role("heading", level=1).inner_text()
    page.close()

    assert left == "You are unsubscribed"
    assert state_then is SubscriberState.UNSUBSCRIBED
    assert back == "Your digests go on"
    assert read(served.world.store, served.reader).state is SubscriberState.ACTIVE


def test_buttons_are_large_enough_for_a_thumb(browser: Browser, served: Served) -> None:
    page = open_page(browser, width=320, scheme="light")
    page.goto(served.origin + served.paths["confirm"])

    box = page.get_by_role("button", name="Confirm").bounding_box()
    page.close()

    assert box is not None
    assert box["height"] >= 44
