"""The daemon's own copy of BIP-39's words, and why it has one."""

from __future__ import annotations

import subprocess
import sys

from eth_account.hdaccount.mnemonic import get_wordlist

from perpbotd.domain import bip39

LOADED = "import sys, {modules}; print(sys.getrecursionlimit(), 'py_ecc' in sys.modules, 'eth_account' in sys.modules)"


def _after_importing(modules: str) -> str:
    program = LOADED.format(modules=modules)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_the_words_are_those_that_wallets_use() -> None:
    assert frozenset(get_wordlist("english")) == bip39.WORDS
    assert len(bip39.WORDS) == 2048


def test_nothing_of_the_daemon_raises_the_recursion_limit() -> None:
    assert _after_importing("perpbotd.run, perpbotd.outfit") == "1000 False False"


def test_the_check_sees_the_library_that_does() -> None:
    assert _after_importing("eth_account") == "100000 True True"
