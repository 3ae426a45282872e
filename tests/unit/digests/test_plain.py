from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.digests.columns import WIDTH, columns, wrap
from digest.digests.plain import header_text, one_line, safe_url, shorten


@pytest.mark.parametrize(
    ("given_text", "line"),
    [
        ("  two\n\nlines\t ", "two lines"),
        ("bell\x07 and esc\x1b[31m", "bell and esc [31m"),
        ("evil \u202eevihcra\u202c", "evil evihcra"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("family 👨\u200d👩", "family 👨\u200d👩"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("line\u2028separator", "line separator"),
    ],
)
def test_outside_text_becomes_one_clean_line(given_text: str, line: str) -> None:
    assert one_line(given_text) == line


@given(st.text())
def test_clean_line_holds_nothing_invisible(text: str) -> None:
    clean = one_line(text)

    assert not {unicodedata.category(char) for char in clean} & {"Cc", "Cs", "Zl", "Zp"}
    assert one_line(clean) == clean


@given(st.text(alphabet=st.sampled_from("=? \r\nab"), max_size=40))
def test_header_text_never_looks_encoded(text: str) -> None:
    clean = header_text(text)

    assert "=?" not in clean
    assert "\n" not in clean


def test_text_is_cut_at_a_word() -> None:
    assert shorten("one two three four", 14) == "one two\u00a0…"
    assert shorten("one two", 7) == "one two"
    assert shorten("一二三四五六七八九十", 6) == "一二三四\u00a0…"
    assert shorten("anything", 0) == ""


@given(st.text(), st.integers(0, 60))
def test_cut_text_is_never_longer_than_asked(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= max(limit, len(text) if len(text) <= limit else 0)


@pytest.mark.parametrize(
    "url",
    [
        "https://arxiv.org/abs/2602.00001",
        "http://example.org",
        "https://example.org/a?b=c&d=%20#e",
        "https://müller.example/ä",
    ],
)
def test_web_addresses_may_be_links(url: str) -> None:
    assert safe_url(f" {url} ") == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "mailto:a@example.org",
        "//example.org/x",
        "/relative",
        "https://",
        "http://[broken",
        "https://example.org/a b",
        "https://example.org/\r\nBcc: x",
        'https://example.org/"onmouseover=',
        "https://example.org/<script>",
        "https://example.org/\u202egro",
        "https://example.org/" + "a" * 2000,
    ],
)
def test_anything_else_is_no_link(url: str | None) -> None:
    assert safe_url(url) is None


def test_text_is_wrapped_with_a_mark_in_its_indent() -> None:
    wrapped = wrap("word " * 20, first="7.", indent=4)

    assert wrapped == (
        " 7. word word word word word word word word word word word word word\n"
        "    word word word word word word word"
    )


def test_wide_characters_take_two_columns() -> None:
    lines = wrap("深" * 50, indent=4).split("\n")

    assert [columns(line) for line in lines] == [72, 36]
    assert columns("e\u0301\u200d") == 1


def test_no_break_space_holds_words_together() -> None:
    assert wrap("a" * 69 + " ▲\u00a0128") == "a" * 69 + "\n▲\u00a0128"


@given(st.text(), st.sampled_from(["", "1.", "12.", "  >"]), st.sampled_from([4, 5, 6]))
def test_wrapped_lines_fit_and_lose_nothing(text: str, first: str, indent: int) -> None:
    clean = one_line(text)

    wrapped = wrap(clean, first=first, indent=indent)

    assert all(columns(line) <= WIDTH for line in wrapped.split("\n"))
    body = wrapped[indent:]
    assert "".join(body.split()) == "".join(clean.split())
