"""The documents hold together: links lead somewhere, decisions are listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))

    broken = [target for target in targets if not (page.parent / target).exists()]

    assert broken == []


def test_every_decision_is_listed_once() -> None:
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")

    decisions = sorted(path.name for path in ROOT.glob("docs/adr/0*.md"))

    assert sorted(LINK.findall(index)) == decisions
