from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.papers.authors import MAX_AUTHORS, family_name, split_authors


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ("Yan Cheng, Wen Lei and Jian Xu", ("Yan Cheng", "Wen Lei", "Jian Xu")),
        ("Yan Cheng, Wen Lei, & Jian Xu", ("Yan Cheng", "Wen Lei", "Jian Xu")),
        ("Kukla, D., Crampton, A.", ("Kukla, D.", "Crampton, A.")),
        ("Smith, J.-P. and Doe, A. B.", ("Smith, J.-P.", "Doe, A. B.")),
        ("Brandão S, Saeedi H, Brandt A. ", ("Brandão S", "Saeedi H", "Brandt A.")),
        ("Chen C, Zhou Y, et al. ", ("Chen C", "Zhou Y")),
        ("A. Bee (MIT, Cambridge), C. Dee (ENS (Paris))", ("A. Bee", "C. Dee")),
        ("A. Bee (1), C. Dee (2) ((1) MIT, (2) ENS)", ("A. Bee", "C. Dee")),
        ("Ann One,\nBob Two,\nCy Three", ("Ann One", "Bob Two", "Cy Three")),
        ("Guocheng Shu;Ping Liu;", ("Guocheng Shu", "Ping Liu")),
        ("李华、王伟", ("李华", "王伟")),
        ("noreply@x.org (Ann Bee, Cy Dee)", ("Ann Bee", "Cy Dee")),
        ("Smith, John", ("Smith, John",)),
        ("Martin King, Jr., Bob Dylan", ("Martin King Jr", "Bob Dylan")),
        ("The ATLAS Collaboration", ("The ATLAS Collaboration",)),
        ("Y. LeCun, Y. Bengio", ("Y. LeCun", "Y. Bengio")),
        ("J&eacute;r&ocirc;me Bee", ("Jérôme Bee",)),
        ("", ()),
        ("  ,  ", ()),
        ("someone@example.org", ()),
    ],
)
def test_author_strings_are_split_into_names(raw: str, names: tuple[str, ...]) -> None:
    assert split_authors((raw,)) == names


def test_names_given_apart_stay_apart_and_namesakes_stay_two() -> None:
    names = split_authors(("Urquhart, A.S.", "Wei Chen", "Wei Chen", ":"))

    assert names == ("Urquhart, A.S.", "Wei Chen", "Wei Chen")


def test_given_name_after_a_comma_stays_with_its_family() -> None:
    assert split_authors(("Byron, Ada Augusta", "Chen, Bo")) == ("Byron, Ada Augusta", "Chen, Bo")


def test_a_string_that_is_no_list_of_names_is_kept_whole() -> None:
    raw = "on behalf of the very large consortium for everything, and all of its many friends there"

    assert split_authors((raw,)) == (
        "on behalf of the very large consortium for everything, and all of its many friends there",
    )


def test_at_most_five_hundred_names_are_kept() -> None:
    raw = ", ".join(f"Ann Bee{'x' * (n % 7)}" for n in range(3000))

    assert len(split_authors((raw, "One More"))) == MAX_AUTHORS


@pytest.mark.parametrize(
    ("author", "family"),
    [
        ("Kukla, D.", "Kukla"),
        ("Brandão S", "Brandão"),
        ("van der Berg JK", "van der Berg"),
        ("Dana Kukla", "Kukla"),
        ("Martin King Jr", "King"),
        ("Plato", "Plato"),
        ("Jr", "Jr"),
    ],
)
def test_family_name_is_found_in_every_style(author: str, family: str) -> None:
    assert family_name(author) == family


@given(st.lists(st.text(max_size=120), max_size=5))
def test_any_text_gives_names_with_letters_and_without_addresses(raw: list[str]) -> None:
    for name in split_authors(raw):
        assert any(sign.isalpha() for sign in name)
        assert "@" not in name
        assert name == name.strip()
