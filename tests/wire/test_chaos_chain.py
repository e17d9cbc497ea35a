"""A short chaos run on anvil (see also `tests.chaos.chain`), and its judges: red where anything is not as it was."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import tests.chaos
from tests.chaos.chain_books import read_books, verdict
from tests.chaos.chain_run import ChainRun, Plan
from tests.chaos.chain_told import Manner, Telling, Wanted, by_exchanges, to_be_told, told
from tests.chaos.chain_truth import ASKED_WEI, DUST_WEI, Payment, Truth

SHORT = Plan(
    seed=3,
    deposits=40,
    reorgs=4,
    restarts=2,
    users=10,
    cohorts=1,
    lasts=4.0,
    up=0.5,
    block=0.1,
    contracts=False,
    patience=120.0,
)
ADDRESS, OTHER = "0x" + "a" * 40, "0x" + "b" * 40
WALLET, HOT = "0x" + "1" * 40, "0x" + "2" * 40


async def test_a_chaos_run_loses_invents_and_doubles_nothing_and_its_judge_would_say_so(tmp_path: Path) -> None:
    run = ChainRun(tmp_path / "daemon", SHORT)
    truth = await run.play()
    books = read_books(run.directory)
    found = verdict(truth, books, run.customers)
    assert found.good, found.why
    assert (run.exit_code, run.reorgs, run.restarts) == (0, 4, 2)
    assert len(truth.payments) >= 40
    assert run.replaced
    assert run.faults

    # One that moved its value: of a failed one nothing could be counted twice.
    one = next(deposit for deposit in books.deposits if deposit[0].moved)
    others = [deposit for deposit in books.deposits if deposit is not one]
    payment, user = one
    key = (payment.to, payment.sender)
    wei, count = books.sums[key]
    more = {**books.sums, key: (wei + payment.wei, count + 1)}
    unseen = (payment._replace(tx="0x" + "0" * 64), user)
    wrong = {
        "lost": books._replace(deposits=others),
        "phantom": books._replace(deposits=[*books.deposits, unseen]),
        "doubled": books._replace(sums=more),
        "untold": books._replace(left={"inbox": 1}),
    }
    for name, changed in wrong.items():
        sums = {"lost": 0, "phantom": 0, "doubled": 0, "untold": 0, "told_twice": 0} | {name: 1}
        assert verdict(truth, changed, run.customers)[:5] == tuple(sums.values()), name
    assert verdict(truth, books._replace(deposits=[(payment._replace(wei=1), user), *others]), run.customers)[:2] == (
        1,
        1,
    )
    assert verdict(truth, books._replace(elsewhere={payment.to: 1}), run.customers).phantom == 1
    assert not verdict(truth._replace(payments=truth.payments[:-1]), books, run.customers).good


def paid(wei: int, number: int = 1, *, sender: str = WALLET, to: str = ADDRESS, moved: bool = True) -> Payment:
    return Payment(f"0x{number:064x}", sender, to, wei, number, f"0x{number:064x}", moved)


def test_each_payment_is_to_be_told_once_by_what_it_is_worth() -> None:
    payments = [
        paid(DUST_WEI - 1, 1, sender=OTHER),
        paid(ASKED_WEI // 2, 2),
        paid(ASKED_WEI, 3, moved=False),
        paid(ASKED_WEI, 4, sender=HOT),
        paid(ASKED_WEI // 2, 5),
        paid(DUST_WEI, 6),
        paid(ASKED_WEI, 7, sender=HOT),
    ]
    exchanges = by_exchanges(payments, [HOT])
    assert exchanges == {payments[3].tx, payments[6].tx}
    assert to_be_told(Manner.WAITS, payments, exchanges) == Counter(
        [
            Telling("failed", WALLET),
            Telling("unproven", amount="0.0001"),
            Telling("verified", WALLET),
            Telling("more", WALLET, "0.000001"),
            Telling("more", HOT, "0.0001"),
        ]
    )
    late = to_be_told(Manner.CANCELLED, payments[4:], exchanges)
    assert late == Counter(
        [
            Telling("late", WALLET, "0.00005"),
            Telling("late", WALLET, "0.000001"),
            Telling("unproven", amount="0.0001"),
        ]
    )


def test_who_pays_for_three_is_an_exchange_from_then_on() -> None:
    places = [ADDRESS, OTHER, ADDRESS, WALLET, ADDRESS]
    payments = [paid(ASKED_WEI, number, sender=HOT, to=to) for number, to in enumerate(places)]
    assert by_exchanges(payments, []) == {payment.tx for payment in payments[3:]}


def test_a_telling_that_is_missing_or_comes_again_is_found() -> None:
    twice = Telling("more", WALLET, "0.0001")
    lump = Telling("unproven", amount="0.0002")
    wanted = Wanted(Counter([twice]), elsewhere=3 * ASKED_WEI)
    enough = Counter([twice, lump, Telling("unproven", amount="0.0001")])
    assert (wanted.untold(enough), wanted.besides(enough)) == ([], [])
    assert len(wanted.untold(Counter([lump]))) == 2
    assert len(wanted.besides(enough + Counter([twice, lump]))) == 2


@pytest.mark.parametrize(
    ("text", "telling"),
    [
        (f"✅ Wallet verified! Now send your Aster API Key.\n\nWallet: {WALLET}\n\nCopy", Telling("verified", WALLET)),
        (f"🪙 Another 0.5 BNB arrived from {WALLET}. It is noted", Telling("more", WALLET, "0.5")),
        (f"🪙 Your 0.5 BNB from {WALLET} arrived. Found it", Telling("late", WALLET, "0.5")),
        (f"🪙 0.5 BNB arrived from {WALLET} at an address of yours.", Telling("late", WALLET, "0.5")),
        (f"⚠️ Your transaction from {WALLET} is in a block but failed there", Telling("failed", WALLET)),
        ("🪙 0.5 BNB arrived from an exchange or contract at an address", Telling("unproven", amount="0.5")),
    ],
)
def test_what_a_screen_says_of_a_payment_is_read(text: str, telling: Telling) -> None:
    assert told([text, "👀 Seen in block 7, confirming."]) == Counter([telling])


def test_a_sum_counts_what_moved() -> None:
    truth = Truth(9, (paid(1, 1), paid(2, 2), paid(4, 3, moved=False)), {})
    assert truth.sums() == {(ADDRESS, WALLET): (3, 2)}


@pytest.mark.parametrize("module", ["chain_truth", "chain_told"])
def test_what_happened_and_what_was_to_be_said_is_judged_without_the_daemons_code(module: str) -> None:
    (place,) = tests.chaos.__path__
    tree = ast.parse((Path(place) / f"{module}.py").read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert names
    assert not [name for name in names if name.startswith("perpbotd")]
    assert {name for name in names if name.startswith("tests")} <= {"tests.chaos.chain_truth"}
