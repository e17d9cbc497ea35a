"""Wallets that really sign: for tests, the tour and the side commands."""

from __future__ import annotations

from typing import Any, cast

from eth_account import Account as EthAccount
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from perpbotd.domain.types import Address, Hash

from .chain import Chain
from .execution import TRANSFER_GAS
from .transactions import address


class Wallet:
    """An externally owned account of the local world, reproducible from a seed text."""

    def __init__(self, account: LocalAccount) -> None:
        self.account = account
        self.checksum_address = str(account.address)
        self.address: Address = address(self.checksum_address)

    @classmethod
    def create(cls, seed: str) -> Wallet:
        """The wallet of a seed; the same text gives the same wallet."""
        return cls(cast("LocalAccount", EthAccount.from_key(keccak(text=f"perpbotd sandbox wallet {seed}"))))

    def sign(
        self,
        to: str,
        value_wei: int,
        *,
        nonce: int,
        chain_id: int = 56,
        gas: int | None = None,
        gas_price: int = 50_000_000,
        data: bytes = b"",
        kind: int = 0,
    ) -> bytes:
        """A raw signed transaction; `kind` 0 legacy, 1 EIP-2930, 2 EIP-1559; `gas` defaults to enough."""
        fields: dict[str, Any] = {
            "to": to_checksum_address(to),
            "value": value_wei,
            "gas": TRANSFER_GAS + (200_000 + 40 * len(data) if data else 0) if gas is None else gas,
            "nonce": nonce,
            "chainId": chain_id,
            "data": data,
        }
        if kind == 2:
            fields |= {"maxFeePerGas": gas_price, "maxPriorityFeePerGas": gas_price}
        else:
            fields["gasPrice"] = gas_price
        if kind == 1:
            fields |= {"type": 1, "accessList": []}
        signed: Any = self.account.sign_transaction(fields)  # pyright: ignore[reportUnknownMemberType]
        return bytes(signed.raw_transaction)

    def transfer(
        self,
        chain: Chain,
        to: str,
        value_wei: int,
        *,
        data: bytes = b"",
        gas: int | None = None,
        kind: int = 0,
    ) -> Hash:
        """Sign with the next nonce and submit; returns the transaction hash, raises Rejected.

        A call of a contract (it has code) gets gas for its payments unless `gas` is given.
        """
        enough = 500_000 + 1_000 * len(data) if gas is None and chain.account(to).code else gas
        raw = self.sign(
            to,
            value_wei,
            nonce=chain.next_nonce(self.address),
            chain_id=chain.chain_id,
            gas=enough,
            gas_price=chain.gas_price,
            data=data,
            kind=kind,
        )
        return chain.submit(raw)
