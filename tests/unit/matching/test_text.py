from __future__ import annotations

import pytest

from digest.matching.text import fold_label, join_words, tokenise, words_of

KEYS = {
    "State-of-the_art models": ["state", "of", "the", "art", "model"],
    "Noether's theorem, Bayes' rule": ["noether", "theorem", "bayes", "rule"],
    "NOETHER’S": ["noether"],
    "C++ and C# and F#": ["c", "++", "and", "c", "#", "and", "f", "#"],
    "PointNet++": ["pointnet", "++"],
    "GPT-4o in 3D": ["gpt", "4o", "in", "3d"],
    "L1/L2, Llama 3.1": ["l1", "l2", "llama", "3", "1"],
    "LMs, GPs, GPS, LLMs": ["lm", "gp", "gps", "llm"],
    "MoEs, SMoEs, DoEs, moes": ["moe", "smoe", "doe", "moe"],
    "SaaS, DDoS, GPSs, As Us": ["saas", "ddos", "gps", "as", "us"],
    "MRIs fMRIs BCIs KPIs IoUs ICUs QPUs": ["mri", "fmri", "bci", "kpi", "iou", "icu", "qpu"],
    "Łukasz Gödel naïve ﬁne L²": ["lukasz", "godel", "naive", "fine", "l2"],
    "e\u0301tude sur\u00advey": ["etude", "survey"],
    "L_2 R^2 R^{2} L₂ H_2O CO_2 A^2RL": ["l2", "r2", "r2", "l2", "h2o", "co2", "a2rl"],
    "O(n^2) 10^5 x_i GPT_4 my_x_1 a_1_b": [
        "o", "n2", "10", "5", "x", "i", "gpt", "4", "my", "x", "1", "a", "1", "b",
    ],
    "τ²-Bench τ2 tau2 π_0 π_0.5 τx": ["tau2", "bench", "tau2", "tau2", "pi0", "pi0", "5", "τx"],
    "α-β ϵ ΑΒ": ["alpha", "beta", "epsilon", "αβ"],
    "$k$-NN": ["k", "nn"],
    "强化学习 RL": ["强", "化", "学", "习", "rl"],
    "학습을": ["학", "습", "을"],
    "ガ ｶﾞ": ["ガ", "ガ"],
    "हिन्दी": ["हिन्दी"],
    "㈠x": ["一", "x"],
    "😀 — …": [],
    "": [],
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), KEYS.items())
def test_text_is_read_as_words(text: str, expected: list[str]) -> None:
    assert [word.key for word in words_of(text)] == expected


def test_tokens_say_where_they_stand() -> None:
    text = "On Noether's Matrices – naïve"

    tokens = tokenise(text)

    assert [text[token.start : token.end] for token in tokens] == [
        "On",
        "Noether",
        "Matrices",
        "naïve",
    ]
    assert [token.word.key for token in tokens] == ["on", "noether", "matrix", "naive"]
    assert [token.word.folded for token in tokens] == ["on", "noether", "matrices", "naive"]
    assert [token.word.exact for token in tokens] == ["On", "Noether", "Matrices", "naive"]


def test_joined_words_read_as_the_same_words() -> None:
    words = ("c", "++", "强", "化", "in", "3d")

    joined = join_words(words)

    assert joined == "c++ 强化 in 3d"
    assert tuple(word.key for word in words_of(joined)) == words
    assert join_words(()) == ""


def test_labels_are_compared_without_case_and_separators() -> None:
    assert fold_label("Machine  Learning") == "machine-learning"
    assert fold_label("machine_learning") == "machine-learning"
    assert fold_label("cs.CL") == "cs.cl"
    assert fold_label(' "quoted"\x00 ') == "quoted"
