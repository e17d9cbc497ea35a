"""What the main wallet signs: agents and builders approved, changed and withdrawn (aster.md §5.5)."""

from __future__ import annotations

import re

import msgspec

from perpbotd.domain.types import Address

from .accounts import Account, Agent, Builder
from .addresses import split_whitelist
from .form import WHOLE_NUMBER, Form
from .refusals import (
    BAD_V3_SIGNATURE,
    NO_ACCOUNT,
    NO_AGENT,
    NONCE_EXPIRED,
    Refused,
    bad_parameter,
    missing_parameter,
)
from .signing import Field, message_struct, recover, typed_struct
from .state import WALLET_CHAIN_ID, State

ASTER_CHAIN = "Mainnet"
SUCCESS = {"code": 200, "msg": "success"}
_BOOL_FIELDS = {"CanSpotTrade", "CanPerpTrade", "CanWithdraw"}
_INT_FIELDS = {"Expired", "Nonce"}
_REGISTERED = (
    "user",
    "nonce",
    "agentName",
    "agentAddress",
    "expired",
    "signatureChainId",
    "canSpotTrade",
    "canPerpTrade",
    "canWithdraw",
    "ipWhitelist",
)


def approve_agent(state: State, form: Form) -> object:
    """POST /fapi/v3/approveAgent; a `builder` sent with it makes the agent's source `builder`."""
    account = _managed(state, form, "ApproveAgent")
    builder = form.get("builder")
    account = account.with_agent(_new_agent(state, form, account, source="builder" if builder else "API"))
    state.accounts.put(account.with_builder(_builder(form)) if builder else account)
    return SUCCESS


def register_and_approve_agent(state: State, form: Form) -> object:
    """POST /fapi/v3/registerAndApproveAgent; `agentCode`, the referral code, is not signed."""
    signed = registration_message(form)
    chain_id = form.need_int("signatureChainId")
    user = form.need("user").lower()
    signer = recover(message_struct(signed, chain_id), form.need("signature"))
    if chain_id != WALLET_CHAIN_ID or signer != user:
        raise Refused(BAD_V3_SIGNATURE)
    if form.need_bool("canWithdraw") and not form.get("ipWhitelist"):
        raise Refused(missing_parameter("ipWhitelist"))
    _spend_nonce(state, user, form)
    known = state.accounts.get(user)
    account = known or Account(wallet=Address(user), referral_code=form.get("agentCode"))
    state.accounts.put(account.with_agent(_new_agent(state, form, account, source="API")))
    return SUCCESS


def registration_message(form: Form) -> str:
    """The `msg` that registerAndApproveAgent signs: these parameters in this order, the list only if sent."""
    sent = ((name, form.get(name)) for name in _REGISTERED)
    return "&".join(f"{name}={value}" for name, value in sent if value is not None)


def update_agent(state: State, form: Form) -> object:
    """POST /fapi/v3/updateAgent; an `ipWhitelist` that is not sent stays, an empty one opens to all."""
    account = _managed(state, form, "UpdateAgent")
    agent = account.agent(form.need("agentAddress"))
    if agent is None:
        raise Refused(NO_AGENT)
    sent = form.get("ipWhitelist")
    changed = msgspec.structs.replace(
        agent,
        ip_whitelist=agent.ip_whitelist if sent is None else _whitelist(sent),
        can_spot_trade=form.need_bool("canSpotTrade"),
        can_perp_trade=form.need_bool("canPerpTrade"),
        can_withdraw=form.need_bool("canWithdraw"),
    )
    state.accounts.put(account.with_agent(changed))
    return SUCCESS


def delete_agent(state: State, form: Form) -> object:
    """DELETE /fapi/v3/agent."""
    account = _managed(state, form, "DelAgent")
    address = form.need("agentAddress")
    if account.agent(address) is None:
        raise Refused(NO_AGENT)
    state.accounts.put(account.without_agent(address))
    return SUCCESS


def approve_builder(state: State, form: Form) -> object:
    """POST /fapi/v3/approveBuilder."""
    account = _managed(state, form, "ApproveBuilder")
    state.accounts.put(account.with_builder(_builder(form)))
    return SUCCESS


def update_builder(state: State, form: Form) -> object:
    """POST /fapi/v3/updateBuilder: another rate for a builder that was approved."""
    account = _managed(state, form, "UpdateBuilder")
    builder = _builder(form)
    if all(old.address != builder.address for old in account.builders):
        raise Refused(bad_parameter("builder"))
    state.accounts.put(account.with_builder(builder))
    return SUCCESS


