"""`perpbotd sandbox --tour` as a newcomer runs it: the published guide in its order, exit 0 only where it worked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache

import pytest

from perpbotd.cli import CONFIG_ERROR, main
from perpbotd.sandbox.command import TourFailed, conclude
from perpbotd.sandbox.guide import APPLYING, Detour, Outcome
from tests.guide import GUIDE_QUOTES, in_order

MARGIN = re.compile(r"^.{5} │ ", re.MULTILINE)
WITHDRAW_ON = (
    *GUIDE_QUOTES[:-1],
    "On Aster open Edit API, tick only Read and Futures (Perps); leave Spot and Withdraw unticked.",
    "❌ Withdraw is on: untick it",
    "[ Check again ]",
    "untick Withdraw",
    "you │ [ Check again ]",
    "🎉 Linked!",
    "✅ Withdraw is off",
)
EXCHANGE_PAYER = (
    *GUIDE_QUOTES[:3],
    "you withdraw 0.0001 BNB from an exchange to the address",
    "Your BNB arrived, but from an exchange or contract, so we can't tell which wallet is yours. "
    "Send once more from the wallet connected on Aster",
    "you send 0.0001 BNB to the address from your wallet",
    *GUIDE_QUOTES[4:],
    "🎉 Linked!",
)
FOREIGN_AGENT = (
    *GUIDE_QUOTES[:5],
    "‹your friend's API Key›",
    "‹your friend's API Secret›",
    "❌ This key can't be linked. Your wallet stays verified.",
    "❌ It belongs to 0x",
    "; you verified 0x",
    "Send another API Key when it is ready.",
    "‹your API Key›",
    "🎉 Linked!",
    "✅ It belongs to your verified wallet",
)
WRONG_IP = (
    *GUIDE_QUOTES[:5],
    "no IP restriction",
    "❌ IP list: it is empty, so the key works from anywhere. Enter 95.111.247.158",
    "restrict it to IP 203.0.113.9",
    "❌ Aster refused this key from our address: its IP list must be exactly 95.111.247.158",
    "restrict it to IP 95.111.247.158 203.0.113.9",
    "❌ IP list: remove 203.0.113.9, so that only 95.111.247.158 is left",
    "leave 95.111.247.158 only",
    "[ Check again ]",
    "🎉 Linked!",
    "✅ It works from 95.111.247.158 only",
)
GOOD = Outcome(linked=True, proven=len(APPLYING), rules=len(APPLYING), left_over=0)


@cache
def ended(name: str) -> tuple[int, str, str]:
    """A tour as a newcomer starts it: its exit code, what it printed and what it complained of."""
    command = [sys.executable, "-m", "perpbotd.cli", "sandbox", f"--tour={name}"]
    # Whoever runs this may have a narrower terminal.
    wide = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, env=wide)
    return done.returncode, done.stdout, done.stderr


def told(printed: str) -> str:
    """The transcript as one reads it: without its margin, a wrapped line as one."""
    return re.sub(r"(?<=\S)\n(?=\S)", " ", MARGIN.sub("", printed))


def seconds(printed: str) -> float:
    found = re.search(r"nothing pasted is left, ([\d.]+) s in all", printed)
    assert found is not None
    return float(found[1])


def test_the_tour_plays_the_published_guide_in_its_order_and_ends_linked() -> None:
    code, printed, complaints = ended("guide")
    assert (code, complaints) == (0, "")
    assert in_order(GUIDE_QUOTES, [printed]) == []
    assert in_order(["❌ Futures (Perps) is off: tick it", "you │ [ Check again ]", "🎉 Linked!"], [printed]) == []
    assert in_order(["you │ ‹your API Secret›", "× your message ‹your API Secret› disappears"], [printed]) == []
    assert f"Linked: {len(APPLYING)} of {len(APPLYING)} rules proven, nothing pasted is left" in printed
    assert seconds(printed) < 30


def test_the_tour_with_withdraw_on_says_so_and_ends_linked_by_check_again() -> None:
    code, printed, complaints = ended("withdraw-on")
    assert (code, complaints) == (0, "")
    assert in_order(WITHDRAW_ON, [told(printed), printed]) == []
    assert seconds(printed) < 30


def test_the_tour_with_a_payment_from_an_exchange_says_so_and_ends_linked_by_the_wallets_own() -> None:
    code, printed, complaints = ended("exchange-payer")
    assert (code, complaints) == (0, "")
    assert in_order(EXCHANGE_PAYER, [told(printed)]) == []
    assert seconds(printed) < 30


def test_the_tour_with_a_friends_key_names_whose_it_is_and_ends_linked_by_ones_own() -> None:
    code, printed, complaints = ended("foreign-agent")
    assert (code, complaints) == (0, "")
    assert in_order(FOREIGN_AGENT, [told(printed)]) == []
    assert seconds(printed) < 30


def test_the_tour_with_wrong_ip_lists_shows_each_and_ends_linked_by_edit_api() -> None:
    code, printed, complaints = ended("wrong-ip")
    assert (code, complaints) == (0, "")
    assert in_order(WRONG_IP, [told(printed)]) == []
    assert printed.count("you │ ‹your API Secret›") == 1, "nothing is pasted twice"
    assert seconds(printed) < 30


def test_a_transcript_that_lacks_a_sentence_or_has_it_too_early_is_noticed() -> None:
    _, printed, _ = ended("guide")
    verified = "✅ Wallet verified! Now send your Aster API Key."
    assert in_order(GUIDE_QUOTES, [printed.replace(verified, "Verified.")]) == [verified]
    assert in_order(GUIDE_QUOTES, [verified, printed.replace(verified, "Verified.")]) == [verified]


def test_a_tour_that_does_not_exist_is_one_line_and_exit_78(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "--tour=nowhere"]) == CONFIG_ERROR
    assert capsys.readouterr() == ("", f"perpbotd: there is no tour nowhere; there are: {', '.join(Detour)}\n")


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        Outcome(linked=False, proven=len(APPLYING), rules=len(APPLYING), left_over=0),
        Outcome(linked=True, proven=len(APPLYING) - 1, rules=len(APPLYING), left_over=0),
        Outcome(linked=True, proven=len(APPLYING), rules=len(APPLYING), left_over=1),
    ],
)
def test_a_tour_that_ends_otherwise_than_linked_proven_and_clean_has_failed(outcome: Outcome | None) -> None:
    conclude(GOOD, 1.0)
    with pytest.raises(TourFailed):
        conclude(outcome, 1.0)
