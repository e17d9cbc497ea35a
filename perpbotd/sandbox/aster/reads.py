"""Answers to a verified caller: agents, builders, account, balance, deposit history."""

from __future__ import annotations

from decimal import Decimal

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from .accounts import Account, Agent
from .state import State

_ZERO = "0.00000000"
_MARGINS = (
    "totalInitialMargin",
    "totalMaintMargin",
    "totalUnrealizedProfit",
    "totalPositionInitialMargin",
    "totalOpenOrderInitialMargin",
    "totalCrossUnPnl",
)
_BALANCES = ("totalWalletBalance", "totalMarginBalance", "totalCrossWalletBalance", "availableBalance")


def agents(state: State, account: Account) -> object:
    """GET /fapi/v3/agent: every agent of the account, and no wallet (aster.md §5.2, §5.3)."""
    return [_agent_row(state, agent) for agent in account.agents if state.visible(agent)]


def _agent_row(state: State, agent: Agent) -> dict[str, object]:
    row: dict[str, object] = {
        "agentAddress": to_checksum_address(agent.address),
        "agentName": agent.name,
        "ipWhitelist": state.quirks.whitelist_separator.join(agent.ip_whitelist),
        "expired": agent.expired,
        "source": agent.source,
        "canRead": agent.can_read,
        "canSpotTrade": agent.can_spot_trade,
        "canPerpTrade": agent.can_perp_trade,
    }
    if not state.quirks.row_without_can_withdraw:
        row["canWithdraw"] = agent.can_withdraw
    return row | dict.fromkeys(state.quirks.extra_permissions, True)


def builders(account: Account) -> object:
    """GET /fapi/v3/builder: the rows name the account's wallet; empty when none was approved (§5.4 c)."""
    return [
        {
            "userAddress": to_checksum_address(account.wallet),
            "builderAddress": to_checksum_address(builder.address),
            "maxFeeRate": float(builder.max_fee_rate),
            "builderName": builder.name,
        }
        for builder in account.builders
    ]


def account_body(account: Account | None) -> object:
    """The account: its deposits are its balance; all zero for None.

    The three flags are the account's, always true: they say nothing of a key (aster.md §2).
    """
    held = holdings(account)
    total = _amount(held.get("USDT", Decimal(0)))
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        **dict.fromkeys(_MARGINS, _ZERO),
        **dict.fromkeys(_BALANCES, total),
        "maxWithdrawAmount": total,
        "assets": [
            {
                "asset": asset,
                "walletBalance": _amount(amount),
                "unrealizedProfit": _ZERO,
                "marginBalance": _amount(amount),
                "availableBalance": _amount(amount),
                "maxWithdrawAmount": _amount(amount),
                "marginAvailable": True,
                "updateTime": 0,
            }
            for asset, amount in held.items()
        ],
        "positions": [],
    }


def balance_body(account: Account | None) -> object:
    """The balances; `accountAlias` is a stable code of the account (aster.md §4.2)."""
    alias = keccak(text=account.wallet).hex()[:8] if account else "0"
    return [
        {
            "accountAlias": alias,
            "asset": asset,
            "balance": _amount(amount),
            "crossWalletBalance": _amount(amount),
            "crossUnPnl": _ZERO,
            "availableBalance": _amount(amount),
            "maxWithdrawAmount": _amount(amount),
            "marginAvailable": True,
            "updateTime": 0,
        }
        for asset, amount in holdings(account).items()
    ]


def deposit_history(account: Account) -> object:
    """POST …/aster/deposit-withdraw-history: deposits with their transaction's hash and chain (§4.3)."""
    return [
        {
            "id": deposit.ident,
            "type": "DEPOSIT",
            "asset": deposit.asset,
            "amount": deposit.amount,
            "state": "SUCCESS",
            "txHash": deposit.tx_hash,
            "time": deposit.time,
            "chainId": deposit.chain_id,
            "accountType": deposit.account_type,
        }
        for deposit in account.deposits
    ]


def spot_account_body() -> object:
    """GET /api/v1|v3/account of the spot host, where nobody here holds anything."""
    return {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "updateTime": 0, "balances": []}


def holdings(account: Account | None) -> dict[str, Decimal]:
    """What was deposited, by asset; always some USDT, if none."""
    held = {"USDT": Decimal(0)}
    for deposit in account.deposits if account else ():
        held[deposit.asset] = held.get(deposit.asset, Decimal(0)) + Decimal(deposit.amount)
    return held


def _amount(value: Decimal) -> str:
    return f"{value:.8f}"
