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
    charles christmas cosmos ddos diabetes does ethos faas gallows goes herpes hughes iaas james
    jenkins jones kansas keras kubernetes kudos lens logos lucas macos madras mars means molasses
    news nowadays overseas paas pancreas pandas pathos perhaps rabies rhinoceros saas scabies
    series sometimes species texas thermos thomas towards triceps vegas whereas
    """
)
"""Words that end in a single s and are no plurals."""

_IRREGULAR = {
    # "bases" is the plural of both, so the three are one word here.
    "bases": "base",
    "basis": "base",
    "alibis": "alibi",
    "alumni": "alumnus",
    "apices": "apex",
    "apis": "api",
    "appendices": "appendix",
    "automata": "automaton",
    "avalanches": "avalanche",
    "axes": "axis",
    "bacteria": "bacterium",
    "bcis": "bci",
    "buses": "bus",
    "caches": "cache",
    "calculi": "calculus",
    "calves": "calf",
    "children": "child",
    "codices": "codex",
    "corpora": "corpus",
    "cortices": "cortex",
    "cpus": "cpu",
    "crises": "crisis",
    "criteria": "criterion",
    "curricula": "curriculum",
    "cyanobacteria": "cyanobacterium",
    "desiderata": "desideratum",
    "dois": "doi",
    "dpus": "dpu",
    "elves": "elf",
    "emojis": "emoji",
    "emphases": "emphasis",
    "equilibria": "equilibrium",
    "fmris": "fmri",
    "foci": "focus",
    "formulae": "formula",
    "fungi": "fungus",
    "gases": "gas",
    "geneses": "genesis",
    "gpus": "gpu",
    "grus": "gru",
    "guis": "gui",
    "gurus": "guru",
    "haikus": "haiku",
    "halves": "half",
    "helices": "helix",
    "hippocampi": "hippocampus",
    "hooves": "hoof",
    "icus": "icu",
    "imus": "imu",
    "ious": "iou",
    "knives": "knife",
    "kpis": "kpi",
    "larvae": "larva",
    "leaves": "leaf",
    "lemmata": "lemma",
    "lenses": "lens",
    "loaves": "loaf",
    "loci": "locus",
    "maxima": "maximum",
    "mcus": "mcu",
    "menus": "menu",
    "metastases": "metastasis",
    "millennia": "millennium",
    "minima": "minimum",
    "mious": "miou",
    "mitochondria": "mitochondrion",
    "moduli": "modulus",
    "momenta": "momentum",
    "mris": "mri",
    "nebulae": "nebula",
    "neuroses": "neurosis",
    "niches": "niche",
    "npus": "npu",
    "nuclei": "nucleus",
    "oases": "oasis",
    "optima": "optimum",
    "phenomena": "phenomenon",
    "pois": "poi",
    "polyhedra": "polyhedron",
    "psychoses": "psychosis",
    "qpus": "qpu",
    "quizzes": "quiz",
    "radii": "radius",
    "relus": "relu",
    "rois": "roi",
    "safaris": "safari",
    "scarves": "scarf",
    "schemata": "schema",
    "shelves": "shelf",
    "simplices": "simplex",
    "spectra": "spectrum",
    "stimuli": "stimulus",
    "strata": "stratum",
    "subcorpora": "subcorpus",
    "symbioses": "symbiosis",
    "synopses": "synopsis",
    "taxa": "taxon",
    "taxis": "taxi",
    "teeth": "tooth",
    "tetrahedra": "tetrahedron",
    "thieves": "thief",
    "tpus": "tpu",
    "tsunamis": "tsunami",
    "uris": "uri",
    "vertebrae": "vertebra",
    "vortices": "vortex",
    "vpus": "vpu",
    "wikis": "wiki",
    "wives": "wife",
    "wolves": "wolf",
    "women": "woman",
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
_OE_STEMS = _set("aloes canoes foes hoes horseshoes moes oboes shoes smoes toes")
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
    irregular = _IRREGULAR.get(word)
    if irregular:
        return irregular
    if len(word) < 4 or word[-1] != "s":
        return word
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
