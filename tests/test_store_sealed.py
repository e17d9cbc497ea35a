"""The seal of one row and the slots of the master key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from perpbotd.adapters.keyring import key_id, new_key, open_slots, wrap_slot
from perpbotd.adapters.sealed import BLOCK, OVERHEAD, Alg, Header, Place, header_of, seal, unseal
from perpbotd.errors import ConfigError, StoreDamaged
from perpbotd.secret import Secret

CIPHER = AESGCM(bytes(32))
HEADER = Header(alg=Alg.EPOCH, number=3, seal=2**40)
PLACE = Place(store=b"s" * 16, table="links", key=b"k")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=300))
def test_a_sealed_row_opens_to_its_key_and_content(key: bytes, row: bytes) -> None:
    value = seal(CIPHER, HEADER, PLACE, key, Secret(row))
    assert unseal(CIPHER, value, PLACE) == (key, Secret(row))
    assert header_of(value, PLACE) == HEADER
    assert OVERHEAD == 42
    assert (len(value) - OVERHEAD) % BLOCK == 0


def test_the_same_row_is_never_sealed_alike() -> None:
    assert len({seal(CIPHER, HEADER, PLACE, b"k", Secret(b"row")) for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "place",
    [
        Place(store=b"t" * 16, table="links", key=b"k"),
        Place(store=b"s" * 16, table="link", key=b"sk"),
        Place(store=b"s" * 16, table="links", key=b"j"),
    ],
)
def test_a_row_of_another_place_does_not_open(place: Place) -> None:
    with pytest.raises(StoreDamaged):
        unseal(CIPHER, seal(CIPHER, HEADER, PLACE, b"k", Secret(b"row")), place)


def test_no_flipped_bit_goes_unseen() -> None:
    value = seal(CIPHER, HEADER, PLACE, b"k", Secret(b"row"))
    for position in range(len(value)):
        flipped = bytearray(value)
        flipped[position] ^= 1 << position % 8
        with pytest.raises(StoreDamaged):
            unseal(CIPHER, bytes(flipped), PLACE)


@pytest.mark.parametrize("length", [0, 1, 41, 42, 43, 105])
def test_a_row_that_was_cut_does_not_open(length: int) -> None:
    value = seal(CIPHER, HEADER, PLACE, b"k", Secret(b"row"))[:length]
    with pytest.raises(StoreDamaged):
        header_of(value, PLACE)
        unseal(CIPHER, value, PLACE)


def test_a_slot_gives_the_master_key_to_its_own_key_only() -> None:
    outer, other, master = new_key(), new_key(), new_key()
    slots = {1: wrap_slot(b"s" * 16, 1, other, master), 2: wrap_slot(b"s" * 16, 2, outer, master)}
    assert open_slots(b"s" * 16, slots, outer) == master
    stranger = new_key()
    with pytest.raises(ConfigError) as refused:
        open_slots(b"s" * 16, slots, stranger)
    for key in (outer, other, stranger):
        assert key_id(key).hex() in str(refused.value)
        assert key.reveal().hex() not in str(refused.value)


def test_a_broken_slot_is_damage_and_never_a_wrong_key() -> None:
    outer = new_key()
    slot = wrap_slot(b"s" * 16, 1, outer, new_key())
    for position in range(len(slot)):
        flipped = bytearray(slot)
        flipped[position] ^= 1
        with pytest.raises(StoreDamaged):
            open_slots(b"s" * 16, {1: bytes(flipped)}, outer)
    for slots in ({}, {1: slot[:-1]}, {2: slot}):
        with pytest.raises(StoreDamaged):
            open_slots(b"s" * 16, slots, outer)
    with pytest.raises(StoreDamaged):
        open_slots(b"t" * 16, {1: slot}, outer)
