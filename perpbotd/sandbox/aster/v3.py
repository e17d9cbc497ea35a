"""Who signed a V3 request, and whether it may come in (aster.md §5)."""

from __future__ import annotations

from .accounts import Account, Agent
from .addresses import lets_in
from .form import Form
from .refusals import BAD_V3_SIGNATURE, NO_ACCOUNT, NO_AGENT, NONCE_EXPIRED, NOT_PERMITTED, Refused
from .signing import message_struct, recover
from .state import Caller, State

NEVER_MS = 2**53


def authenticate_v3(state: State, form: Form, source_ip: str) -> Caller:
    """The caller of a request signed by an agent; raises Refused.

    Unknown agents are told so before their signature is looked at, and the nonce is spent last, so that a
    refused request burns nobody's nonce.
    """
    signer = form.need("signer").lower()
    nonce_us = form.need_int("nonce")
    signature = form.need("signature")
    account, agent = _agent(state, signer)
    if recover(message_struct(form.unsigned(), state.chain_id), signature) != signer:
        raise Refused(BAD_V3_SIGNATURE)
    if not lets_in(agent.ip_whitelist, source_ip):
        raise Refused(state.quirks.wrong_ip)
    _check_user(state, form.get("user"), account)
    if not state.nonces.admit(signer, nonce_us, state.clock_us()):
        raise Refused(NONCE_EXPIRED)
    if not agent.can_read:
        raise Refused(NOT_PERMITTED)
    return Caller(account, agent)


def _agent(state: State, signer: str) -> tuple[Account, Agent]:
    account = state.accounts.owner_of_agent(signer) or state.accounts.get(signer)
    agent = None if account is None else account.agent(signer) or _itself(account, signer)
    if account is None or agent is None or not state.visible(agent):
        raise Refused(NO_AGENT)
    return account, agent


def _itself(account: Account, signer: str) -> Agent | None:
    """A wallet that signs for itself, as ccxt does with the key of the account: it may do everything, from anywhere."""
    if signer != account.wallet:
        return None
    return Agent(
        address=account.wallet,
        name="",
        ip_whitelist=(),
        expired=NEVER_MS,
        can_spot_trade=True,
        can_perp_trade=True,
        can_withdraw=True,
        source="WALLET",
        approved_at_us=0,
    )


def _check_user(state: State, user: str | None, account: Account) -> None:
    if not user or state.quirks.user_ignored or user.lower() == account.wallet:
        return
    raise Refused(NO_ACCOUNT if state.accounts.get(user) is None else state.quirks.wrong_user)
