from __future__ import annotations

import pytest

from digest.matching.names import author_matches, read_name, wanted_names

SAME = (
    ("LeCun", "Yann LeCun"),
    ("lecun", "Y. LeCun"),
    ("Y. LeCun", "Yann LeCun"),
    ("Yann LeCun", "Y. LeCun"),
    ("LeCun, Yann", "Yann LeCun"),
    ("LeCun Y", "Yann LeCun"),
    ("Yann LeCun", "LeCun, Yann"),
    ("Yann LeCun", "LeCun Y"),
    ("Yann A. LeCun", "Yann LeCun"),
    ("Yann LeCun", "Yann André LeCun"),
    ("John A. Smith", "Smith JA"),
    ("Smith JA", "Smith JA"),
    ("John Smith", "JP Smith"),
    ("Smith, JP", "John Paul Smith"),
    ("Smith JP", "John Paul Smith"),
    ("JP Smith", "John Paul Smith"),
    ("JP Smith", "Smith JP"),
    ("O'Brien", "Conor O’Brien"),
    ("Noether", "Emmy Noether Jr."),
    ("King", "Martin Luther King, Jr."),
    ("van der Maaten", "Laurens van der Maaten"),
    ("Maaten", "Laurens van der Maaten"),
    ("Laurens Maaten", "Laurens van der Maaten"),
    ("L. van der Maaten", "Laurens van der Maaten"),
    ("Garcia", "María García-López"),
    ("Li Fei-Fei", "Fei-Fei Li"),
    ("王小明", "王小明"),
    ("Wei Li", "Wei LI"),
    ("Plato", "Plato"),
)
OTHER = (
    ("LeCun", "Yann Cun"),
    ("Zoe LeCun", "Yann LeCun"),
    ("Z. LeCun", "Yann LeCun"),
    ("Yann LeCun", "LeCun"),
    ("Yann", "Yann LeCun"),
    ("Y", "Y. LeCun"),
    ("Di He", "Kaiming He"),
    ("Yann B. LeCun", "Yann A. LeCun"),
    ("William", "Anna Williams"),
    ("Smith JP", "Peter John Smith"),
    ("WEI LI", "Lars Ivar Wei"),
    ("LeCun", ""),
)


@pytest.mark.parametrize(("wanted", "name"), SAME)
def test_two_ways_of_writing_a_name_are_one_author(wanted: str, name: str) -> None:
    assert any(author_matches(reading, name) for reading in wanted_names(wanted))


@pytest.mark.parametrize(("wanted", "name"), OTHER)
def test_another_author_is_not_taken_for_the_one_wanted(wanted: str, name: str) -> None:
    assert not any(author_matches(reading, name) for reading in wanted_names(wanted))


def test_a_text_without_letters_is_no_name() -> None:
    assert read_name(" .,; ") == ()
