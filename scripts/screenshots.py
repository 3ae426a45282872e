"""Make the pictures of docs/ from a real run of the demo.

Needs a Chromium: CHROMIUM names its executable, else the one on the PATH is used.
"""

from __future__ import annotations

import email
import email.policy
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parents[1] / "docs"
LAUNCH = ["--no-sandbox", "--disable-gpu"]


def digest_of_the_demo(folder: Path) -> str:
    """Play the demo in `folder` and return the HTML of its longest digest."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
    subprocess.run(
        [sys.executable, "-m", "digest", "demo"],
        cwd=folder,
        env=environ,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    longest = max(folder.rglob("*.eml"), key=lambda path: path.stat().st_size)
    message = email.message_from_bytes(longest.read_bytes(), policy=email.policy.default)
    part = message.get_body(("html",))
    if part is None:
        sys.exit(f"{longest} has no HTML part")
    return str(part.get_content())


def main() -> None:
    """Write docs/digest.png: a digest at 600 px, as a mail program shows it."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        sys.exit("no Chromium: install one, or name it in CHROMIUM")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html = digest_of_the_demo(Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium, args=LAUNCH)
        page = browser.new_page(viewport={"width": 600, "height": 800}, offline=True)
        page.set_content(html)
        page.screenshot(path=DOCS / "digest.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
