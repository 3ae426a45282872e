from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.matching.plurals import singular

PLURALS = {
    "transformers": "transformer", "analyses": "analysis", "matrices": "matrix",
    "submatrices": "submatrix", "indices": "index", "vertices": "vertex",
    "hypotheses": "hypothesis", "diagnoses": "diagnosis", "studies": "study",
    "queries": "query", "cookies": "cookie", "heroes": "hero", "toes": "toe",
    "classes": "class", "losses": "loss", "boxes": "box", "patches": "patch",
    "caches": "cache", "hashes": "hash", "viruses": "virus", "clauses": "clause",
    "uses": "use", "biases": "bias", "debiases": "debias", "lenses": "lens",
    "canvases": "canvas", "databases": "database", "cases": "case", "sizes": "size",
    "gpus": "gpu", "apis": "api", "bases": "base", "basis": "base", "axes": "axis",
    "wolves": "wolf", "curves": "curve", "videos": "video", "ideas": "idea",
    "metrics": "metric", "topics": "topic", "llms": "llm", "tokens": "token",
    "wikis": "wiki", "emojis": "emoji", "mris": "mri", "ious": "iou", "qpus": "qpu",
    "corpora": "corpus", "criteria": "criterion", "phenomena": "phenomenon",
    "spectra": "spectrum", "stimuli": "stimulus", "automata": "automaton",
    "nuclei": "nucleus", "equilibria": "equilibrium", "bacteria": "bacterium",
    "children": "child",
    "responses": "response", "devices": "device", "quizzes": "quiz", "images": "image",
}  # fmt: skip
KEPT = (
    "bias", "debias", "lens", "class", "this", "physics", "semantics", "statistics", "analysis",
    "data", "media", "meta", "agenda", "saas", "ddos", "does",
    "corpus", "status", "gas", "gps", "its", "chaos", "atlas", "series", "species", "bayes",
    "always", "across", "loss", "axis", "news", "kubernetes", "means", "robotics", "thus", "bus",
)  # fmt: skip


@pytest.mark.parametrize(("plural", "expected"), PLURALS.items())
def test_a_plural_reads_like_its_singular(plural: str, expected: str) -> None:
    assert singular(plural) == expected


@pytest.mark.parametrize("word", KEPT)
def test_a_word_that_is_no_plural_stays(word: str) -> None:
    assert singular(word) == word


@given(word=st.from_regex(r"[a-z]{0,8}(s|es|ies|ses|ices|ics|us|is)", fullmatch=True))
def test_a_singular_has_no_singular_of_its_own(word: str) -> None:
    assert singular(singular(word)) == singular(word)
