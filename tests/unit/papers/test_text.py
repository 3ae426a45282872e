from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.papers.text import clean_abstract, clean_text, clean_title, strip_invisible

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
PLAIN = st.text(
    st.characters(categories=["L", "N", "Zs"], include_characters=".,;:!?()-–'\"/*+="), max_size=300
)


@pytest.mark.parametrize(
    "text",
    [
        "effects were small (p<0.05) and a<b",
        "pairs of <wordform, lemma> are given",
        "start <s> and end </s>, <mask> and <think>",
        "a script <script> tag as a token",
        "R&D at AT&T, 100% of it for $5 or $10",
        "if x<y and y>z then",
        "where a <b and c> d holds, if i <i or p> q",
        "the <title of> a <code length> and <a word>",
        "C:\\data\\runs",
        "~100 samples",
        "the set {1, 2}",
    ],
)
def test_text_without_markup_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("<jats:p>Of <jats:italic>E. coli</jats:italic></jats:p>", "Of E. coli"),
        ("a <b>bold</b> &amp; <a href='x'>linked</a> word", "a bold & linked word"),
        ("p &lt; 0.05 &amp;lt; 1", "p < 0.05 &lt; 1"),
        ("before <script>alert(1)</script> after", "before after"),
        ("one<!-- hidden -->two", "onetwo"),
        ("an open <!-- comment", "an open <!-- comment"),
        ("an open <script>alert(1)", "an open <script>alert(1)"),
        ("<![CDATA[inner]]> text", "inner text"),
        ("one<br/>two\n\tthree\u2028four", "one two three four"),
        ("e\u0301t\u00e9", "été"),
        ("\ufeffTitle\u200b with\u00ad marks\u202e", "Title with marks"),
        ("bell\x07 and &#8238;turned&#x7;", "bell and turned"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("Ï\x89-limit", "ω-limit"),
        ("a\u200db", "ab"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_markup_and_invisible_characters_go(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (r"$\mathcal{O}(n^2)$ in $\mathbb{R}$", "𝒪(n²) in ℝ"),
        (r"M\"obius and Erd\H{o}s", "Möbius and Erdős"),
        (r"100\% of $2<r<q-1$", "100% of 2<r<q-1"),
        (r"100% of $\alpha$", "100% of α"),
        (r"{A}lgorithms, \emph{really}", "Algorithms, really"),
        (r"{\bf bold} $\operatorname{poly}(n)$", "bold poly(n)"),
        (r"see \href{https://x.org}{our page}", "see our page (https://x.org)"),
        (r"see \href{https://x.org}{https://x.org}", "see https://x.org"),
        (r"the \texttt{SPIN} tool, $\binom{K}{2}$", "the SPIN tool, C(K, 2)"),
        (r"\emph{with $x_1$ inside}, Fig.~2", "with x_1 inside, Fig. 2"),
        (r"3$\times$ faster for \$5", "3× faster for $5"),
        (r"as shown \cite{foo2020} before", "as shown before"),
        (r"our \methodname{x} wins", r"our \methodname x wins"),
        (r"$\frac{a}{b}$ ~10", "a/b ~10"),
        (r"$L_2$ norm, H$_2$O and $R^{12}$", "L₂ norm, H₂O and R¹²"),
        (r"$\tau^2$-Bench, $\pi_0$ and $\pi_{0.5}$", "τ²-Bench, π₀ and π_0.5"),
        (r"$10^5$, $10^{-3}$, $k_2^3$, x_1", "10^5, 10^-3, k_2^3, x_1"),
    ],
)
def test_latex_becomes_readable(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


def test_a_formula_that_cannot_be_reduced_costs_no_other_one() -> None:
    text = clean_text(r"$\sqrt[3]{x}$ and $\alpha$")

    assert text == r"$\sqrt[3]{x}$ and α"


def test_broken_latex_stays_as_written() -> None:
    assert clean_text(r"an open \begin{cases} here") != ""
    assert "here" in clean_text(r"an open \begin{cases} here")


def test_overlong_latex_is_left_alone() -> None:
    raw = r"\alpha " * 4000

    assert clean_text(raw, max_chars=30_000).startswith(r"\alpha \alpha")


def test_mojibake_that_is_none_stays_but_for_its_controls() -> None:
    assert clean_text("Ã\x85 Â\x80x Ã©") == "Å x Ã©"
    assert clean_text("ä\x80 x") == "ä x"


def test_long_text_is_cut_at_a_word() -> None:
    assert clean_text("alpha beta gamma", max_chars=12) == "alpha beta…"
    assert clean_text("a" * 30, max_chars=10) == "aaaaaaaaa…"


def test_titles_lose_the_tail_of_the_old_arxiv_feed() -> None:
    title = clean_title("On trees. (arXiv:2310.00010v1 [cs.LG] UPDATED)")

    assert title == "On trees."


def test_abstracts_lose_the_head_of_the_arxiv_feed() -> None:
    raw = "arXiv:2508.13426v1 Announce Type: cross \nAbstract: As models grow"

    assert clean_abstract(raw) == "As models grow"


@given(st.text(max_size=400))
def test_cleaned_text_holds_no_control_bidi_or_surrogate(raw: str) -> None:
    clean = clean_text(raw)

    assert not [c for c in clean if unicodedata.category(c) in {"Cc", "Cs"} or c in BIDI]
    assert clean == " ".join(clean.split())
    clean.encode("utf-8")


@given(PLAIN)
def test_plain_text_is_only_normalised(raw: str) -> None:
    expected = " ".join(unicodedata.normalize("NFC", strip_invisible(raw)).split())

    assert clean_text(raw) == expected
    assert clean_text(clean_text(raw)) == expected


@given(st.text("ab12 \\{}$%&<>^_~\n", max_size=200))
def test_no_letter_or_digit_that_is_no_macro_is_lost(raw: str) -> None:
    written = [c for c in raw if c in "12"]
    cleaned = [c for c in clean_text(raw) if c in "12"]

    assert len(cleaned) >= len(written) or "<" in raw
