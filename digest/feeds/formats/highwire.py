"""Take out what HighWire's typesetting leaves in bioRxiv's and medRxiv's abstracts. Pure.

Both sites give abstracts in which elements became marks (`O_LI` opens, `C_LI` closes a
list item) and figures their plumbing. The words inside, captions too, are the authors'
and stay. No other source has them, and elsewhere `CO_LIMIT` is a word.
"""

from __future__ import annotations

import re

_PLUMBING = re.compile(
    r"O_LINK(?:SMALL|LARGE)FIG\s+WIDTH=\d+\s+HEIGHT=\d+\s+SRC=\"[^\"<>]{0,300}\"\s+"
    r"ALT=\"[^\"<>]{0,100}\"\s*>"
    r"|View (?:larger version|this table)(?:\s*\(\d+K\))?:\s*(?=org\.highwire\.)"
    r"|(?:org\.highwire\.dt\w\.\w+@[0-9a-f]+)+(?:_HPS_FORMAT_FIGEXP)?"
    r"|[OCM]_(?:FIG|TBL)\b"
)
# Glued to the words around them: "AO_SCPLOWBSTRACTC_SCPLOW", "firstC_LIO_LIsecond".
_SMALL_CAPITALS = re.compile(r"[OC]_SCP(?:LOW|CAP)")
_BLOCK = re.compile(r"[OC]_(?:LI|ST_ABS)")
_SITE = re.compile(r"^https?://(?:[\w-]+\.)?(?:bio|med)rxiv\.org/", re.IGNORECASE)


def is_highwire(url: str) -> bool:
    """Tell whether a page is one of bioRxiv or medRxiv."""
    return _SITE.match(url) is not None


def without_highwire(text: str) -> str:
    """Return an abstract of bioRxiv or medRxiv without such marks."""
    if "O_" not in text and "C_" not in text:
        return text
    text = _SMALL_CAPITALS.sub("", text)
    return " ".join(_BLOCK.sub(" ", _PLUMBING.sub(" ", text)).split())
