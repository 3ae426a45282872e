from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import TokenError
from digest.subscribers.tokens import (
    SignedPurpose,
    TokenSigner,
    one_use_digest,
    one_use_token,
)

OLD = "an old key of thirty-two characters"
NEW = "a new key of thirty-two characters!"
SIGNER = TokenSigner([NEW])

payloads = st.integers(min_value=0, max_value=2**63 - 1)
purposes = st.sampled_from(list(SignedPurpose))


@given(purposes, payloads)
def test_a_token_gives_back_what_was_signed(purpose: SignedPurpose, payload: int) -> None:
    token = SIGNER.sign(purpose, payload)

    assert SIGNER.verify(purpose, token) == payload


@given(purposes, purposes, payloads)
def test_a_token_is_worthless_for_another_purpose(
    signed: SignedPurpose, asked: SignedPurpose, payload: int
) -> None:
    token = SIGNER.sign(signed, payload)

    if signed is asked:
        assert SIGNER.verify(asked, token) == payload
    else:
        with pytest.raises(TokenError):
            SIGNER.verify(asked, token)


@given(payloads, st.data())
def test_a_token_with_any_bit_changed_is_refused(payload: int, data: st.DataObject) -> None:
    token = SIGNER.sign(SignedPurpose.DIGEST, payload)
    packed = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    at = data.draw(st.integers(min_value=0, max_value=len(packed) * 8 - 1))
    packed[at // 8] ^= 1 << (at % 8)
    tampered = base64.urlsafe_b64encode(bytes(packed)).rstrip(b"=").decode()

    with pytest.raises(TokenError):
        SIGNER.verify(SignedPurpose.DIGEST, tampered)


@given(st.text(max_size=80))
def test_any_text_is_a_token_of_ours_or_an_error(text: str) -> None:
    with pytest.raises(TokenError):
        SIGNER.verify(SignedPurpose.UNSUBSCRIBE, text)


def test_a_token_has_one_spelling_only() -> None:
    token = SIGNER.sign(SignedPurpose.DIGEST, 1)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [token[:-1] + letter for letter in alphabet if letter != token[-1]]

    for other in [*others, token + "=", token + "A", " " + token]:
        with pytest.raises(TokenError):
            SIGNER.verify(SignedPurpose.DIGEST, other)


def test_links_signed_with_an_old_key_still_work() -> None:
    in_an_old_mail = TokenSigner([OLD]).sign(SignedPurpose.UNSUBSCRIBE, 7)
    rotated = TokenSigner([NEW, OLD])

    assert rotated.verify(SignedPurpose.UNSUBSCRIBE, in_an_old_mail) == 7
    assert rotated.sign(SignedPurpose.UNSUBSCRIBE, 7) == SIGNER.sign(SignedPurpose.UNSUBSCRIBE, 7)


def test_links_signed_with_a_dropped_key_are_refused() -> None:
    in_an_old_mail = TokenSigner([OLD]).sign(SignedPurpose.UNSUBSCRIBE, 7)

    with pytest.raises(TokenError):
        SIGNER.verify(SignedPurpose.UNSUBSCRIBE, in_an_old_mail)


def test_two_keys_that_share_an_id_are_both_tried() -> None:
    keys = [f"a key of thirty-two characters, {number}" for number in range(600)]
    everybody = TokenSigner(keys)

    payloads_read = [
        everybody.verify(SignedPurpose.DIGEST, TokenSigner([key]).sign(SignedPurpose.DIGEST, 5))
        for key in keys
    ]

    assert payloads_read == [5] * 600


def test_a_token_is_short_and_fit_for_a_url() -> None:
    token = SIGNER.sign(SignedPurpose.UNSUBSCRIBE, 2**63 - 1)

    assert len(token) <= 34
    assert token.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("payload", [-1, 2**63])
def test_a_payload_out_of_range_is_refused(payload: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        SIGNER.sign(SignedPurpose.DIGEST, payload)


@pytest.mark.parametrize("keys", [[], [""], [NEW, ""]])
def test_a_signer_without_a_key_is_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="at least one key"):
        TokenSigner(keys)


def test_a_signer_never_shows_its_keys() -> None:
    assert repr(SIGNER) == "TokenSigner(1 keys)"


@given(payloads)
def test_a_bounce_address_survives_servers_that_fold_case(payload: int) -> None:
    local_part = SIGNER.bounce_local_part(payload)

    assert len(local_part) <= 64  # RFC 5321 §4.5.3.1.1
    assert SIGNER.bounced_delivery(local_part.upper()) == payload


@pytest.mark.parametrize(
    "local_part", ["", "b+", "b+xyz", "b+00", "b+" + "0" * 40, "ada", "b+" + "0" * 400, "b+é"]
)
def test_a_bounce_to_an_address_we_did_not_make_is_refused(local_part: str) -> None:
    with pytest.raises(TokenError):
        SIGNER.bounced_delivery(local_part)


def test_hashes_of_an_address_depend_on_the_key() -> None:
    new, old = TokenSigner([NEW, OLD]).address_hashes("ada@example.org")

    assert new == SIGNER.address_hashes("ada@example.org")[0]
    assert old == TokenSigner([OLD]).address_hashes("ada@example.org")[0]
    assert new != old


def test_a_one_use_token_carries_256_bits_and_is_kept_as_its_hash() -> None:
    token = one_use_token(bytes(range(32)))

    assert token == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert one_use_digest(token) == (
        "ea866a757e4c38babfa8127cbe9a409d3e1f93a00ff1488ff735fcf917afffd0"
    )


def test_a_one_use_token_of_fewer_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        one_use_token(b"too few")


@given(st.text(max_size=50))
def test_any_text_has_a_hash(text: str) -> None:
    assert len(one_use_digest(text)) == 64


@given(purposes, payloads, st.lists(st.integers(min_value=0, max_value=1023), max_size=9))
def test_slot_tokens_give_back_their_payload_and_slot(
    purpose: SignedPurpose, payload: int, slots: list[int]
) -> None:
    tokens = SIGNER.sign_slots(purpose, payload, slots)

    assert [SIGNER.verify_slot(purpose, token.decode()) for token in tokens] == [
        (payload, slot) for slot in slots
    ]
    assert {len(token) for token in tokens} <= {36}


@given(payloads, st.integers(min_value=0, max_value=27 * 8 - 1))
def test_a_slot_token_with_any_bit_changed_is_refused(payload: int, at: int) -> None:
    (token,) = SIGNER.sign_slots(SignedPurpose.ACTION, payload, [5])
    packed = bytearray(base64.urlsafe_b64decode(token))
    packed[at // 8] ^= 1 << (at % 8)

    with pytest.raises(TokenError):
        SIGNER.verify_slot(SignedPurpose.ACTION, base64.urlsafe_b64encode(packed).decode())


def test_a_slot_token_is_worthless_for_another_slot_purpose_key_or_length() -> None:
    first, second = SIGNER.sign_slots(SignedPurpose.ACTION, 7, [0, 1])
    swapped = base64.urlsafe_b64decode(first)[:24] + base64.urlsafe_b64decode(second)[24:]

    for token in (base64.urlsafe_b64encode(swapped), first[:-4], first + b"AAAA"):
        with pytest.raises(TokenError):
            SIGNER.verify_slot(SignedPurpose.ACTION, token.decode())
    with pytest.raises(TokenError):
        SIGNER.verify_slot(SignedPurpose.FEED, first.decode())
    with pytest.raises(TokenError):
        TokenSigner([OLD]).verify_slot(SignedPurpose.ACTION, first.decode())


def test_slot_tokens_of_an_old_key_still_work() -> None:
    (in_an_old_mail,) = TokenSigner([OLD]).sign_slots(SignedPurpose.ACTION, 7, [3])

    rotated = TokenSigner([NEW, OLD])

    assert rotated.verify_slot(SignedPurpose.ACTION, in_an_old_mail.decode()) == (7, 3)


@pytest.mark.parametrize(("payload", "slot"), [(-1, 0), (2**63, 0), (1, 1024), (1, -1)])
def test_slots_out_of_range_are_refused(payload: int, slot: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        SIGNER.sign_slots(SignedPurpose.ACTION, payload, [slot])
