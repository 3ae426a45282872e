"""Which paper an entry speaks of: identifiers as aliases (docs/adr/0002-identity.md).

An alias is written `scheme:value` and is the same however a feed or a person writes
the identifier. The schemes, strongest first: `arxiv`, `doi`, `pmid`, `feed` (a feed's
own id), `feedtitle` and `title` (keys of last resort).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote, urlsplit

from digest.model import Alias, Entry
from digest.papers.authors import family_name, split_authors
from digest.papers.own_ids import MAX_URL_CHARS, own_id
from digest.papers.text import clean_title

SCHEMES = ("arxiv", "doi", "pmid", "feed", "feedtitle", "title")
WEAK_SCHEMES = frozenset({"feedtitle", "title"})
_RANK = {scheme: rank for rank, scheme in enumerate(SCHEMES)}

_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|"
    "comp-gas|cond-mat|cs|dg-ga|econ|eess|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|"
    "math-ph|math|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|q-fin|"
    "quant-ph|solv-int|stat|supr-con"
)
_NEW_ID = r"\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}"
_OLD_ID = rf"(?:{_ARCHIVES})(?:\.[a-z]{{2}}|\.[a-z]+-[a-z]+)?/\d{{7}}"
_ARXIV_ID = rf"(?P<id>{_NEW_ID}|{_OLD_ID})(?:v(?P<version>[1-9]\d{{0,2}}))?"
_ID_END = r"(?=$|[\s/?#.,;)\]}>\"'&]|\.pdf)"

_BARE_ARXIV = re.compile(rf"^{_ARXIV_ID}$", re.IGNORECASE)
_PREFIXED_ARXIV = re.compile(
    r"^\s*(?:(?:oai:)?arxiv(?:\.org)?:\s*"
    r"|(?:https?:)?(?://)?(?:[a-z0-9-]+\.)?arxiv\.org/"
    r"(?:abs|pdf|html|format|ps|src|e-print|list)/"
    r"|(?:https?:)?(?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/papers/"
    r"|(?:https?:)?(?://)?(?:www\.)?alphaxiv\.org/(?:abs|pdf|html|overview|audio)/"
    r"|(?:https?:)?(?://)?(?:tldr|papers)\.takara\.ai/p/"
    r"|(?:https?:)?(?://)?ar5iv\.(?:labs\.arxiv\.)?org/(?:html|abs)/"
    r"|(?:https?:)?(?://)?papers\.cool/arxiv/"
    r"|(?:doi:\s*|(?:https?:)?(?://)?(?:dx\.|www\.)?doi\.org/)?10\.48550/arxiv\.)"
    rf"{_ARXIV_ID}{_ID_END}",
    re.IGNORECASE,
)

_DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/\S+")
_DOI_LEAD = re.compile(
    r"^\s*(?:doi:\s*|info:doi/|urn:doi:|(?:https?:)?(?://)?(?:dx\.|www\.)?doi\.org/)?(?=10\.\d{4})",
    re.IGNORECASE,
)
_DOI_URL_TAIL = re.compile(
    r"(?:/(?:full|abstract|abs|pdf|epdf|html|meta|references|summary|full-text|fulltext))+/?$"
    r"|\.(?:full|abstract|article-info|supplementary-material)(?:[.+-].*)?$|\.pdf$|\.html?$",
    re.IGNORECASE,
)
_PREPRINT_DOI = re.compile(r"^10\.(?:1101|64898)/", re.IGNORECASE)
_PREPRINT_PREFIXES = ("10.1101/", "10.64898/", "10.48550/", "10.21203/", "10.20944/", "10.31234/")
_DOI_VERSION = re.compile(r"v(?P<version>[1-9]\d{0,2})$")

_PMID = re.compile(
    r"^\s*(?:(?:pubmed|pmid)\s*:\s*"
    r"|(?:https?:)?(?://)?pubmed\.ncbi\.nlm\.nih\.gov/"
    r"|(?:https?:)?(?://)?(?:www\.)?ncbi\.nlm\.nih\.gov/pubmed/)"
    r"(?P<id>[1-9]\d{0,8})(?=$|[\s/?#.,;)])",
    re.IGNORECASE,
)
_GENERIC_TITLE = re.compile(
    r"abstracts?|announcements?|(?:author|subject) index|(?:back|front) ?matter|book reviews?|"
    r"(?:author|publisher) corrections?|corrections?|corrigend(?:um|a)|errat(?:um|a)|"
    r"editorial(?: board)?|foreword|preface|introduction|contents|table of contents|cover|"
    r"copyright|commentary|home|index|in memoriam|obituary|issue information|news|"
    r"letters?(?: to the editor)?|repl(?:y|ies)|responses?|retractions?|reviews?|reviewers|"
    r"title page|untitled|web page"
)
_NO_WORD = re.compile(r"[^a-z0-9]+")
_MIN_TITLE_WORDS = 4
_MIN_TITLE_CHARS = 20
_HASH_CHARS = 24


def parse_alias(text: str) -> Alias | None:
    """Read an identifier as a person types it.

    `2501.12345`, `arXiv:2501.12345v2`, `math.GT/0309136`, `doi:10.1/x`, a bare DOI,
    `pmid:123`, the URLs of these, and aliases as we write them. None when it is none.
    """
    text = text.strip()
    if len(text) > MAX_URL_CHARS:
        return None
    bare = _BARE_ARXIV.match(text)
    if bare:
        return _arxiv_alias(bare)
    found = _strong_alias(text)
    if found is not None:
        return found
    scheme, colon, value = text.partition(":")
    if colon and value and scheme in {"feed", *WEAK_SCHEMES}:
        return Alias(text)
    return None


def aliases_of(
    entry: Entry,
    *,
    feed_name: str,
    title: str | None = None,
    authors: Sequence[str] | None = None,
) -> tuple[Alias, ...]:
    """Return every alias an entry gives its paper, strongest first.

    One arXiv id at most: the best identifier wins, and the id of another paper that an
    entry mentions never joins the two.

    Args:
        entry: As parsed.
        feed_name: Name of the feed, part of the aliases that only it can give.
        title: The cleaned title, when the caller has it already.
        authors: The split authors, when the caller has them already.
    """
    title = clean_title(entry.title) if title is None else title
    authors = split_authors(entry.authors) if authors is None else authors
    strong = {text: _strong_alias(text) for text in _texts(entry)}
    named = _named_aliases(strong.values())
    found = list(named)
    own = own_id(entry)
    if own is not None and not any(
        strong.get(text) for text in (entry.source_id, entry.url) if text is not None
    ):
        found.append(Alias(f"feed:{feed_name}:{own}"))
    family = fold_title(family_name(authors[0])) if authors else ""
    folded = fold_title(title)
    if not named:
        found.append(_feedtitle_alias(entry, feed_name=feed_name, folded=folded, family=family))
    if family and not _is_generic(folded):
        found.append(Alias(f"title:{_digest(folded, family)}"))
    return canonical_order(found)


def version_of(entry: Entry) -> int | None:
    """Return the newest arXiv or bioRxiv version an entry names, None when it names none."""
    versions = []
    for text in _texts(entry):
        found = _PREFIXED_ARXIV.match(text)
        if found is not None:
            versions.append(found["version"])
        else:
            doi = _raw_doi(text)
            tail = _DOI_VERSION.search(doi) if doi and _PREPRINT_DOI.match(doi) else None
            versions.append(tail["version"] if tail else None)
    return max((int(version) for version in versions if version), default=None)


def canonical_order(aliases: Iterable[Alias]) -> tuple[Alias, ...]:
    """Sort aliases strongest first, each once.

    A preprint's DOI stands before the journal's, so that the name of a paper does not
    change when it is published.
    """
    return tuple(sorted(set(aliases), key=_order))


def scheme_of(alias: Alias) -> str:
    """Return the part before the first colon."""
    return alias.partition(":")[0]


def is_preprint_doi(alias: Alias) -> bool:
    """Tell whether a `doi:` alias names a preprint."""
    return alias.removeprefix("doi:").startswith(_PREPRINT_PREFIXES)


def url_of(alias: Alias) -> str | None:
    """Return where an alias leads on the web, None for those that lead nowhere."""
    scheme, _, value = alias.partition(":")
    match scheme:
        case "arxiv":
            return f"https://arxiv.org/abs/{value}"
        case "doi":
            return f"https://doi.org/{quote(value, safe='/:;()._-')}"
        case "pmid":
            return f"https://pubmed.ncbi.nlm.nih.gov/{value}/"
        case _:
            return None


def fold_title(text: str) -> str:
    """Fold case, accents, punctuation and white space, for comparing titles."""
    if text.isascii():
        return " ".join(_NO_WORD.sub(" ", text.lower()).split())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        "".join(sign if sign.isalnum() else " " for sign in _unmarked(decomposed)).split()
    )


def _unmarked(decomposed: str) -> Iterable[str]:
    return (sign for sign in decomposed if not unicodedata.combining(sign))


def _named_aliases(aliases: Iterable[Alias | None]) -> tuple[Alias, ...]:
    """Collect arXiv id (one), PMID (one) and DOIs, in the order of the entry's trust."""
    found: dict[Alias, None] = {}
    taken: set[str] = set()
    for alias in aliases:
        if alias is None:
            continue
        scheme = scheme_of(alias)
        if scheme == "doi" or scheme not in taken:
            taken.add(scheme)
            found[alias] = None
    return tuple(found)


