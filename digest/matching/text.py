"""One way to read text, for papers and queries alike.

Case and accents are folded; hyphen, underscore, space and all other punctuation only
part words; a plural reads like its singular. Scripts without spaces are read character
by character, so that a query finds its characters in a row. Nothing is dropped as a
"stop word": a phrase means its words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

from digest.matching.plurals import singular


class Word(NamedTuple):
    """One word in its three readings.

    `key` is what phrases compare (case, accents and plural folded), `folded` the same
    with the plural kept (prefixes compare it too), `exact` has its case (`=RAG`).
    """

    key: str
    folded: str
    exact: str


class Token(NamedTuple):
    """A word of a text and where it stands there: `text[start:end]`."""

    word: Word
    start: int
    end: int


QUOTES = '"“”„‟«»＂'
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Controls, direction marks and lone surrogates: never part of a query, never shown."""

# Han, kana, Hangul, Thai, Lao, Myanmar, Khmer: read character by character.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
# Soft hyphen, joiners and the byte order mark stand inside a word without being part of it.
_IGNORED = "\u00ad\u200c\u200d\u2060\ufeff"
# Accents and vowel points; marks of other scripts change the letter and are kept.
_ACCENTS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
)
_NOT_DECOMPOSED = str.maketrans(
    {
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D",
        "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T", "ı": "i", "æ": "ae", "Æ": "AE", "œ": "oe",
        "Œ": "OE", "þ": "th", "Þ": "TH",
    }
)  # fmt: skip
_GREEK_NAMES = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma
    tau upsilon phi chi psi omega
"""
_GREEK = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", _GREEK_NAMES.split(), strict=True))


def _mark_class() -> str:
    r"""List the combining marks, which `\w` leaves out, for a character class."""
    blocks = chain(range(0x300, 0x3100), range(0xA600, 0xAC00), range(0xFB00, 0xFE30))
    return "".join(chr(code) for code in blocks if unicodedata.category(chr(code))[0] == "M")


_MARKS = _mark_class()
_LETTER = rf"[^\W_\u02bc{_UNSPACED}]"
# "C++" is the words "c" and "++", so that "PointNet" still finds "PointNet++"; "C#" likewise.
_WORD = re.compile(
    rf"({_LETTER}+(?:[{_MARKS}{_IGNORED}]+{_LETTER}*)*"
    rf"|(?![\W_])[{_UNSPACED}][{_MARKS}{_IGNORED}\uff9e\uff9f]*"
    rf"|(?:(?<=[^\W_])|(?<=[{_MARKS}{_IGNORED}]))\+\+"
    rf"|(?<![^\W_][A-Za-z])(?<![{_MARKS}{_IGNORED}][A-Za-z])(?<=[A-Za-z])\#(?![^\W_]))"
    r"(?:['’ʼ＇][sS](?![^\W_]))?"
)
_ASCII_WORD = re.compile(
    r"([A-Za-z0-9]+|(?<=[A-Za-z0-9])\+\+|(?<![A-Za-z0-9][A-Za-z])(?<=[A-Za-z])\#(?![A-Za-z0-9]))"
    r"(?:'[sS](?![A-Za-z0-9]))?"
)
# "L_2", "R^{2}" and "H_2O" are one word each, as "L2" is; "10^5", "x_i" and "GPT_4" are not.
_SCRIPTED = (
    r"(?<![\w^])[^\W\d_{unspaced}]{{1,2}}_\{{?[0-9]{{1,2}}\}}?(?![0-9_]){letter}*"
    r"|{letter}++(?<=[^\W\d_{unspaced}])\^\{{?[0-9]{{1,2}}\}}?(?![0-9]){letter}*"
)
_SCRIPT_SIGNS = str.maketrans("", "", "_^{}")


def _with_scripts(pattern: re.Pattern[str], letter: str, unspaced: str) -> re.Pattern[str]:
    scripted = _SCRIPTED.format(letter=letter, unspaced=unspaced)
    return re.compile(f"({scripted}|{pattern.pattern[1:]}")


_SCRIPTED_WORD = _with_scripts(_WORD, _LETTER, _UNSPACED)
_SCRIPTED_ASCII_WORD = _with_scripts(_ASCII_WORD, "[A-Za-z0-9]", "")
_ACCENT = re.compile(f"[{_ACCENTS}{_IGNORED}]+")
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
# An s behind a last capital is a plural, however the word would be read otherwise ("LMs",
# "MoEs", "MRIs"; not "GPS"). "As" and "Us" begin sentences.
_PLURAL_BY_CASE = re.compile(r"[A-Za-z]+[A-Z]s")
_ASCII_LETTERS = re.compile(r"[a-z]+")


def tokenise(text: str) -> tuple[Token, ...]:
    """Read a text as words with their offsets; the same words as `words_of`."""
    return tuple(Token(word, *span) for word, span in zip(*words_and_spans(text), strict=True))


def words_and_spans(text: str) -> tuple[list[Word], list[tuple[int, int]]]:
    """Read a text as words, and beside them where each stands: `text[start:end]`."""
    words: list[Word] = []
    spans: list[tuple[int, int]] = []
    for match in _pattern(text).finditer(text):
        read = _read(match[1])
        words += read
        spans += (match.span(1),) * len(read)
    return words, spans


def words_of(text: str) -> list[Word]:
    """Read a text as words."""
    return list(chain.from_iterable(map(_read, _pattern(text).findall(text))))


def join_words(words: tuple[str, ...]) -> str:
    """Write words so that they read as the same words again."""
    text = " ".join(words)
    if text.isascii():
        return text.replace(" ++", "++").replace(" #", "#")
    text = words[0]
    for before, word in pairwise(words):
        attached = word in {"++", "#"} or (is_unspaced(before) and is_unspaced(word))
        text += word if attached else f" {word}"
    return text


def is_unspaced(word: str) -> bool:
    """Tell whether a word is one character of a script without spaces."""
    return _UNSPACED_CHARACTER.match(word) is not None


def fold_accents(text: str) -> str:
    """Reduce compatibility forms and accents, keep case ("Łukasz" -> "Lukasz")."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text.translate(_NOT_DECOMPOSED))
    plain = _ACCENT.sub("", plain).translate(_NOT_DECOMPOSED)
    return unicodedata.normalize("NFC", plain)


