"""What was pasted is in no file of the store, and what was forgotten is in none any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from perpbotd.adapters.deposit_addresses import XpubAddresses
from perpbotd.adapters.keyring import read_key_file
from perpbotd.adapters.store_files import Environment
from perpbotd.domain.types import UserId
from perpbotd.errors import StoreFull
from perpbotd.messages import Append, Commit, Drop, Expect, Put, Shred, Table
from perpbotd.rows import address_key
from perpbotd.secret import Secret
from tests.canary import forms, leaks
from tests.store_world import FIRST_ADDRESS, StorePlace, account_xpub, new_store

ANN = UserId(11)
CANARY = bytes.fromhex("c0ffee" * 10 + "a55e")
WALLET = address_key(FIRST_ADDRESS)


def _lived_in(directory: Path) -> StorePlace:
    place = new_store(directory)
    store = place.open()
    paste = Secret.from_text(f"API Secret: {CANARY.hex()}")
    store.apply(
        [
            Commit(
                ops=(
                    Append(table=Table.INBOX, row=paste, dedupe=CANARY, owner=ANN),
                    Put(table=Table.CREDENTIALS, key=CANARY, row=Secret(CANARY), owner=ANN),
                    Put(table=Table.WALLETS, key=WALLET, row=Secret(CANARY)),
                )
            ),
            Commit(ops=(Put(table=Table.LINKS, key=b"a", row=Secret(CANARY)),)),
            Commit(ops=(), expects=(Expect(table=Table.LINKS, key=b"a", row=Secret(CANARY)),)),
            Commit(ops=(Drop(table=Table.LINKS, key=b"a"),)),
        ]
    )
    store.close()
    return place


def test_no_file_of_the_store_shows_a_secret_or_whose_it_is(tmp_path: Path) -> None:
    place = _lived_in(tmp_path)
    written = place.everything()
    assert leaks(written, CANARY) == []
    assert leaks(written, WALLET) == []
    assert leaks(written, account_xpub().reveal()) == []
    assert leaks(written, XpubAddresses(account_xpub()).derive(0).address[2:].encode()) == []
    assert leaks(written, read_key_file(place.key_file).reveal()) == []


@pytest.mark.parametrize("form", list(forms(CANARY)))
def test_the_search_finds_what_is_planted(tmp_path: Path, form: str) -> None:
    place = new_store(tmp_path)
    with place.tables() as files, files.begin(write=True) as txn:
        txn.put(b"planted", b"something before it " + forms(CANARY)[form] + b" and behind it")
    assert form in leaks(place.everything(), CANARY)


def test_a_forgotten_users_key_is_in_no_page_of_any_file(tmp_path: Path) -> None:
    place = _lived_in(tmp_path)
    with place.tables("users") as files, files.begin() as txn:
        (wrapped,) = (value for _, value in txn.cursor(files.open_db(b"keys", txn=txn, create=False)))
    assert wrapped in place.everything()
    store = place.open()
    store.apply([Commit(ops=(Shred(owner=ANN),))])
    store.close()
    assert wrapped not in place.everything()
    assert leaks(place.everything(), wrapped[-48:]) == []
    store = place.open()
    assert store.get(Table.CREDENTIALS, CANARY) is None
    assert store.get(Table.WALLETS, WALLET) == Secret(CANARY)
    store.close()


@pytest.mark.parametrize("step", ["full disk", "killed before", "killed after"])
def test_a_forgotten_users_key_goes_from_the_pages_at_the_next_start_where_this_life_could_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place = _lived_in(tmp_path)
    with place.tables("users") as files, files.begin() as txn:
        (wrapped,) = (value for _, value in txn.cursor(files.open_db(b"keys", txn=txn, create=False)))
    copy = Environment.copy_compact

    def fails(files: Environment, into: Path) -> None:
        if step == "killed after":
            copy(files, into)
        raise StoreFull("no room") if step == "full disk" else KeyboardInterrupt

    store = place.open()
    with monkeypatch.context() as patched, pytest.raises((StoreFull, KeyboardInterrupt)):
        patched.setattr(Environment, "copy_compact", fails)
        store.apply([Commit(ops=(Shred(owner=ANN),))])
    store.close()
    assert leaks(place.everything(), wrapped[-48:]) != []
    place.open().close()
    assert leaks(place.everything(), wrapped[-48:]) == []
    store = place.open()
    assert store.get(Table.WALLETS, WALLET) == Secret(CANARY)
    store.close()
