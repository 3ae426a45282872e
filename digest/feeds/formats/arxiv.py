"""What is peculiar to arXiv's own feeds, and to feeds that list arXiv papers. Pure.

See https://info.arxiv.org/help/rss_specifications.html for the announce types. Before
2024 the title carried the identifier: `Title. (arXiv:2310.00229v2 [cs.AI] UPDATED)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from digest.model import Announce

_NUMBER = r"(?:\d{4}\.\d{4,5}|[a-z][a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d{1,3})?"
_ID = re.compile(rf"^{_NUMBER}$")
_OLD_TITLE = re.compile(
    rf"^(?P<title>.*?)\s*\(\s*arXiv:(?P<id>{_NUMBER})\s*\[(?P<category>[\w.-]+)\]"
    r"(?:\s+(?P<what>UPDATED|CROSS LISTED))?\s*\)$",
    re.DOTALL,
)
_DESCRIPTION = re.compile(
    rf"^\s*(?:<p>\s*)?arXiv:(?P<id>{_NUMBER})\s+Announce Type:\s*(?P<announce>[a-z-]+)\s*"
    r"(?:<br\s*/?>\s*)?Abstract:\s*(?P<abstract>.*)$",
    re.DOTALL | re.IGNORECASE,
)
# Sites whose paths name arXiv papers by number alone.
_KNOWN_PAGE = re.compile(
    r"^https?://(?:(?:www\.|export\.|rss\.)?arxiv\.org/(?:abs|pdf|html)"
    r"|huggingface\.co/papers|(?:www\.)?alphaxiv\.org/(?:abs|overview)|tldr\.takara\.ai/p)"
    rf"/(?P<id>{_NUMBER})(?:\.pdf)?(?:[?#].*)?$"
)
_OLD_WORDS = {"UPDATED": Announce.REPLACE, "CROSS LISTED": Announce.CROSS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArxivText:
    """A title or description with arXiv's own marks taken out; "" and None when absent."""

    text: str
    arxiv_id: str = ""
    announce: Announce | None = None
    category: str = ""


def is_arxiv_id(text: str) -> bool:
    """Tell whether `text` is an arXiv number, with or without version, and nothing else."""
    return _ID.match(text) is not None


def read_title(title: str) -> ArxivText:
    """Split a title of the years before 2024; others come back as they are."""
    match = _OLD_TITLE.match(title)
    if match is None:
        return ArxivText(text=title)
    return ArxivText(
        text=match["title"].removesuffix("."),
        arxiv_id=match["id"],
        announce=_OLD_WORDS.get(match["what"], Announce.NEW),
        category=match["category"],
    )


def read_description(text: str) -> ArxivText:
    """Split `arXiv:IDvN Announce Type: T Abstract: …`; others come back as they are."""
    match = _DESCRIPTION.match(text)
    if match is None:
        return ArxivText(text=text)
    return ArxivText(
        text=match["abstract"].strip().removesuffix("</p>"),
        arxiv_id=match["id"],
        announce=announce_type(match["announce"]),
    )


def announce_type(word: object) -> Announce | None:
    """Read `new`, `cross`, `replace` or `replace-cross`; None for anything else."""
    try:
        return Announce(str(word).strip().lower())
    except ValueError:
        return None


def id_of_page(url: str) -> str:
    """Return the arXiv number that a page of a known site is about, or ""."""
    match = _KNOWN_PAGE.match(url)
    return match["id"] if match else ""


def without_version(arxiv_id: str) -> str:
    """Return the number without its version."""
    return re.sub(r"v\d+$", "", arxiv_id)
