"""The mail in a real browser: narrow and wide, light and dark, without fetching anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from digest.digests.letters import confirm_view
from digest.digests.render import DigestRenderer
from digest.model import InterestKind
from digest.resources import resource_dir
from digest.subscribers.actions import CHOICES
from tests.support.browser import TEXT_PAIRS, chromium, contrast
from tests.support.digests import (
    LINKS,
    SCHEDULE,
    awkward_papers,
    make_digest,
    make_interest,
    one_paper,
    three_papers,
    twenty_papers,
    welcome,
)

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

DIGESTS = {
    "one": one_paper(),
    "three": three_papers(),
    "twenty": twenty_papers(),
    "awkward": awkward_papers(),
    "thin": replace(
        one_paper(),
        notices=("arXiv announced nothing today: it was a holiday in the United States.",),
        left_over=1,
    ),
    "welcome": welcome(),
    "none": make_digest((), notices=("arXiv announces nothing on Saturdays.",)),
}
SCREENS = [(320, "light"), (320, "dark"), (600, "light"), (600, "dark")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    renderer = DigestRenderer(resource_dir("templates"), service_name="Daily papers")
    links = replace(LINKS, act="https://papers.example.org/act/")
    mails = {
        name: renderer.encode(digest, links, [b"aB3_" * 9] * CHOICES * len(digest.matches))
        .decoded()
        .html
        for name, digest in DIGESTS.items()
    }
    view = confirm_view(
        service_name="Daily papers",
        day=date(2026, 2, 3),
        interests=(
            make_interest('"sparse autoencoder" OR probing', 1),
            make_interest("survey", 2, InterestKind.MUTED),
        ),
        schedule=SCHEDULE,
        confirm_url="https://papers.example.org/confirm/" + "aB3_" * 11,
    )
    return {**mails, "confirm": renderer.render_letter("confirm", view).html}


def open_mail(
    browser: Browser, html: str, folder: Path, *, width: int, scheme: str
) -> tuple[Page, list[str]]:
    """Open a mail offline, and return the page and the addresses it asked for."""
    file = folder / "mail.html"
    file.write_text(html, encoding="utf-8")
    page = browser.new_page(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=True,
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    return page, [url for url in asked if url != file.as_uri()]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("name", [*DIGESTS, "confirm"])
def test_mail_fits_its_screen_is_readable_and_fetches_nothing(
    browser: Browser, pages: dict[str, str], tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    page, asked = open_mail(browser, pages[name], tmp_path, width=width, scheme=scheme)

    needed = page.evaluate("document.documentElement.scrollWidth")
    pairs = page.evaluate(TEXT_PAIRS)
    page.close()

    assert needed == width
    assert asked == []
    assert [pair for pair in pairs if contrast(pair[1], pair[2]) < 4.5] == []
    assert len(pairs) > 5


@pytest.mark.parametrize("name", ["one", "confirm"])
def test_actions_are_large_enough_for_a_thumb(
    browser: Browser, pages: dict[str, str], tmp_path: Path, name: str
) -> None:
    page, _ = open_mail(browser, pages[name], tmp_path, width=320, scheme="light")

    heights = [box.bounding_box() for box in page.locator(".act, .button").all()]
    page.close()

    assert heights
    assert [box for box in heights if box is None or box["height"] < 44] == []


def test_dark_mail_is_dark_and_its_marker_stays_visible(
    browser: Browser, pages: dict[str, str], tmp_path: Path
) -> None:
    page, _ = open_mail(browser, pages["three"], tmp_path, width=600, scheme="dark")

    sheet = page.locator(".sheet").evaluate("e => getComputedStyle(e).backgroundColor")
    mark = page.locator(".mark").first.evaluate("e => getComputedStyle(e).backgroundColor")
    page.close()

    assert sheet == "rgb(25, 24, 22)"
    assert mark == "rgb(91, 74, 7)"


def test_text_of_other_scripts_runs_in_its_own_direction(
    browser: Browser, pages: dict[str, str], tmp_path: Path
) -> None:
    page, _ = open_mail(browser, pages["awkward"], tmp_path, width=320, scheme="light")

    directions = [
        heading.evaluate("e => getComputedStyle(e).direction")
        for heading in page.locator("h2").all()
    ]
    page.close()

    assert directions == ["ltr", "rtl", "ltr", "ltr"]
