"""A small careful rule that takes an English plural to its singular.

It is no stemmer: a word that is not surely a plural stays as it is ("bias", "lens",
"class", "physics", "semantics"), because a term is also shown to people. What it gives
is always a fixed point of the rule, so that a canonical query reads as itself.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENDS_IN_S = _set(
    """
    afterwards alias always andreas apropos asbestos atlas bayes besides bias biceps canvas chaos
    charles christmas cosmos diabetes does ethos gallows goes herpes hughes james jenkins jones
    kansas keras kubernetes kudos lens logos lucas macos madras mars means molasses news nowadays
    overseas pancreas pandas pathos perhaps rabies rhinoceros scabies series sometimes species
    texas thermos thomas towards triceps vegas whereas
    """
)
"""Words that end in a single s and are no plurals."""

_IRREGULAR = {
    # "bases" is the plural of both, so the three are one word here.
    "bases": "base",
    "basis": "base",
    "apices": "apex",
    "apis": "api",
    "appendices": "appendix",
    "avalanches": "avalanche",
    "axes": "axis",
    "buses": "bus",
    "caches": "cache",
    "calves": "calf",
    "codices": "codex",
    "cortices": "cortex",
    "cpus": "cpu",
    "crises": "crisis",
    "dpus": "dpu",
    "elves": "elf",
    "emphases": "emphasis",
    "gases": "gas",
    "geneses": "genesis",
    "gpus": "gpu",
    "grus": "gru",
    "guis": "gui",
    "halves": "half",
    "helices": "helix",
    "hooves": "hoof",
    "knives": "knife",
    "leaves": "leaf",
    "lenses": "lens",
    "loaves": "loaf",
    "menus": "menu",
    "metastases": "metastasis",
    "neuroses": "neurosis",
    "niches": "niche",
    "npus": "npu",
    "oases": "oasis",
    "pois": "poi",
    "psychoses": "psychosis",
    "quizzes": "quiz",
    "relus": "relu",
    "rois": "roi",
    "scarves": "scarf",
    "shelves": "shelf",
    "simplices": "simplex",
    "symbioses": "symbiosis",
    "synopses": "synopsis",
    "taxis": "taxi",
    "thieves": "thief",
    "tpus": "tpu",
    "vortices": "vortex",
    "wives": "wife",
    "wolves": "wolf",
}

_SUFFIXES = (
    ("matrices", "matrix"),
    ("indices", "index"),
    ("vertices", "vertex"),
    ("theses", "thesis"),
    ("gnoses", "gnosis"),
    ("yses", "ysis"),
)
"""Latin and Greek plurals that also end longer words ("submatrices", "hypotheses")."""

_ICS_PLURALS = _set(
    """
    antibiotics ceramics characteristics clinics comics conics critics cubics epidemics fabrics
    harmonics heuristics logics lyrics metrics mimics pandemics picnics plastics quadratics
    submetrics subtopics topics
    """
)
"""Plurals in -ics; the rest are fields ("physics") or differ from the adjective ("semantics")."""

_IE_STEMS = _set(
    """
    brownies calories cookies dies genies hoodies lies movies pies pixies prairies rookies selfies
    smoothies sorties ties zombies
    """
)
_OE_STEMS = _set("aloes canoes foes hoes horseshoes oboes shoes toes")
_USE_STEMS = _set(
    """
    abuses accuses amuses confuses diffuses excuses fuses infuses misuses muses peruses refuses
    reuses ruses uses
    """
)


def singular(word: str) -> str:
    """Give the singular of a folded word, or the word itself.

    Args:
        word: In lower case, ASCII letters only; words of three letters or fewer
            ("gas", "gps", "its") are left alone.
    """
    if len(word) < 4 or word[-1] != "s":
        return word
    irregular = _IRREGULAR.get(word)
    if irregular:
        return irregular
    for plural, single in _SUFFIXES:
        if word.endswith(plural):
            return word[: -len(plural)] + single
    if _is_no_plural(word):
        return word
    return _singular_es(word) if word.endswith("es") else word[:-1]


def _is_no_plural(word: str) -> bool:
    if word.endswith("ics"):
        return word not in _ICS_PLURALS
    return word in _ENDS_IN_S or word.endswith(("ss", "us", "is", "bias"))


def _singular_es(word: str) -> str:
    if word.endswith("ies"):
        return word[:-1] if word in _IE_STEMS else word[:-3] + "y"
    if word.endswith("oes"):
        return word[:-1] if word in _OE_STEMS else word[:-2]
    drops_es = (
        word.endswith(("sses", "shes", "ches", "xes", "zzes", "tzes", "biases"))
        or word[:-2] in _ENDS_IN_S
        or (
            word.endswith("uses")
            and not word.endswith(("auses", "ouses"))
            and word not in _USE_STEMS
        )
    )
    return word[:-2] if drops_es else word[:-1]
