from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import AddressError
from digest.subscribers.addresses import Address, normalise_address


def test_keeps_the_local_part_as_written_and_folds_the_domain() -> None:
    address = normalise_address("Ada.Lovelace@Example.ORG")

    assert address == Address(email="Ada.Lovelace@example.org", key="ada.lovelace@example.org")


def test_two_spellings_of_one_address_share_a_key() -> None:
    first = normalise_address(" ADA@example.org\t")
    second = normalise_address("ada@EXAMPLE.org")

    assert first.key == second.key


def test_writes_an_international_domain_in_ascii() -> None:
    address = normalise_address("ada@Bücher.example")

    assert address.email == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "it is empty"),
        ("ada", "an email address must have an @-sign"),
        ("ada@example.org\r\nRCPT TO:<eve@example.org>", "it holds a control character"),
        ("ada@exam\x00ple.org", "it holds a control character"),
        ("ada\u202e@example.org", "it holds a control character"),
        ("a" * 300 + "@example.org", "it is longer than 254 characters"),
    ],
)
def test_says_in_plain_words_why_an_address_is_refused(text: str, cause: str) -> None:
    with pytest.raises(AddressError) as caught:
        normalise_address(text)

    assert caught.value.cause == cause


@pytest.mark.parametrize(
    "text",
    [
        "Ada <ada@example.org>",
        '"ada lovelace"@example.org',
        "ada@[127.0.0.1]",
        "ada@localhost",
        "ада@example.org",
        "ada@example.org, eve@example.org",
        "ada@-example-.org",
    ],
)
def test_refuses_what_a_relay_may_not_take(text: str) -> None:
    with pytest.raises(AddressError):
        normalise_address(text)


def test_an_error_never_repeats_control_characters() -> None:
    with pytest.raises(AddressError) as caught:
        normalise_address("a@x\r\nBcc: e@x.org")

    assert "\r" not in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=80))
def test_any_text_is_an_address_on_one_line_or_an_error(text: str) -> None:
    try:
        address = normalise_address(text)
    except AddressError:
        return

    assert address.email.isascii()
    assert address.email.isprintable()
    assert " " not in address.email
    assert address.email.count("@") == 1


@given(st.emails())
def test_reading_an_address_again_changes_nothing(email: str) -> None:
    try:
        first = normalise_address(email)
    except AddressError:
        return

    assert normalise_address(first.email) == first
    assert normalise_address(first.key).key == first.key
