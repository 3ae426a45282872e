"""What tests in a real browser share: where it is, and what of a page can be read."""

from __future__ import annotations

import os
import shutil

import pytest

# Every element that holds text of its own, with its colour and the ground it stands on.
TEXT_PAIRS = """() => {
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')]
    .filter(e => getComputedStyle(e).display !== 'none')
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(e => [e.textContent.trim().slice(0, 40), getComputedStyle(e).color, ground(e)]);
}"""


def chromium() -> str:
    """Return the path of a Chromium, or skip; where CI installed one, its lack is a failure."""
    path = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not path:
        if os.environ.get("CI") == "true":
            pytest.fail("CI has no Chromium, though it installs one")
        pytest.skip("no Chromium here: set CHROMIUM to its executable")
    return path


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(rgb: str) -> float:
    channels = [int(part) / 255 for part in rgb[rgb.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
