"""The local Aster: a request in, a response out, no sockets and no clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from perpbotd.domain.types import Address
from perpbotd.sandbox.http import Request, Response

from .accounts import Account, Deposit, LegacyKey
from .addresses import PLAYED
from .faults import FAULTS, Fault
from .form import Form, signed_form
from .quirks import Outage
from .refusals import BAD_V3_SIGNATURE, DEPOSIT_REQUIRED, NO_ROUTE, Refusal, Refused
from .routes import ROUTES, Call, Route, Signed
from .state import MAINNET_CHAIN_ID, Caller, State
from .v1 import authenticate_v1, merged
from .v3 import authenticate_v3

_JSON = msgspec.json.Encoder(decimal_format="number")
_HTML = b"<html><head><title>500 Internal Server Error</title></head><body>nginx</body></html>"


class Venue:
    """One Aster; `clock_us` is its Unix time in microseconds, `played` maps socket to source addresses."""

    def __init__(
        self,
        *,
        clock_us: Callable[[], int],
        chain_id: int = MAINNET_CHAIN_ID,
        played: Mapping[str, str] = PLAYED,
        weight_limit: int | None = None,
    ) -> None:
        self.state = State(clock_us=clock_us, chain_id=chain_id, played=played, weight_limit=weight_limit)
        self.calls: dict[str, int] = {}
        self.sources: dict[str, int] = {}
        """Requests so far, by route and by the address that they seemed to come from."""

    def change(self, **switches: object) -> None:
        """Turn switches of `Quirks` by name; raises TypeError for one that does not exist."""
        self.state.quirks = msgspec.structs.replace(self.state.quirks, **switches)

    def plan(self, *faults: Fault | str, **where: object) -> None:
        """Answer the next requests with these, in this order; a name is of FAULTS, `where` are fields of Fault."""
        for fault in faults:
            planned = FAULTS[fault] if isinstance(fault, str) else fault
            self.state.faults.add(msgspec.structs.replace(planned, **where))

    def set_private(self, wallet: str, *, privacy: bool = True) -> None:
        """Turn an account's privacy on or off, as its owner does on Aster's page."""
        account = self.state.accounts.open(wallet)
        self.state.accounts.put(msgspec.structs.replace(account, privacy=privacy))

    def account(self, wallet: str) -> Account | None:
        """The account of a wallet as it stands."""
        return self.state.accounts.get(wallet)

    def record_deposit(
        self, wallet: str, tx_hash: str, *, amount: str = "50", asset: str = "USDT", chain_id: int = 56
    ) -> Account:
        """Credit a deposit made on chain; opens the account, as the treasury credits any sender."""
        account = self.state.accounts.open(wallet)
        deposit = Deposit(
            ident=str(1_000_001 + len(account.deposits)),
            asset=asset,
            amount=amount,
            tx_hash=tx_hash.lower(),
            time=self.state.now_ms,
            chain_id=chain_id,
        )
        account = msgspec.structs.replace(account, deposits=(*account.deposits, deposit))
        self.state.accounts.put(account)
        return account

    def restrict(self, wallet: str, code: int) -> None:
        """Restrict an account: -4087 reduce only, -4088 no orders, 0 none."""
        account = self.state.accounts.open(wallet)
        self.state.accounts.put(msgspec.structs.replace(account, restriction=code))

    def issue_legacy_key(self, wallet: str, key: LegacyKey) -> None:
        """Give an account a V1 key of before 2026-03-25; no endpoint makes new ones (aster.md §1)."""
        account = self.state.accounts.open(Address(wallet))
        kept = tuple(old for old in account.legacy_keys if old.api_key != key.api_key)
        self.state.accounts.put(msgspec.structs.replace(account, legacy_keys=(*kept, key)))

    def handle(self, request: Request) -> Response:
        """Answer one request; hanging and cutting are the socket's business (serve.py)."""
        called = f"{request.method} {request.path}"
        source_ip = self.state.source_ip(request.peer[0])
        self.calls[called] = self.calls.get(called, 0) + 1
        self.sources[source_ip] = self.sources.get(source_ip, 0) + 1
        if self.state.quirks.outage is Outage.UNAVAILABLE:
            return Response(status=503, body=b"Service Unavailable", content_type="text/plain")
        if self.state.quirks.outage is Outage.HTML_500:
            return Response(status=500, body=_HTML, content_type="text/html")
        fault = self.state.faults.take(request)
        if fault is not None:
            return fault.response()
        route = ROUTES.get((request.method, request.path))
        over = self.state.weights.charge(source_ip, 1 if route is None else route.weight, self.state.now_ms)
        if over is not None:
            refusal, retry_after = over
            return self._respond(_body(refusal), refusal.status, source_ip, ("retry-after", str(retry_after)))
        try:
            if route is None:
                raise Refused(NO_ROUTE)
            return self._respond(self._answer(route, request, source_ip), 200, source_ip)
        except Refused as error:
            return self._refuse(error.refusal, route, source_ip)

    def _answer(self, route: Route, request: Request, source_ip: str) -> object:
        form = self._form(route, request)
        caller = self._caller(route, request, form, source_ip)
        gated = self.state.quirks.deposit_gate and route.gated
        if gated and caller is not None and not caller.account.deposited:
            raise Refused(DEPOSIT_REQUIRED)
        call = Call(state=self.state, request=request, form=form, caller=caller, source_ip=source_ip)
        return route.answer(call)

    def _form(self, route: Route, request: Request) -> Form:
        if route.signed is Signed.BY_KEY:
            return merged(request.query, request.body.decode("utf-8", "replace"))
        return signed_form(request)

    def _caller(self, route: Route, request: Request, form: Form, source_ip: str) -> Caller | None:
        if route.signed is Signed.BY_AGENT:
            return authenticate_v3(self.state, form, source_ip)
        if route.signed is Signed.BY_KEY:
            return authenticate_v1(self.state, request, source_ip)
        return None

    def _refuse(self, refusal: Refusal, route: Route | None, source_ip: str) -> Response:
        quirks = self.state.quirks
        zero = route.zero if route else None
        if refusal is BAD_V3_SIGNATURE and quirks.zero_account_on_bad_signature and zero is not None:
            return self._respond(zero(), 200, source_ip)
        return self._respond(_body(refusal), 200 if quirks.error_body_with_200 else refusal.status, source_ip)

    def _respond(self, body: object, status: int, source_ip: str, *headers: tuple[str, str]) -> Response:
        used = ("x-mbx-used-weight-1m", str(self.state.weights.used(source_ip)))
        return Response(status=status, body=_JSON.encode(body), headers=(used, *headers))


def _body(refusal: Refusal) -> object:
    return {"code": refusal.code, "msg": refusal.msg}