def fold_case(text: str) -> str:
    """Fold case and accents ("Gödel" -> "godel")."""
    if text.isascii():
        return text.lower()
    return fold_accents(fold_accents(text).casefold())


_TAG_SEPARATORS = re.compile(r"[\s_-]+")
_QUOTES = re.compile(f"[{QUOTES}]")


def fold_label(label: str) -> str:
    """Fold a tag or the name of a feed ("Machine Learning" -> "machine-learning")."""
    plain = _QUOTES.sub(" ", UNPRINTABLE.sub(" ", fold_case(label)))
    return _TAG_SEPARATORS.sub("-", plain).strip("-")


def _pattern(text: str) -> re.Pattern[str]:
    if "_" in text or "^" in text:
        return _SCRIPTED_ASCII_WORD if text.isascii() else _SCRIPTED_WORD
    return _ASCII_WORD if text.isascii() else _WORD


@lru_cache(maxsize=1 << 17)
def _read(raw: str) -> tuple[Word, ...]:
    raw = raw.translate(_SCRIPT_SIGNS)
    # Folding may part a word ("㈠x"): it is read again, so that a folded word is stable.
    if raw.isascii():
        return (_word(raw),)
    return tuple(_word(part) for part in _WORD.findall(fold_accents(raw)))


def _word(exact: str) -> Word:
    folded = fold_case(exact)
    if _ASCII_LETTERS.fullmatch(folded):
        if _PLURAL_BY_CASE.fullmatch(exact):
            return Word(singular(folded[:-1]), folded, exact)
        return Word(singular(folded), folded, exact)
    if folded[:1] in _GREEK and (len(folded) == 1 or folded[1:].isdecimal()):
        folded = _GREEK[folded[0]] + folded[1:]  # "τ²-bench" is "tau2-bench"
    return Word(folded, folded, exact)
