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
    r"^(?:utm_\w+|ga_\w+|mc_[ce]id|fbclid|gclid|igshid|yclid|msclkid|ref|ref_src|rss|rss_id|"
    r"from|source|src|campaign|cmp|cid|track|trk|af|ai|mi|ui|uniplatform|rft_dat|dgcid|"
    r"xtor|wt\.mc_id|ncid|sr_share|spm|ff|fc)$",
    re.IGNORECASE,
)
_SESSION = re.compile(
    r"^(?:jsessionid|phpsessid|aspsessionid\w*|sid|session|sessionid|session_id|token|"
    r"access_token|auth|sig|signature|expires|nonce)$",
    re.IGNORECASE,
)
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;?#]*", re.IGNORECASE)
_ODD_SIGN = re.compile(r"""[<>"`{}|\\^]""")
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

    Only http and https are let through, whatever a feed says.
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
    tidy = urlunsplit(
        (
            parts.scheme.lower(),
            parts.netloc,
            _PATH_SESSION.sub("", parts.path),
            _kept_query(parts.query)[0],
            parts.fragment,
        )
    )
    return tidy if len(tidy) <= MAX_URL_CHARS else None


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
    if lost_token and not any(sign.isdigit() for sign in path + query):
        return None
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{host}{path}{'?' + query if query else ''}{fragment}"


def _kept_query(query: str) -> tuple[str, bool]:
    """Return the query without tracking and tokens, and whether a token was taken out."""
    if not query:
        return "", False
    kept = []
    lost_token = False
    for name, value in parse_qsl(query, keep_blank_values=True):
        if _TRACKING.match(name):
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
