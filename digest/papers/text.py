"""Turn feed text into plain, readable Unicode.

Feeds carry entities, tags, LaTeX, control and bidi characters. All of that goes; no
word of the text may. A `<` that opens no known tag is text ("p<0.05",
"<wordform, lemma>"), and LaTeX that cannot be reduced without loss stays as written.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache

import nh3

from digest.papers.latex import plain_latex

MAX_TITLE_CHARS = 500
MAX_ABSTRACT_CHARS = 20_000

_BLOCK_TAGS = (
    "p|div|br|hr|li|ul|ol|dl|dt|dd|tr|td|th|table|thead|tbody|blockquote|pre|section|article|"
    "header|footer|figure|figcaption|h[1-6]|title|sec|(?:jats|mml):[a-z-]+"
)
_INLINE_TAGS = (
    "b|i|em|strong|sub|sup|small|span|tt|code|cite|abbr|acronym|font|u|strike|del|ins|mark|"
    "kbd|samp|var|center|italic|bold|sc|nobr|wbr|"
    "math|mrow|mi|mn|mo|msub|msup|msubsup|mfrac|msqrt|mtext|mover|munder|mstyle|semantics"
)
# An attribute is asked for where the bare name is more often a token than a tag.
_ATTRIBUTE_TAGS = "a|img|iframe|input|form|object|embed|link|meta|video|audio|source|svg|path"
# "a <b and c> d" is no tag: attributes have values.
_ATTRIBUTES = r"\s[^<>=]{1,60}=[^<>]*"
_TAG = re.compile(
    rf"<(?:/?(?:{_BLOCK_TAGS}|{_INLINE_TAGS})(?:{_ATTRIBUTES}|\s*)/?>"
    rf"|(?:{_ATTRIBUTE_TAGS}){_ATTRIBUTES}>|/(?:{_ATTRIBUTE_TAGS})\s*>"
    r"|(?P<raw>script|style)\b[^<>]*>|/(?:script|style)\s*>)",
    re.IGNORECASE,
)
_RAW_END = re.compile(r"</(?:script|style)\s*>", re.IGNORECASE)
_BLOCK = re.compile(rf"(?=</?(?:{_BLOCK_TAGS})[\s/>])", re.IGNORECASE)

# Bidirectional controls, zero-width and other invisible formatting characters, lone
# surrogates (they cannot be stored), and C0/C1 controls that are not white space.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
# Joiners shape Persian and emoji; beside ASCII they only hide.
_STRAY_JOINER = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
_MOJIBAKE = re.compile("[\u00c2-\u00f4][\u0080-\u00bf]{1,3}")
_C1 = re.compile("[\x80-\x9f]")
_ARXIV_TITLE_TAIL = re.compile(r"\s*\(arXiv:[^()]{5,80}\)\s*$", re.IGNORECASE)
_ARXIV_ABSTRACT_HEAD = re.compile(
    r"^arXiv:\S+\s+Announce Type:\s*\S+\s+(?:Abstract:\s*)?", re.IGNORECASE
)


def clean_text(raw: str, *, max_chars: int = MAX_ABSTRACT_CHARS) -> str:
    """Reduce feed text to one line of readable Unicode.

    Plain text comes back as it is, but for white space, which is collapsed.

    Args:
        raw: Text as the feed gives it, after its own XML or JSON decoding.
        max_chars: Longer texts are cut at a word and end with an ellipsis.
    """
    text = raw[: 4 * max_chars]
    if not text.isascii() and _C1.search(text):
        text = _MOJIBAKE.sub(_undo_mojibake, text)
    text = strip_invisible(text)
    if "<" in text or "&" in text:
        text = strip_invisible(_strip_markup(text))
    text = plain_latex(text)
    text = " ".join(unicodedata.normalize("NFC", strip_invisible(text)).split())
    return _cut(text, max_chars)


def clean_title(raw: str) -> str:
    """Clean a title; arXiv's old "(arXiv:2310.00010v1 [cs.LG])" tail goes."""
    text = clean_text(raw, max_chars=MAX_TITLE_CHARS)
    return _ARXIV_TITLE_TAIL.sub("", text)


def clean_abstract(raw: str) -> str:
    """Clean an abstract; arXiv's "arXiv:… Announce Type: new Abstract:" head goes."""
    return _ARXIV_ABSTRACT_HEAD.sub("", clean_text(raw))


def strip_invisible(text: str) -> str:
    """Remove control, bidi and zero-width characters; white space stays."""
    if text.isascii() and text.isprintable():
        return text
    return _STRAY_JOINER.sub("", _INVISIBLE.sub("", text))


def _strip_markup(text: str) -> str:
    if "<" in text:
        text = _without_spans(text, "<![CDATA[", "]]>", keep_inside=True)
        text = _without_spans(text, "<!--", "-->", keep_inside=False)
        text = _escape_bare_brackets(text)
    if "<" in text:
        text = nh3.clean(_BLOCK.sub(" ", text), tags=set(), strip_comments=True, link_rel=None)
    return html.unescape(text)


def _without_spans(text: str, start: str, end: str, *, keep_inside: bool) -> str:
    """Take out what stands between two marks, or only the marks; an open start is text."""
    pieces: list[str] = []
    position = 0
    while (begin := text.find(start, position)) >= 0:
        stop = text.find(end, begin + len(start))
        if stop < 0:
            break
        pieces.append(text[position:begin])
        if keep_inside:
            pieces.append(text[begin + len(start) : stop])
        position = stop + len(end)
    return "".join((*pieces, text[position:]))


def _escape_bare_brackets(text: str) -> str:
    """Write `<` as an entity wherever it opens no tag, so that nh3 keeps it.

    A script that never ends is no script: nh3 would drop all that follows.
    """
    pieces: list[str] = []
    position = 0
    last_raw_end = max((found.start() for found in _RAW_END.finditer(text)), default=-1)
    for found in _TAG.finditer(text):
        if found["raw"] and found.start() > last_raw_end:
            continue
        pieces.append(text[position : found.start()].replace("<", "&lt;"))
        pieces.append(found.group())
        position = found.end()
    pieces.append(text[position:].replace("<", "&lt;"))
    return "".join(pieces)


def _undo_mojibake(found: re.Match[str]) -> str:
    """Read UTF-8 that was taken for Latin-1, where a C1 control betrays it."""
    run = found.group()
    if not _C1.search(run):
        return run
    return _utf8_prefix(run)


@cache
def _utf8_prefix(run: str) -> str:
    raw = run.encode("latin-1")
    for length in range(len(raw), 1, -1):
        try:
            return raw[:length].decode("utf-8") + run[length:]
        except UnicodeDecodeError:
            continue
    return run


def _cut(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    head = text[: max_chars - 1]
    space = head.rfind(" ", max_chars // 2)
    return (head[:space] if space > 0 else head).rstrip() + "…"