def delete_builder(state: State, form: Form) -> object:
    """DELETE /fapi/v3/builder."""
    account = _managed(state, form, "DelBuilder")
    address = form.need("builder")
    if all(builder.address != address.lower() for builder in account.builders):
        raise Refused(bad_parameter("builder"))
    state.accounts.put(account.without_builder(address))
    return SUCCESS


def open_account(state: State, form: Form) -> object:
    """POST /page/account: what connecting a wallet on Aster's own page does; no published endpoint does it.

    The wallet signs the raw string as a `Message` of chain 56; `referralCode` binds at opening only.
    """
    user = form.need("user").lower()
    if recover(message_struct(form.unsigned(), WALLET_CHAIN_ID), form.need("signature")) != user:
        raise Refused(BAD_V3_SIGNATURE)
    _spend_nonce(state, user, form)
    state.accounts.open(user, form.get("referralCode") or None)
    return SUCCESS


def typed_fields(pairs: tuple[tuple[str, str], ...]) -> list[Field]:
    """The typed struct of a management call: parameters in the order sent, first letters capital.

    Raises ValueError naming a parameter that is repeated, or whose number or flag is none.
    """
    sent = [(name, value) for name, value in pairs if name not in {"signature", "signatureChainId"}]
    names = [name for name, _ in sent]
    for name in names:
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or names.count(name) > 1:
            raise ValueError(name)
    return [_field(name, value) for name, value in sent]


def _field(parameter: str, value: str) -> Field:
    name = parameter[:1].upper() + parameter[1:]
    if name in _INT_FIELDS:
        if not re.fullmatch(WHOLE_NUMBER, value):
            raise ValueError(parameter)
        return name, "uint256", int(value)
    if name in _BOOL_FIELDS:
        if value.lower() not in {"true", "false"}:
            raise ValueError(parameter)
        return name, "bool", value.lower() == "true"
    return name, "string", value


def _managed(state: State, form: Form, primary_type: str) -> Account:
    """The account whose wallet signed this call; raises Refused."""
    user = form.need("user").lower()
    if form.need("asterChain") != ASTER_CHAIN:
        raise Refused(bad_parameter("asterChain"))
    if form.need_int("signatureChainId") != WALLET_CHAIN_ID:
        raise Refused(BAD_V3_SIGNATURE)
    try:
        fields = typed_fields(form.pairs)
    except ValueError as error:
        raise Refused(bad_parameter(str(error))) from None
    if recover(typed_struct(primary_type, fields, WALLET_CHAIN_ID), form.need("signature")) != user:
        raise Refused(BAD_V3_SIGNATURE)
    account = state.accounts.get(user)
    if account is None:
        raise Refused(NO_ACCOUNT)
    _spend_nonce(state, user, form)
    return account


def _spend_nonce(state: State, wallet: str, form: Form) -> None:
    if not state.nonces.admit(wallet, form.need_int("nonce"), state.clock_us()):
        raise Refused(NONCE_EXPIRED)


def _new_agent(state: State, form: Form, account: Account, *, source: str) -> Agent:
    address = _address(form, "agentAddress")
    owner = state.accounts.owner_of_agent(address)
    expired = form.need_int("expired")
    if owner is not None and owner.wallet != account.wallet:
        raise Refused(bad_parameter("agentAddress"))
    if expired <= state.now_ms:
        raise Refused(bad_parameter("expired"))
    return Agent(
        address=address,
        name=form.need("agentName"),
        ip_whitelist=_whitelist(form.get("ipWhitelist") or ""),
        expired=expired,
        can_spot_trade=form.need_bool("canSpotTrade"),
        can_perp_trade=form.need_bool("canPerpTrade"),
        can_withdraw=form.need_bool("canWithdraw"),
        source=source,
        approved_at_us=state.clock_us(),
    )


def _builder(form: Form) -> Builder:
    rate = form.need("maxFeeRate")
    if not re.fullmatch(r"0?\.\d{1,8}|0", rate):
        raise Refused(bad_parameter("maxFeeRate"))
    return Builder(address=_address(form, "builder"), max_fee_rate=rate, name=form.get("builderName") or "")


def _address(form: Form, name: str) -> Address:
    value = form.need(name)
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        raise Refused(bad_parameter(name))
    return Address(value.lower())


def _whitelist(text: str) -> tuple[str, ...]:
    try:
        return split_whitelist(text)
    except ValueError:
        raise Refused(bad_parameter("ipWhitelist")) from None
