"""A paper as BibTeX and RIS, for reference managers (pure)."""

from __future__ import annotations

import re
import unicodedata

from digest.digests.plain import one_line, safe_url
from digest.model import Alias, Paper

_BIB_SPECIAL = re.compile(r"[\\{}&%$#_~^]")
_BIB_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_SEPARATES = re.compile(r"(?:^|\s)and(?:\s|$)|^others$", re.IGNORECASE)
"""What BibTeX would take for the end of a name, or for `et al.`, unless it stands in braces."""
_KEY = re.compile(r"[^a-z0-9]+")
_DULL = frozenset({"a", "an", "the", "on", "of", "for", "in", "to", "and", "with"})


def bibtex(paper: Paper, aliases: tuple[Alias, ...]) -> str:
    """Write a paper as a BibTeX entry; special characters are escaped."""
    arxiv, doi = _named(aliases, "arxiv:"), _named(aliases, "doi:")
    fields = [
        ("title", f"{{{_bib(paper.title)}}}" if one_line(paper.title) else ""),
        ("author", " and ".join(_author(name) for name in paper.authors if one_line(name))),
        ("year", str(paper.published_on.year) if paper.published_on else ""),
        ("month", f"{paper.published_on.month}" if paper.published_on else ""),
        ("journal", _bib(paper.venue)),
        ("eprint", _bib(arxiv)),
        ("archiveprefix", "arXiv" if arxiv else ""),
        ("doi", _bib(doi)),
        ("url", (safe_url(paper.url) or "").replace("{", "%7B").replace("}", "%7D")),
    ]
    kind = "article" if paper.venue and not arxiv else "misc"
    lines = [f"  {name} = {{{value}}}" for name, value in fields if value]
    return f"@{kind}{{{_key(paper)},\n" + ",\n".join(lines) + "\n}\n"


def ris(paper: Paper, aliases: tuple[Alias, ...]) -> str:
    """Write a paper as an RIS record, with CRLF line ends."""
    arxiv, doi = _named(aliases, "arxiv:"), _named(aliases, "doi:")
    day = paper.published_on
    lines = [
        ("TY", "UNPB" if arxiv or not paper.venue else "JOUR"),
        ("TI", one_line(paper.title)),
        *(("AU", one_line(name)) for name in paper.authors if one_line(name)),
        ("PY", str(day.year) if day else ""),
        ("DA", f"{day:%Y/%m/%d}" if day else ""),
        ("JO", one_line(paper.venue)),
        ("AB", one_line(paper.abstract)),
        *(("KW", one_line(tag)) for tag in paper.tags if one_line(tag)),
        ("DO", doi),
        ("AN", f"arXiv:{arxiv}" if arxiv else ""),
        ("UR", safe_url(paper.url) or ""),
    ]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in lines if value) + "ER  - \r\n"


def file_name(paper: Paper) -> str:
    """Return a name for a download, without its ending: letters, digits and hyphens."""
    return _KEY.sub("-", paper.alias.lower()).strip("-")[:60] or "paper"


def _named(aliases: tuple[Alias, ...], scheme: str) -> str:
    return next((one.removeprefix(scheme) for one in aliases if one.startswith(scheme)), "")


def _bib(text: str) -> str:
    return _BIB_SPECIAL.sub(
        lambda found: _BIB_ESCAPES.get(found.group(), f"\\{found.group()}"), one_line(text)
    )


def _author(name: str) -> str:
    written = _bib(name)
    return f"{{{written}}}" if _SEPARATES.search(written) else written


def _key(paper: Paper) -> str:
    first = one_line(paper.authors[0]) if paper.authors else ""
    family = first.partition(",")[0] if "," in first else (first.split() or [""])[-1]
    words = [word for word in one_line(paper.title).split() if _plain(word) not in _DULL]
    year = str(paper.published_on.year) if paper.published_on else ""
    key = _plain(family) + year + _plain(words[0] if words else "")
    return key[:60] or f"paper{paper.id}"


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _KEY.sub("", folded.lower())
