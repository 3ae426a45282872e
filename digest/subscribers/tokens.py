"""Tokens in links and bounce addresses.

Two kinds. *Signed* tokens carry their payload, are bound to one purpose by an HMAC and
never expire: unsubscribe, digest view, private feeds, actions of a digest, and the local
part of a bounce address. *One-use*
tokens are 256 random bits of which the store keeps only the SHA-256: confirming,
undoing, logging in. A session is one of them too: it is only looked at, until logging
out uses it up.

A signed token is `base64url(key id ‖ payload ‖ mac)`: one byte that names the key, the
payload as the shortest big-endian integer, 16 bytes of HMAC-SHA-256 over the purpose
and the payload. Half of the MAC is kept: RFC 2104 §5 allows it, and it makes the links
of a digest short enough for one line.

The many links of one digest are *slots* of a payload: `base64url(key id ‖ payload ‖ mac
‖ slot)` in 1 + 8 + 15 + 3 bytes. SHAKE-256 (FIPS 202) over a key of one purpose, the
payload and the number of a group of 40 slots gives 600 bytes, 15 for the MAC of each
slot: no two share one, and a digest of 20 papers is signed by one hash. A sponge cannot be
extended as SHA-256 can, so the key before the message makes a MAC of it (as in KMAC,
NIST SP 800-185 §4).
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from struct import Struct

from digest.errors import TokenError

ONE_USE_LIFETIME = timedelta(hours=48)
"""How long a one-use token can be used."""

ONE_USE_BYTES = 32
"""Random bytes of a one-use token."""

_MAC_BYTES = 16
_SLOT_BYTES = 3
_SLOT_MAC_BYTES = 15
_SLOT_TOKEN_BYTES = 1 + 8 + _SLOT_MAC_BYTES + _SLOT_BYTES
_SLOTS_PER_GROUP = 40
_MAX_SLOT = 1023
_LETTERS_OF_SLOTS = [
    urlsafe_b64encode(slot.to_bytes(_SLOT_BYTES, "big")) for slot in range(_MAX_SLOT + 1)
]
_LETTERS_OF_MACS = Struct(f"{_SLOT_MAC_BYTES * 4 // 3}s" * _SLOTS_PER_GROUP)
_MAX_PAYLOAD = 2**63 - 1
_MAX_LENGTH = 64
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
_VERP_PREFIX = "b+"


class SignedPurpose(StrEnum):
    """What a signed token is for; a token of one purpose is worthless for another."""

    UNSUBSCRIBE = "unsubscribe"
    DIGEST = "digest"
    BOUNCE = "bounce"
    FEED = "feed"
    API = "api"
    ACTION = "action"


class OneUsePurpose(StrEnum):
    """What a one-use token is for."""

    CONFIRM = "confirm"
    UNDO = "undo"
    LOGIN = "login"
    CHANGE = "change"
    SESSION = "session"


class TokenSigner:
    """Signs with the first key and verifies with all of them.

    Args:
        keys: Secret keys as text, the current one first, then the old ones that links
            in past mails were signed with.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or not all(keys):
            raise ValueError("a signer needs at least one key, and no empty one")
        self._keys = tuple(key.encode() for key in keys)
        self._key_ids = tuple(map(_key_id, self._keys))
        # HMACs that have taken in key and purpose; copies of them take in the rest.
        self._macs = {
            (key, purpose): hmac.new(key, _domain(purpose), hashlib.sha256)
            for key in self._keys
            for purpose in SignedPurpose
        }
        self._slot_keys = {
            (key, purpose): hmac.digest(key, b"slots\0" + _domain(purpose), "sha256")
            for key in self._keys
            for purpose in SignedPurpose
        }

    def __repr__(self) -> str:
        return f"TokenSigner({len(self._keys)} keys)"

    def sign(self, purpose: SignedPurpose, payload: int) -> str:
        """Return a token for `payload`, an id of ours: 0 or more, below 2**63.

        Raises:
            ValueError: If the payload is out of range.
        """
        return _encode(self._packed(purpose, payload))

    def verify(self, purpose: SignedPurpose, token: str) -> int:
        """Return the payload of a token that was signed for this purpose.

        Raises:
            TokenError: If it is malformed, tampered with, or for another purpose.
        """
        return self._unpacked(purpose, _decode(token))

    def sign_slots(self, purpose: SignedPurpose, payload: int, slots: Sequence[int]) -> list[bytes]:
        """Return a token for each of some slots of a payload, in ASCII.

        Args:
            purpose: What the tokens are for.
            payload: An id of ours: 0 or more, below 2**63.
            slots: Each from 0 to 1023.

        Raises:
            ValueError: If the payload or a slot is out of range.
        """
        if not slots:
            return []
        low, high = min(slots), max(slots)
        if not (0 <= payload <= _MAX_PAYLOAD and low >= 0 and high <= _MAX_SLOT):
            raise ValueError(f"payload {payload} or one of its slots is out of range")
        body = payload.to_bytes(8, "big")
        key = self._slot_keys[self._keys[0], purpose]
        start = low // _SLOTS_PER_GROUP
        macs: list[bytes] = []
        for group in range(start, high // _SLOTS_PER_GROUP + 1):
            macs += _LETTERS_OF_MACS.unpack(urlsafe_b64encode(_slot_macs(key, body, group)))
        # Each part is a multiple of three bytes, so that it can be encoded alone.
        head = urlsafe_b64encode(bytes([self._key_ids[0]]) + body)
        start *= _SLOTS_PER_GROUP
        return [head + macs[slot - start] + _LETTERS_OF_SLOTS[slot] for slot in slots]

    def verify_slot(self, purpose: SignedPurpose, token: str) -> tuple[int, int]:
        """Return the payload and the slot of a token that was signed for this purpose.

        Raises:
            TokenError: If it is malformed, tampered with, or for another purpose.
        """
        packed = _decode(token)
        if len(packed) != _SLOT_TOKEN_BYTES:
            raise TokenError("this link is not complete")
        body, mac = packed[1:9], packed[9:-_SLOT_BYTES]
        slot = int.from_bytes(packed[-_SLOT_BYTES:], "big")
        group, place = divmod(slot, _SLOTS_PER_GROUP)
        at = place * _SLOT_MAC_BYTES
        for key, key_id in zip(self._keys, self._key_ids, strict=True):
            macs = _slot_macs(self._slot_keys[key, purpose], body, group)
            own = macs[at : at + _SLOT_MAC_BYTES]
            if key_id == packed[0] and hmac.compare_digest(mac, own):
                return int.from_bytes(body, "big"), slot
        raise TokenError("this link is not one of ours, or is not for this page")

    def bounce_local_part(self, delivery_id: int) -> str:
        """Return the local part of a delivery's bounce address (VERP), without case.

        Some servers fold the case of an address, so this one is in hexadecimal.
        """
        return _VERP_PREFIX + self._packed(SignedPurpose.BOUNCE, delivery_id).hex()

    def bounced_delivery(self, local_part: str) -> int:
        """Return the delivery id of a bounce address's local part.

        Raises:
            TokenError: If it is not one that we made.
        """
        folded = local_part.strip().lower()
        if not folded.startswith(_VERP_PREFIX) or len(folded) > _MAX_LENGTH:
            raise TokenError("this is not a bounce address of ours")
        try:
            packed = bytes.fromhex(folded.removeprefix(_VERP_PREFIX))
        except ValueError as exc:
            raise TokenError("this is not a bounce address of ours") from exc
        return self._unpacked(SignedPurpose.BOUNCE, packed)

    def address_hashes(self, address_key: str) -> tuple[str, ...]:
        """Return keyed hashes of an address, one per key, the current key's first.

        They recognise an erased address without keeping it; without the key nobody can
        try addresses against them.
        """
        return tuple(
            hmac.new(key, b"address\0" + address_key.encode(), hashlib.sha256).hexdigest()
            for key in self._keys
        )

    def _packed(self, purpose: SignedPurpose, payload: int) -> bytes:
        if not 0 <= payload <= _MAX_PAYLOAD:
            raise ValueError(f"payload {payload} is out of range")
        body = payload.to_bytes((payload.bit_length() + 7) // 8, "big")
        return bytes([self._key_ids[0]]) + body + self._mac(self._keys[0], purpose, body)

    def _unpacked(self, purpose: SignedPurpose, packed: bytes) -> int:
        if len(packed) <= _MAC_BYTES:
            raise TokenError("this link is not complete")
        body, mac = packed[1:-_MAC_BYTES], packed[-_MAC_BYTES:]
        for key, key_id in zip(self._keys, self._key_ids, strict=True):
            # An id is one byte, so two keys may share one.
            own = self._mac(key, purpose, body)
            if key_id == packed[0] and hmac.compare_digest(mac, own):
                return int.from_bytes(body, "big")
        raise TokenError("this link is not one of ours, or is not for this page")

    def _mac(self, key: bytes, purpose: SignedPurpose, body: bytes) -> bytes:
        state = self._macs[key, purpose].copy()
        state.update(body)
        return state.digest()[:_MAC_BYTES]


def one_use_token(random_bytes: bytes) -> str:
    """Return the text of a one-use token.

    Raises:
        ValueError: If there are not exactly 32 random bytes.
    """
    if len(random_bytes) != ONE_USE_BYTES:
        raise ValueError("a one-use token needs 32 random bytes")
    return _encode(random_bytes)


def one_use_digest(token: str) -> str:
    """Return what the store keeps of a one-use token: its SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _key_id(key: bytes) -> int:
    return hashlib.sha256(b"key id\0" + key).digest()[0]


def _domain(purpose: SignedPurpose) -> bytes:
    return b"token\0" + purpose.value.encode() + b"\0"


def _slot_macs(key: bytes, body: bytes, group: int) -> bytes:
    stream = hashlib.shake_256(key + body + group.to_bytes(_SLOT_BYTES, "big"))
    return stream.digest(_SLOT_MAC_BYTES * _SLOTS_PER_GROUP)


def _encode(packed: bytes) -> str:
    return urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def _decode(token: str) -> bytes:
    if len(token) > _MAX_LENGTH or not _ALPHABET.fullmatch(token):
        raise TokenError("this link is not complete")
    try:
        packed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as exc:
        raise TokenError("this link is not complete") from exc
    if _encode(packed) != token:  # unused bits set: a second spelling of the same bytes
        raise TokenError("this link is not complete")
    return packed
