"""Make the pictures of docs/ from a real run of the demo.

`docs/digest.png` is a digest at 600 px, as a mail program shows it; `docs/screenshots/`
holds every page of the site at 320 and 1440 px, light and dark.

Needs a Chromium: CHROMIUM names its executable, else the one on the PATH is used.
"""

from __future__ import annotations

import base64
import email
import email.policy
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from sqlmodel import col, delete

from digest.demo import run_demo
from digest.demo.story import demo_settings
from digest.logs import configure_logs
from digest.model import SubscriberId
from digest.service import Service, open_service
from digest.store.deliveries import recent_deliveries
from digest.store.editions import newest_day
from digest.store.tables import TokenRow
from digest.store.tokens import save_token
from digest.subscribers.actions import AUTHOR, action_tokens
from digest.subscribers.consent import issue_confirm_token
from digest.subscribers.decide import Origin
from digest.subscribers.links import digest_url, unsubscribe_url
from digest.subscribers.signup import add_subscriber
from digest.subscribers.tokens import OneUsePurpose, one_use_digest
from digest.subscribers.wanted import SubscriberLine

DOCS = Path(__file__).resolve().parents[1] / "docs"
LAUNCH = ["--no-sandbox", "--disable-gpu"]
READER = SubscriberId(1)
TALLEST = 1_200
PAGES = {
    "daily": "/",
    "past-day": "/daily/{before}",
    "calendar": "/daily",
    "library": "/papers",
    "library-list": "/papers?view=list",
    "search": "/papers?q=reasoning+AND+model*",
    "search-error": "/papers?q=reasoning+AND",
    "search-empty": "/papers?q=phlogiston",
    "topics": "/tags",
    "timeline": "/timeline",
    "paper": "/papers/arxiv:2501.12948",
    "subscribe": "/subscribe?keyword=protein+design",
    "unsubscribe": "{unsubscribe}",
    "login": "/login",
    "preferences": "/preferences",
    "past-digests": "/preferences/digests",
    "digest": "{digest}",
    "delete": "/preferences/delete",
    "help-search": "/help/search",
    "help-api": "/api",
    "missing": "/nothing",
    "confirm": "{confirm}",
    "mute": "{mute}",
    "next-digest": "/preferences/next",
    "link-worn-out": "/login/nothing",
}


def _sign_up(page: Page, origin: str) -> None:
    page.goto(f"{origin}/subscribe")
    page.get_by_label("Your address").fill("grace@example.org")
    page.get_by_label("Keywords").fill("sparse autoencoder")
    page.get_by_role("button", name="Subscribe").click()


def _sign_up_wrongly(page: Page, origin: str) -> None:
    page.goto(f"{origin}/subscribe")
    page.get_by_label("Your address").fill("grace@example.org")
    page.get_by_label("Keywords").fill("agents AND")
    page.get_by_role("button", name="Subscribe").click()


def _ask_for_a_link(page: Page, origin: str) -> None:
    page.goto(f"{origin}/login")
    page.get_by_label("Your address").fill("grace@example.org")
    page.get_by_role("button", name="Send the link").click()


def _preview(page: Page, origin: str, text: str) -> None:
    page.goto(f"{origin}/preferences")
    page.get_by_label("Words, or the topic’s name").fill(text)
    page.locator("#preview p").first.wait_for()
    page.evaluate("document.querySelector('#interests').scrollIntoView()")


def _leave(page: Page, origin: str, path: str) -> None:
    page.goto(origin + path)
    page.get_by_role("button", name="Unsubscribe").click()


def _come_back(page: Page) -> None:
    page.get_by_role("button", name="Keep my digests").click()


def states(page: Page, origin: str, paths: dict[str, str]) -> Iterator[str]:
    """Bring the page into each state that follows a click; gives its name."""
    _sign_up(page, origin)
    yield "signed-up"
    _sign_up_wrongly(page, origin)
    yield "sign-up-problem"
    _ask_for_a_link(page, origin)
    yield "link-sent"
    _preview(page, origin, "reasoning OR diffusion")
    yield "preview"
    _preview(page, origin, "agents AND")
    yield "preview-problem"
    _leave(page, origin, paths["unsubscribe"])
    yield "unsubscribed"
    _come_back(page)
    yield "came-back"


