"""Public derivation, held to BIP-32's published vectors and to eth-account."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.hdaccount import seed_from_mnemonic
from eth_account.hdaccount.deterministic import HDPath

from perpbotd.adapters.deposit_addresses import HARDENED, ExtendedPublicKey, XpubAddresses
from perpbotd.domain.types import Address, DepositAddress
from perpbotd.errors import ConfigError, Invariant
from perpbotd.rows_meta import XpubRow
from perpbotd.secret import Secret
from tests.store_world import FIRST_ADDRESS, MNEMONIC, account_xprv, account_xpub

# BIP-32, Test vectors 1 and 2: each public parent with the number and the key of its public child.
CHILDREN = [
    (
        "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw",
        1,
        "xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ",
    ),
    (
        "xpub6D4BDPcP2GT577Vvch3R8wDkScZWzQzMMUm3PWbmWvVJrZwQY4VUNgqFJPMM3No2dFDFGTsxxpG5uJh7n7epu4trkrX7x7DogT5Uv6fcLW5",
        2,
        "xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAyiLjTAwm6ZLRQUMv1ZACTj37sR62cfN7fe5JnJ7dh8zL4fiyLHV",
    ),
    (
        "xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAyiLjTAwm6ZLRQUMv1ZACTj37sR62cfN7fe5JnJ7dh8zL4fiyLHV",
        1000000000,
        "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy",
    ),
    (
        "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB",
        0,
        "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH",
    ),
    (
        "xpub6ASAVgeehLbnwdqV6UKMHVzgqAG8Gr6riv3Fxxpj8ksbH9ebxaEyBLZ85ySDhKiLDBrQSARLq1uNRts8RuJiHjaDMBU4Zn9h8LZNnBC5y4a",
        1,
        "xpub6DF8uhdarytz3FWdA8TvFSvvAh8dP3283MY7p2V4SeE2wyWmG5mg5EwVvmdMVCQcoNJxGoWaU9DCWh89LojfZ537wTfunKau47EL2dhHKon",
    ),
    (
        "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL",
        2,
        "xpub6FnCn6nSzZAw5Tw7cgR9bi15UV96gLZhjDstkXXxvCLsUXBGXPdSnLFbdpq8p9HmGsApME5hQTZ3emM2rnY5agb9rXpVGyy3bdW6EEgAtqt",
    ),
]

# BIP-32, Test vector 5: keys that must be refused.
INVALID = [
    "xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6LBpB85b3D2yc8sfvZU521AAwdZafEz7mnzBBsz4wKY5fTtTQBm",
    "xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFGTQQD3dC4H2D5GBj7vWvSQaaBv5cxi9gafk7NF3pnBju6dwKvH",
    "xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6Txnt3siSujt9RCVYsx4qHZGc62TG4McvMGcAUjeuwZdduYEvFn",
    "xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFGpWnsj83BHtEy5Zt8CcDr1UiRXuWCmTQLxEK9vbz5gPstX92JQ",
    "xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6N8ZMMXctdiCjxTNq964yKkwrkBJJwpzZS4HS2fxvyYUA4q2Xe4",
    "xprv9s2SPatNQ9Vc6GTbVMFPFo7jsaZySyzk7L8n2uqKXJen3KUmvQNTuLh3fhZMBoG3G4ZW1N2kZuHEPY53qmbZzCHshoQnNf4GvELZfqTUrcv",
    "xpub661no6RGEX3uJkY4bNnPcw4URcQTrSibUZ4NqJEw5eBkv7ovTwgiT91XX27VbEXGENhYRCf7hyEbWrR3FewATdCEebj6znwMfQkhRYHRLpJ",
    "xpub661MyMwAuDcm6CRQ5N4qiHKrJ39Xe1R1NyfouMKTTWcguwVcfrZJaNvhpebzGerh7gucBvzEQWRugZDuDXjNDRmXzSZe4c7mnTK97pTvGS8",
    "DMwo58pR1QLEFihHiXPVykYB6fJmsTeHvyTp7hRThAtCX8CvYzgPcn8XnmdfHGMQzT7ayAmfo4z3gY5KfbrZWZ6St24UVf2Qgo6oujFktLHdHY4",
    "DMwo58pR1QLEFihHiXPVykYB6fJmsTeHvyTp7hRThAtCX8CvYzgPcn8XnmdfHPmHJiEDXkTiJTVV9rHEBUem2mwVbbNfvT2MTcAqj3nesx8uBf9",
    "xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6Q5JXayek4PRsn35jii4veMimro1xefsM58PgBMrvdYre8QyULY",
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHL",
]


@pytest.mark.parametrize(("parent", "number", "child"), CHILDREN)
def test_public_children_are_those_of_the_published_vectors(parent: str, number: int, child: str) -> None:
    derived = ExtendedPublicKey.parse(Secret.from_text(parent)).child(number)
    assert derived == ExtendedPublicKey.parse(Secret.from_text(child))


@pytest.mark.parametrize("text", INVALID)
def test_the_published_invalid_keys_are_refused(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ExtendedPublicKey.parse(Secret.from_text(text))
    assert text[4:20] not in str(refused.value)


def test_a_hardened_child_cannot_be_derived() -> None:
    parent = ExtendedPublicKey.parse(account_xpub())
    for number in (HARDENED, -1):
        with pytest.raises(Invariant):
            parent.child(number)


def test_addresses_are_those_of_eth_account() -> None:
    addresses = XpubAddresses(account_xpub())
    seed = seed_from_mnemonic(MNEMONIC, "")
    for index in (0, 1, 2, 255, 256, HARDENED - 1):
        key = HDPath(f"m/44'/60'/0'/0/{index}").derive(seed)
        wanted = Address(Account.from_key(key).address.lower())
        assert addresses.derive(index) == DepositAddress(index=index, address=wanted)
    assert addresses.derive(0).address == FIRST_ADDRESS


@pytest.mark.parametrize("version", ["0488ADE4", "04358394", "049D7878", "04B2430C"], ids=["x", "t", "y", "z"])
def test_a_private_key_is_refused_by_what_it_is_and_never_quoted(version: str) -> None:
    xprv = account_xprv(version=bytes.fromhex(version))
    assert xprv.reveal_text()[1:4] == "prv"
    for given in (xprv, Secret.from_text(f"  {xprv.reveal_text()[:-9]}\n")):
        with pytest.raises(ConfigError, match="private extended key") as refused:
            XpubAddresses(given)
        assert xprv.reveal_text()[4:20] not in str(refused.value)


def test_an_xpub_of_another_level_is_refused() -> None:
    XpubAddresses(account_xpub(number=HARDENED + 7))
    for xpub in (account_xpub(depth=2), account_xpub(depth=4), account_xpub(number=0)):
        with pytest.raises(ConfigError, match="44'/60'/0'"):
            XpubAddresses(xpub)


@pytest.mark.parametrize(
    "garbage", [b"", b"xpub", b"\xff\xfe", b"0x" + b"ab" * 32, b"1" * 111, b"z" * 200, "xpub…".encode()]
)
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(ConfigError):
        XpubAddresses(Secret(garbage))


def test_a_mistyped_xpub_is_refused() -> None:
    text = account_xpub().reveal_text()
    for position in range(4, len(text), 9):
        other = "2" if text[position] != "2" else "3"
        with pytest.raises(ConfigError):
            XpubAddresses(Secret.from_text(text[:position] + other + text[position + 1 :]))


def test_another_first_address_than_at_init_stops_the_daemon() -> None:
    row = XpubRow(xpub=account_xpub(), first_address=FIRST_ADDRESS)
    assert XpubAddresses.of_store(row).derive(0).address == FIRST_ADDRESS
    with pytest.raises(ConfigError, match="first address"):
        XpubAddresses.of_store(XpubRow(xpub=account_xpub(), first_address=Address("0x" + "00" * 20)))
