"""`init` makes a store once, whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from perpbotd.adapters import store_create
from perpbotd.adapters.lmdb_store import LmdbStore
from perpbotd.adapters.store_create import create_store
from perpbotd.adapters.store_meta import read_meta
from perpbotd.domain.types import Address, World
from perpbotd.domain.venue import Operator, Signer
from perpbotd.errors import ConfigError, StoreDamaged, StoreFailure
from perpbotd.messages import Commit, Drop, Table
from perpbotd.rows_meta import WORLD_KEY
from perpbotd.secret import Secret
from tests.store_world import FIRST_ADDRESS, StorePlace, account_xprv, account_xpub, new_store

WALLET, AGENT = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
OPERATOR = Operator(wallet=WALLET, signer=Signer(agent=AGENT, secret=Secret(b"\x07" * 32)))


def make(place: StorePlace, xpub: Secret | None = None) -> None:
    create_store(place.path, place.key_file, World.PRODUCTION, xpub or account_xpub())


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


@pytest.mark.parametrize("operators", [(), (OPERATOR,)])
def test_a_new_store_knows_what_it_was_made_for(tmp_path: Path, operators: tuple[Operator, ...]) -> None:
    place = StorePlace(tmp_path)
    xpub = Secret.from_text(f" {account_xpub().reveal_text()}\n")
    create_store(place.path, place.key_file, World.PRODUCTION, xpub, operators)
    store = place.open()
    meta = read_meta(store.get)
    assert meta.world is World.PRODUCTION
    assert meta.xpub.xpub == account_xpub()
    assert meta.xpub.first_address == FIRST_ADDRESS
    assert meta.operators == operators
    assert store.measure().rows[Table.META] == 2 + bool(operators)
    store.apply([Commit(ops=(Drop(table=Table.META, key=WORLD_KEY),))])
    with pytest.raises(StoreDamaged, match="WorldRow"):
        read_meta(store.get)
    store.close()


def test_nobody_else_can_read_any_of_it_whatever_the_umask_is(tmp_path: Path) -> None:
    place = StorePlace(tmp_path)
    before = os.umask(0)
    try:
        make(place)
    finally:
        os.umask(before)
    made = [place.key_file, place.path, *place.path.rglob("*")]
    assert len(made) == 8
    for entry in made:
        assert entry.stat().st_mode & 0o777 == (0o700 if entry.is_dir() else 0o600), entry
    assert place.key_file.stat().st_size == 32


def test_two_stores_share_nothing(tmp_path: Path) -> None:
    places = [StorePlace(tmp_path / name) for name in "ab"]
    for place in places:
        place.path.parent.mkdir()
        make(place)
    assert places[0].key_file.read_bytes() != places[1].key_file.read_bytes()
    shutil.copy(places[0].key_file, places[1].key_file)
    with pytest.raises(ConfigError, match="wrong key"):
        places[1].open()


def test_a_second_init_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    place = new_store(tmp_path)
    before, key = place.everything(), place.key_file.read_bytes()
    with pytest.raises(ConfigError, match="a store is there already"):
        make(place)
    assert place.everything() == before
    assert place.key_file.read_bytes() == key
    assert names(tmp_path) == ["key", "store"]


@pytest.mark.parametrize("left", ["data", "users"])
def test_half_a_store_is_refused(tmp_path: Path, left: str) -> None:
    place = StorePlace(tmp_path)
    (place.path / left).mkdir(parents=True)
    with pytest.raises(ConfigError, match="half a store"):
        make(place)
    assert names(tmp_path) == ["store"]


def test_what_an_init_that_was_cut_off_left_is_refused_by_name(tmp_path: Path) -> None:
    place = StorePlace(tmp_path)
    (tmp_path / "store.unfinished").mkdir()
    with pytest.raises(ConfigError, match=r"store\.unfinished: .* remove it"):
        make(place)
    (tmp_path / "store.unfinished").rmdir()
    make(place)
    place.open().close()


def test_a_directory_in_use_is_refused_and_an_empty_one_taken(tmp_path: Path) -> None:
    place = StorePlace(tmp_path)
    place.path.mkdir()
    (place.path / "something").touch()
    with pytest.raises(ConfigError, match="not empty"):
        make(place)
    (place.path / "something").unlink()
    make(place)
    place.open().close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for directory in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(ConfigError, match=f"{directory}"):
            make(StorePlace(directory))
    with pytest.raises(ConfigError, match="missing"):
        create_store(tmp_path / "missing" / "store", tmp_path / "key", World.LOCAL, account_xpub())


def test_a_key_file_that_is_there_is_used(tmp_path: Path) -> None:
    place = StorePlace(tmp_path)
    place.key_file.write_bytes(b"k" * 32)
    place.key_file.chmod(0o600)
    make(place)
    LmdbStore(place.path, Secret(b"k" * 32)).close()
    assert place.key_file.read_bytes() == b"k" * 32


def test_a_key_file_that_is_none_is_refused(tmp_path: Path) -> None:
    place = StorePlace(tmp_path)
    place.key_file.write_bytes(b"k" * 31)
    place.key_file.chmod(0o600)
    with pytest.raises(ConfigError, match="exactly 32 bytes"):
        make(place)
    assert names(tmp_path) == ["key"]
    with pytest.raises(ConfigError, match="must not lie in the store"):
        create_store(place.path, place.path / "key", World.LOCAL, account_xpub())


def test_a_key_that_can_spend_makes_nothing_and_is_not_quoted(tmp_path: Path) -> None:
    xprv = account_xprv()
    with pytest.raises(ConfigError, match="private extended key") as refused:
        make(StorePlace(tmp_path), xprv)
    assert xprv.reveal_text()[:12] not in str(refused.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("step", ["wrap_slot", "sync_directory"])
def test_an_init_that_fails_leaves_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    place = StorePlace(tmp_path)
    place.key_file.write_bytes(b"k" * 32)
    place.key_file.chmod(0o600)

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(store_create, step, fail)
        with pytest.raises(StoreFailure, match="Input/output"):
            make(place)
    assert names(tmp_path) == ["key"]
    make(place)
    place.open().close()


def test_an_init_that_is_cut_off_leaves_nothing_that_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = StorePlace(tmp_path)
    with monkeypatch.context() as cut:
        cut.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        cut.setattr(store_create.shutil, "rmtree", lambda *_, **__: None)  # a killed process clears nothing up
        with pytest.raises(KeyboardInterrupt):
            make(place)
    assert names(tmp_path) == ["key", "store.unfinished"]
    with pytest.raises(ConfigError, match="no store"):
        place.open()
