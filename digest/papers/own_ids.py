"""A feed's own id of an entry, and tidy URLs: what is stable in them is kept.

Session tokens and tracking parameters change from poll to poll (CNKI puts a token of
130 characters in every link), so they can identify nothing.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from digest.model import Entry

MAX_URL_CHARS = 2000
_MAX_ID_CHARS = 300
_MIN_TOKEN_CHARS = 32

_TRACKING = re.compile(
    r"^(?:utm_\w+|ga_\w+|mc_[ce]id|fbclid|gclid|igshid|yclid|msclkid|ref_src|rss|"
    r"uniplatform|rft_dat|dgcid|xtor|wt\.mc_id|ncid|sr_share|spm|ff|fc)$",
    re.IGNORECASE,
)
# Some sites track by these, others number their pages: a number names something.
_TRACKING_BY_WORDS = re.compile(
    r"^(?:ref|rss_id|from|source|src|campaign|cmp|cid|track|trk|af|ai|mi|ui)$", re.IGNORECASE
)
_NUMBER = re.compile(r"^\d{1,12}$", re.ASCII)
_SESSION = re.compile(
    r"^(?:jsessionid|phpsessid|aspsessionid\w*|sid|session|sessionid|session_id|token|"
    r"access_token|auth|sig|signature|expires|nonce)$",
    re.IGNORECASE,
)
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;?#]*", re.IGNORECASE)
_ODD_SIGN = re.compile(r"""[<>"`{}|\\^]""")
# A year, or the 2 of "kcms2", tells no two entries apart.
_TELLING_NUMBER = re.compile(r"\d{5}")
_TOKEN_VALUE = re.compile(rf"^[A-Za-z0-9_\-+/=%.]{{{_MIN_TOKEN_CHARS},}}$")


def own_id(entry: Entry) -> str | None:
    """Return the id that the feed itself gives an entry, None when it has no stable one.

    The entry's id is preferred to its link; URLs are compared without scheme, tracking
    and session tokens. Very long ids are replaced by their SHA-256.
    """
    for text in (entry.source_id, entry.url):
        if text is None or not text.strip():
            continue
        found = _stable(text.strip())
        if found is not None:
            return found if len(found) <= _MAX_ID_CHARS else _hashed(found)
    return None


def tidy_url(url: str | None) -> str | None:
    """Return a web URL without tracking and session tokens, None when it is no web URL.

    A token stays where nothing else in the URL names a page. Only http and https are let
    through, whatever a feed says.
    """
    if url is None:
        return None
    url = "".join(url.split()) if len(url) <= 2 * MAX_URL_CHARS else ""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not host or _has_odd_signs(url):
        return None
    path = _PATH_SESSION.sub("", parts.path)
    query, lost_token = _kept_query(parts.query)
    if lost_token and not _names_something(path.rstrip("/"), query):
        query = parts.query  # without its token it leads nowhere
    tidy = urlunsplit(
        (
            parts.scheme.lower(),
            parts.netloc,
            path,
            query,
            parts.fragment,
        )
    )
    return tidy if len(tidy) <= MAX_URL_CHARS else None


def place_of(url: str) -> str:
    """Return what of a URL says where it leads: no scheme, `www.`, tracking or token."""
    head, _, query = url.partition("?")
    kept = _kept_query(query)[0]
    place = head.partition("://")[2].removeprefix("www.").rstrip("/").lower()
    return f"{place}?{kept}" if kept else place


def _stable(text: str) -> str | None:
    if not text.lower().startswith(("http://", "https://")):
        return " ".join(text.split())
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return " ".join(text.split())
    query, lost_token = _kept_query(parts.query)
    path = _PATH_SESSION.sub("", parts.path).rstrip("/")
    if lost_token and not _names_something(path, query):
        return None
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{host}{path}{'?' + query if query else ''}{fragment}"


def _names_something(path: str, query: str) -> bool:
    """Tell whether what is left of a URL without its token still tells entries apart."""
    last = path.rpartition("/")[2]
    return last.isdigit() or _TELLING_NUMBER.search(f"{path}?{query}") is not None


def _kept_query(query: str) -> tuple[str, bool]:
    """Return the query without tracking and tokens, and whether a token was taken out."""
    if not query:
        return "", False
    kept = []
    lost_token = False
    for name, value in parse_qsl(query, keep_blank_values=True):
        if _TRACKING.match(name):
            continue
        if _NUMBER.match(value):
            kept.append((name, value))
            continue
        if _TRACKING_BY_WORDS.match(name):
            continue
        if _SESSION.match(name) or _TOKEN_VALUE.match(value):
            lost_token = True
            continue
        kept.append((name, value))
    if len(kept) == query.count("&") + 1:
        return query, False
    return urlencode(kept), lost_token


def _has_odd_signs(url: str) -> bool:
    return not url.isprintable() or _ODD_SIGN.search(url) is not None


def _hashed(text: str) -> str:
    return "sha256-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
