"""Run by ccxt's own interpreter: the client as it is from the registry, with nothing but its base URL changed.

Its rate limiter is off, which spares a third of a second a call and changes nothing of what is sent.
"""

import json
import sys

import ccxt


def client(url, key, agent=None, wallet=None):
    exchange = ccxt.aster(
        {"privateKey": key, "enableRateLimit": False, "options": {"builderFee": False, "defaultType": "swap"}}
    )
    for name in ("fapiPublic", "fapiPrivate"):
        exchange.urls["api"][name] = f"{url}/fapi"
    for name in ("sapiPublic", "sapiPrivate"):
        exchange.urls["api"][name] = f"{url}/api"
    if agent:
        # What makes it sign as an agent: the wallet it would derive, and the hash that says it need not.
        exchange.options["signerAddress"] = agent
        exchange.options["cachedWalletAddress"] = wallet
        exchange.options["privateKeyHashForCachedWalletAddress"] = exchange.hash(exchange.encode(key), "keccak", "hex")
    return exchange


def works(given):
    exchange = client(given["url"], given["secret"], given["agent"], given["wallet"])
    said = {"time": exchange.fetch_time({"type": "swap"})}
    said["markets"] = sorted(exchange.load_markets())
    said["balance"] = exchange.fetch_balance()["USDT"]["total"]
    resting = exchange.create_order("BTC/USDT:USDT", "limit", "buy", 0.01, 50000)
    said["open"] = [order["id"] == resting["id"] for order in exchange.fetch_open_orders("BTC/USDT:USDT")]
    said["cancelled"] = exchange.cancel_order(resting["id"], "BTC/USDT:USDT")["status"]
    bought = exchange.create_order("BTC/USDT:USDT", "market", "buy", 0.002)
    said["bought"] = [bought["status"], bought["filled"], bought["average"]]
    said["trades"] = [trade["amount"] for trade in exchange.fetch_my_trades("BTC/USDT:USDT")]
    said["positions"] = [position["positionAmt"] for position in exchange.fapiPrivateGetV3PositionRisk()]
    said["spot"] = exchange.fetch_balance({"type": "spot"})["total"]
    said["agent"] = exchange.fapiPrivateGetV3Agent()[0]["agentAddress"]
    said["builders"] = exchange.fapiPrivateGetV3Builder()
    said["account"] = exchange.fapiPrivateGetV3Account()["totalWalletBalance"]
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": "9000",
    }
    said["tested"] = exchange.fapiPrivatePostV3OrderTest(order)["status"]
    return said


def as_itself(given):
    exchange = client(given["url"], given["wallet_key"])
    return {"balance": exchange.fetch_balance()["USDT"]["total"], "wallet": exchange.options["cachedWalletAddress"]}


def reads(given):
    return client(given["url"], given["secret"], given["agent"], given["wallet"]).fapiPrivateGetV3Agent()


def trades(given):
    exchange = client(given["url"], given["secret"], given["agent"], given["wallet"])
    return exchange.create_order("BTC/USDT:USDT", "market", "buy", 0.002)["status"]


def signs(given):
    """The exact strings it would send for given parameters, each with its signature."""
    exchange = client(given["url"], given["secret"], given["agent"], given["wallet"])
    return [exchange.sign("v3/order/test", ["fapiPrivate"], "POST", one)["body"] for one in given["requests"]]


def main():
    said = {}
    for name, given in json.load(sys.stdin).items():
        try:
            said[name] = globals()[given["does"]](given)
        except ccxt.BaseError as error:
            said[name] = {"error": type(error).__name__, "said": str(error)}
    json.dump({"version": ccxt.__version__, "said": said}, sys.stdout)


main()