def main() -> None:
    """Play the demo, then photograph its longest mail and every page."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        sys.exit("no Chromium: install one, or name it in CHROMIUM")
    configure_logs()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_demo(folder, on_day=lambda _day: None)
        photograph(folder, chromium)


def photograph(folder: Path, chromium: str) -> None:
    """Photograph the mail and the site of a demo."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=LAUNCH)
        photograph_mail(browser, folder)
        with served(folder) as (origin, paths, log_in):
            for width in (320, 1440):
                for scheme in ("light", "dark"):
                    log_in()  # unsubscribing, one of the states, ended the last session
                    photograph_site(browser, origin, paths, width=width, dark=scheme == "dark")
        browser.close()


def photograph_mail(browser: Browser, folder: Path) -> None:
    """Write docs/digest.png: the longest digest of the demo."""
    longest = max(folder.rglob("*.eml"), key=lambda path: path.stat().st_size)
    message = email.message_from_bytes(longest.read_bytes(), policy=email.policy.default)
    part = message.get_body(("html",))
    if part is None:
        sys.exit(f"{longest} has no HTML part")
    page = browser.new_page(viewport={"width": 600, "height": 800}, offline=True)
    page.set_content(str(part.get_content()))
    page.screenshot(path=DOCS / "digest.png", full_page=True)
    page.close()


def photograph_site(
    browser: Browser, origin: str, paths: dict[str, str], *, width: int, dark: bool
) -> None:
    """Write a picture of each page, its top at most, so that they stay small."""
    target = DOCS / "screenshots"
    target.mkdir(exist_ok=True)
    scheme = "dark" if dark else "light"
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    context.add_cookies([{"name": "session", "value": "picture", "url": origin}])
    page = context.new_page()
    camera = context.new_cdp_session(page)

    def shot(name: str) -> None:
        height = page.evaluate("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST), "scale": 1}
        taken = camera.send(
            "Page.captureScreenshot",
            # WebP takes a third of the bytes; Playwright itself writes none.
            {"format": "webp", "quality": 60, "clip": clip, "captureBeyondViewport": True},
        )
        picture = target / f"{name}-{width}-{scheme}.webp"
        picture.write_bytes(base64.b64decode(taken["data"]))

    for name, path in paths.items():
        page.goto(origin + path)
        shot(name)
    for name in states(page, origin, paths):
        shot(name)
    context.close()


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, dict[str, str], Callable[[], None]]]:
    """Serve the site of the demo, on the evening of its last day; Ada can be logged in."""
    service = open_service(demo_settings(folder, "http://127.0.0.1"))
    with service.store.read() as tx:
        day = newest_day(tx, until=date.max)
    if day is None:
        sys.exit("the demo brought no papers")
    now = datetime(day.year, day.month, day.day, 20, tzinfo=UTC)
    service.clock = lambda: now
    paths = _paths(service, before=str(day - timedelta(days=1)))

    def log_in() -> None:
        with service.store.write() as tx:
            tx.exec(delete(TokenRow).where(col(TokenRow.digest) == one_use_digest("picture")))
            save_token(
                tx,
                digest=one_use_digest("picture"),
                purpose=OneUsePurpose.SESSION.value,
                subscriber_id=READER,
                now=now,
                expires_at=now + timedelta(days=1),
            )

    server = uvicorn.Server(
        uvicorn.Config(service.web_app(), port=0, log_config=None, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", paths, log_in
    server.should_exit = True
    thread.join()
    service.close()


def _paths(service: Service, *, before: str) -> dict[str, str]:
    with service.store.read() as tx:
        newest = recent_deliveries(tx, READER, limit=1)[0]
    wants = SubscriberLine(email="alan@example.org", keywords=("reasoning model",))
    alan = add_subscriber(
        service.store,
        service.signup_rules,
        wants,
        now=service.clock(),
        confirmed=False,
        origin=Origin.SITE,
    ).subscriber_id
    if alan is None:
        sys.exit("alan@example.org cannot sign up")
    with service.store.write() as tx:
        confirm = issue_confirm_token(tx, alan, now=service.clock(), random_bytes=b"7" * 32)
    known = {
        "before": before,
        "digest": digest_url(service.signer, "", newest.id),
        "unsubscribe": unsubscribe_url(service.signer, "", READER),
        "confirm": f"/confirm/{confirm}",
        "mute": f"/act/{action_tokens(service.signer, newest.id, [0])[AUTHOR].decode()}",
    }
    return {name: path.format(**known) for name, path in PAGES.items()}


if __name__ == "__main__":
    main()
