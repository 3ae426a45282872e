"""When an author asked for is an author of a paper.

Feeds write names in several ways ("Yann LeCun", "Y. LeCun", "LeCun, Yann", "LeCun Y"),
and so do people. A family name alone matches; a given name may be its initial on either
side; middle names and particles may be missing.
"""

from __future__ import annotations

import re
from functools import lru_cache

from digest.matching.text import fold_accents, fold_case

Name = tuple[str, ...]
"""The folded words of a name, given names first."""

_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = re.compile("['’ʼ`´]")
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})
_PARTICLE_WORDS = """
    af al ben bin da das de del della den der di dos du el ibn la le ten ter van von zu
"""
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_INITIALS = re.compile(r"[A-Z]{2,3}")


def read_name(text: str) -> Name:
    """Read a name as words, given names first; empty when it holds no letter."""
    return _ordered([fold_case(word) for word in _raw_words(text)])


def author_matches(wanted: Name, name: str) -> bool:
    """Tell whether the name asked for can be this author's.

    Args:
        wanted: As `read_name` gives it, not empty.
        name: As it stands on the paper.
    """
    return any(_compatible(wanted, reading) for reading in name_readings(name))


def wanted_names(text: str) -> tuple[Name, ...]:
    """Read a name that is asked for in the ways it may be meant; none when it holds no letter.

    "Smith JP" may have two initials; in "WEI LI", all in capitals, nothing tells them.
    """
    if all(word.isupper() for word in _raw_words(text)):
        return name_readings(text)[:1]
    return name_readings(text)


@lru_cache(maxsize=1 << 15)
def name_readings(text: str) -> tuple[Name, ...]:
    """Read a name of a paper in the ways it may be meant, as plain words first.

    "Smith JA" is either two words, or, as PubMed writes, a family name with initials;
    and so is "JA Smith".
    """
    raw = _raw_words(text)
    plain = _ordered([fold_case(word) for word in raw])
    if not plain:
        return ()
    if len(raw) > 1 and _INITIALS.fullmatch(raw[-1]):
        initials, others = raw[-1], raw[:-1]
    elif len(raw) > 1 and _INITIALS.fullmatch(raw[0]):
        initials, others = raw[0], raw[1:]
    else:
        return (plain,)
    return plain, _ordered([*initials.lower(), *map(fold_case, others)])


def _raw_words(text: str) -> list[str]:
    plain = _APOSTROPHES.sub("", fold_accents(text))
    family, comma, given = plain.partition(",")
    given_words = _WORD.findall(given)
    if comma and given_words and given_words[0].lower() not in _SUFFIXES:
        return given_words + _WORD.findall(family)
    return _WORD.findall(plain)


def _ordered(words: list[str]) -> Name:
    """Leave "Jr" out and bring initials at the end ("LeCun Y") to the front."""
    initials: list[str] = []
    while len(words) > 1 and (len(words[-1]) == 1 or words[-1] in _SUFFIXES):
        if len(words[-1]) == 1:
            initials.insert(0, words[-1])
        words = words[:-1]
    if not initials or len(words[0]) == 1 or words[-1] in _SUFFIXES:
        return (*words, *initials)
    return (*initials, *words)


def _compatible(wanted: Name, name: Name) -> bool:
    if len(wanted) == 1:
        return wanted[0] == name[-1] or (len(wanted[0]) > 1 and wanted[0] in name[1:])
    if name[-len(wanted) :] == wanted or sorted(name) == sorted(wanted):
        return True
    if wanted[-1] != name[-1] or len(name) < 2:
        return False
    wanted_given, given = _without_particles(wanted[:-1]), _without_particles(name[:-1])
    if not _same_given(wanted_given[0], given[0]):
        return False
    short, long = sorted((wanted_given[1:], given[1:]), key=len)
    rest = iter(long)
    return all(any(_same_given(one, other) for other in rest) for one in short)


def _without_particles(given: Name) -> Name:
    return given[:1] + tuple(word for word in given[1:] if word not in _PARTICLES)


def _same_given(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])