def _texts(entry: Entry) -> Iterable[str]:
    texts = dict.fromkeys((*entry.identifiers, entry.source_id, entry.url))
    return (text for text in texts if text is not None and len(text) <= MAX_URL_CHARS)


def _strong_alias(text: str) -> Alias | None:
    found = _PREFIXED_ARXIV.match(text)
    if found is not None:
        return _arxiv_alias(found)
    pmid = _PMID.match(text)
    if pmid is not None:
        return Alias(f"pmid:{pmid['id']}")
    doi = _raw_doi(text)
    if doi is None:
        return None
    if _PREPRINT_DOI.match(doi):
        doi = _DOI_VERSION.sub("", doi)
    return Alias(f"doi:{doi}")


def _arxiv_alias(found: re.Match[str]) -> Alias:
    identifier = found["id"].lower()
    archive, slash, number = identifier.partition("/")
    if slash:
        # The subject class is no part of the id: math.GT/0309136 is math/0309136.
        identifier = f"{archive.partition('.')[0]}/{number}"
    return Alias(f"arxiv:{identifier}")


def _raw_doi(text: str) -> str | None:
    """Find the DOI in a DOI string or in the path of a URL; lower case, with its version."""
    text = text.strip()
    lead = _DOI_LEAD.match(text)
    if lead is not None:
        value = text[lead.end() :]
        is_url = "doi.org/" in lead.group().lower()
    elif text.lower().startswith(("http://", "https://")):
        try:
            value = urlsplit(text).path
        except ValueError:
            return None
        is_url = True
    else:
        return None
    if is_url:
        value = unquote(value)
        value = value if lead is not None else _DOI_URL_TAIL.sub("", value)
    found = _DOI.search(value) if lead is None else _DOI.match(value)
    if found is None:
        return None
    doi = re.split(r"[?#\s]", found.group(), maxsplit=1)[0].lower()
    return _without_trailing_punctuation(doi) or None


