"""What the site is given; it names no adapter of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from digest.clock import Clock
from digest.matching.annotate import Annotator
from digest.settings import Settings
from digest.store import Store
from digest.subscribers.decide import SignupRules
from digest.web.finding import Finder
from digest.web.searching import TextFinder


def _nobody_waits() -> None:
    """Due work is found at the next tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDeps:
    """What the pages work with.

    `rules` carries the signer and the schedule; `templates` is the folder that holds
    `site/`; `nudge` says that there is work that
    somebody waits for; `annotator` reads papers, its synonyms hold for queries too;
    `random_bytes` makes one-use tokens.
    """

    store: Store
    settings: Settings
    rules: SignupRules
    clock: Clock
    templates: Path
    nudge: Callable[[], None] = _nobody_waits
    annotator: Annotator = field(default_factory=Annotator)
    random_bytes: Callable[[int], bytes] = field(default=secrets.token_bytes)

    @property
    def find(self) -> Finder:
        """Looks through the library."""
        return TextFinder(self.annotator)
