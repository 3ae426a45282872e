r"""LaTeX to readable Unicode, never at the price of a word.

pylatexenc does the work and is wrapped: it reads `%` as a comment (so "100% of …"
would end at 100), drops macros it does not know, and can be fed input that it
cannot parse. Whatever it would lose is noticed by comparing letters and digits, and
then the text stays as it was written.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

from pylatexenc.latex2text import (
    LatexNodes2Text,
    MacroTextSpec,
    get_default_latex_context_db,
)
from pylatexenc.latexwalker import get_default_latex_context_db as get_walker_context_db
from pylatexenc.macrospec import std_macro

MAX_DOCUMENT_CHARS = 300_000
"""Of LaTeX that is converted in one document. The 260 abstracts of a day of cs.LG hold 23,000,
so 2,000 hold some 180,000; at worst it is some seconds of work."""
_MAX_CHARS = 20_000
_TRIGGER = re.compile(r"[\\$]|[_^]\{|\{[A-Za-z]{1,20}\}")
# As pandoc does: `$` opens math before a non-space and closes it after one, if no digit
# follows. "$5 and $10" is money.
_MATH = re.compile(
    r"(?<!\\)\$(?:\$?)(?=[^\s$])(?:[^$\\]|\\.){0,600}?(?<=[^\s\\])\$\$?(?!\d)", re.DOTALL
)
_WORTH_READING = re.compile(r"[\\$]|[_^]\{|\{[A-Za-z]{1,20}\}|(?<=\S)~(?=\S)")
_SHORT_CHARS = 80
_SCRIPT = re.compile(r"(?<=[^\W\d_])([_^])([0-9]{1,2})(?![\d_^]|\.\d)")
_SCRIPTS = {
    "_": str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"),
    "^": str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"),
}
_SPECIAL = re.compile(r"(?<!\\)([%&#])")
_TILDE = re.compile(r"(?<!\S)~")
_MACRO_WITH_ARGUMENT = re.compile(r"\\(?!begin\b|end\b)(?P<name>[A-Za-z]+)(?=\{)")
_MACRO = re.compile(
    r"\\(?:href|cite[a-z]*|ref|eqref|label|begin|end|includegraphics|hspace|vspace)\*?"
    r"(?:\[[^\]]*\])?\{[^{}]*\}|\\[A-Za-z]+"
)
_SILENT_MACROS = (
    *("bf", "it", "sc", "em", "rm", "tt", "sl", "sf", "cal", "displaystyle", "textstyle"),
    *("limits", "nolimits", "left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr"),
    *("cite", "citep", "citet", "ref", "eqref", "label"),
)
_WORD_MACROS = {
    "ie": "i.e.",
    "eg": "e.g.",
    "etal": "et al.",
    "mid": "|",
    "vert": "|",
    "lvert": "|",
    "rvert": "|",
    "textasciitilde": "~",
    "xspace": "",
}
_FRAME_MACROS = {
    "operatorname": (1, "%s"),
    "boldsymbol": (1, "%s"),
    "bm": (1, "%s"),
    "pmod": (1, "(mod %s)"),
    "binom": (2, "C(%(1)s, %(2)s)"),
    **dict.fromkeys(("texttt", "textsc", "textsf", "textrm", "mbox", "hbox"), (1, "%s")),
}
_KEPT_SIGNS = frozenset("<>=%&#+")


_left_chars: ContextVar[list[int] | None] = ContextVar("left_chars", default=None)
"""What may still be converted of the document in hand, None where nothing is bounded."""


@contextmanager
def bounded_latex(max_chars: int = MAX_DOCUMENT_CHARS) -> Iterator[None]:
    """Bound how much LaTeX is converted until the block ends: the rest stays as written.

    Conversion runs where nobody can kill it, and a hostile document may be LaTeX all
    through. Every title, name, tag and abstract of a document counts, in this context
    alone.
    """
    token = _left_chars.set([max_chars])
    try:
        yield
    finally:
        _left_chars.reset(token)


def _may_convert(chars: int) -> bool:
    left = _left_chars.get()
    if left is None:
        return True
    left[0] -= chars
    return left[0] >= 0


def plain_latex(text: str) -> str:
    """Reduce LaTeX in `text` to Unicode; text without LaTeX comes back unchanged."""
    if not any(sign in text for sign in "\\${") or len(text) > _MAX_CHARS:
        return text
    if not _TRIGGER.search(text):
        return text
    pieces = _pieces(text)
    if not all(_is_balanced(written) for _, written in pieces):
        # A macro's argument holds a formula: only the whole can be read.
        source = "".join(source for source, _ in pieces)
        whole = _convert(source) if _may_convert(len(source)) else None
        if whole is not None:
            return whole
    # One formula that cannot be reduced does not cost the others their readable form.
    plain = [""]
    for source, written in pieces:
        piece = _plain_piece(source, written)
        if written[0] == written[-1] == "$":
            # What a number belongs to may stand in the prose before: "H$_2$O".
            before = plain[-1][-1:]
            piece = _SCRIPT.sub(_script, before + piece)[len(before) :]
        plain.append(piece)
    return "".join(plain)


def _script(found: re.Match[str]) -> str:
    """Write "L_2" as "L₂", as readers know it, and "R^2" as "R²"."""
    return found[2].translate(_SCRIPTS[found[1]])


def _plain_piece(source: str, written: str) -> str:
    if not _WORTH_READING.search(written) or not _may_convert(len(source)):
        return written
    plain = _convert_short(source) if len(source) <= _SHORT_CHARS else _convert(source)
    if plain is None:
        return written
    # LaTeX drops white space after a macro, also where a formula follows.
    before = " " if written[0].isspace() and not plain[:1].isspace() else ""
    after = " " if written[-1].isspace() and not plain[-1:].isspace() else ""
    return f"{before}{plain}{after}"


@lru_cache(maxsize=8192)
def _convert_short(source: str) -> str | None:
    """Remember what short formulas become: the same ones come again and again."""
    return _convert(source)


def _convert(source: str) -> str | None:
    """Return the text of LaTeX `source`, or None where something would be lost."""
    try:
        plain = str(_converter().latex_to_text(source, latex_context=_walker_context()))
    except Exception:  # a library bug on outside text must not stop ingest
        return None
    return plain if _keeps_every_word(source, plain) else None


def _is_balanced(written: str) -> bool:
    return written.count("{") - written.count(r"\{") == written.count("}") - written.count(r"\}")


def _pieces(text: str) -> list[tuple[str, str]]:
    """Cut `text` into prose and math: pairs of what LaTeX is to read, and as written."""
    pieces: list[tuple[str, str]] = []
    position = 0
    for found in _MATH.finditer(text):
        prose = text[position : found.start()]
        pieces.append((_escape_prose(prose), prose))
        pieces.append((_SPECIAL.sub(r"\\\1", found.group()), found.group()))
        position = found.end()
    prose = text[position:]
    pieces.append((_escape_prose(prose), prose))
    return [(_apart(source), written) for source, written in pieces if written]


def _apart(source: str) -> str:
    """Keep the name of an unknown macro apart from its argument."""
    return _MACRO_WITH_ARGUMENT.sub(
        lambda found: found[0] if _is_known(found["name"]) else f"{found[0]} ", source
    )


def _is_known(macro: str) -> bool:
    specs = (_converter().latex_context, _walker_context())
    return any(
        spec is not None and spec.macroname == macro
        for spec in (context.get_macro_spec(macro) for context in specs)
    )


def _escape_prose(text: str) -> str:
    text = re.sub(r"(?<!\\)\$", r"\\$", text)
    text = _SPECIAL.sub(r"\\\1", text)
    return _TILDE.sub(r"\\textasciitilde{}", text)


@cache
def _walker_context() -> Any:
    context = get_walker_context_db()
    context.add_context_category(
        "paper-digest",
        prepend=True,
        macros=[
            std_macro("href", False, 2),
            *(std_macro(name, False, args) for name, (args, _) in _FRAME_MACROS.items()),
        ],
    )
    return context


@cache
def _converter() -> Any:
    # It reports every odd formula of a feed; what it cannot reduce stays as written.
    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)
    context = get_default_latex_context_db()
    context.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=_as_written))
    context.add_context_category(
        "paper-digest",
        prepend=True,
        macros=[
            *(MacroTextSpec(name, simplify_repl=text) for name, text in _WORD_MACROS.items()),
            *(MacroTextSpec(name, simplify_repl=text) for name, (_, text) in _FRAME_MACROS.items()),
            MacroTextSpec("href", simplify_repl=_linked),
            *(MacroTextSpec(name, simplify_repl="") for name in _SILENT_MACROS),
        ],
    )
    return LatexNodes2Text(
        latex_context=context, math_mode="text", keep_comments=True, strict_latex_spaces=False
    )


def _as_written(node: Any) -> str:
    return str(node.latex_verbatim())


def _linked(node: Any, l2tobj: Any) -> str:
    """Write a link as its text, with its address unless that is the text."""
    address, text = (
        str(l2tobj.nodelist_to_text([argument])) for argument in node.nodeargd.argnlist
    )
    return text if address in text else f"{text} ({address})"


def _keeps_every_word(source: str, plain: str) -> bool:
    """Tell whether all letters, digits and signs of `source` stand in `plain`, in order."""
    remaining = iter(_skeleton(plain))
    return all(sign in remaining for sign in _skeleton(_MACRO.sub(" ", source)))


def _skeleton(text: str) -> str:
    return "".join(
        sign
        for sign in unicodedata.normalize("NFKD", text)
        if sign.isalnum() or sign in _KEPT_SIGNS
    )