def _without_trailing_punctuation(doi: str) -> str:
    while doi:
        last = doi[-1]
        opener = {")": "(", "]": "[", "}": "{", ">": "<"}.get(last)
        if last in ".,;:'\"/\\" or (opener is not None and doi.count(opener) < doi.count(last)):
            doi = doi[:-1]
        else:
            break
    return doi if "/" in doi else ""


def _feedtitle_alias(entry: Entry, *, feed_name: str, folded: str, family: str) -> Alias:
    """Key a title within one feed, so that a changed id does not make a new paper.

    The day of publication keeps the monthly "Editorial" apart; a generic title without
    a day is told apart by what the entry says.
    """
    day = entry.published_at.date().isoformat() if entry.published_at else ""
    said = entry.abstract if _is_generic(folded) and not day else ""
    return Alias(f"feedtitle:{feed_name}:{_digest(folded, family, day, said)}")


def _is_generic(folded: str) -> bool:
    return (
        _GENERIC_TITLE.fullmatch(folded) is not None
        or len(folded.split()) < _MIN_TITLE_WORDS
        or len(folded) < _MIN_TITLE_CHARS
    )


def _digest(*parts: str) -> str:
    joined = "\x1f".join(parts).encode("utf-8", "replace")
    return hashlib.sha256(joined).hexdigest()[:_HASH_CHARS]


def _order(alias: Alias) -> tuple[int, bool, str]:
    scheme = scheme_of(alias)
    return (_RANK.get(scheme, len(SCHEMES)), scheme == "doi" and not is_preprint_doi(alias), alias)
