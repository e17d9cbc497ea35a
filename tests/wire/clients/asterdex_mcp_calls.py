"""Run by asterdex-mcp's own interpreter: its SDK as it is, with nothing but its base URL changed."""

import importlib.metadata
import json
import sys

from asterdex_mcp.sdk import AsterAPIError, AsterRequestError, FuturesClient, SpotClient


def client(given, kind=FuturesClient):
    made = kind(user=given["wallet"], signer=given["agent"], private_key=given["secret"], max_retries=1)
    # Its constructor knows Aster's own two hosts only; this attribute is where it keeps the one it took.
    made.base_url = given["url"]
    return made


def works(given):
    futures = client(given)
    said = {"ping": futures.ping(), "time": futures.server_time()["serverTime"]}
    said["markets"] = sorted(row["symbol"] for row in futures.exchange_info()["symbols"])
    said["spot_markets"] = len(client(given, SpotClient).exchange_info()["symbols"])
    said["balance"] = futures.balance()[0]["balance"]
    said["account"] = futures.account()["totalWalletBalance"]
    resting = futures.place_order("BTCUSDT", "BUY", "LIMIT", quantity="0.01", price="50000", time_in_force="GTC")
    said["open"] = [row["orderId"] == resting["orderId"] for row in futures.open_orders("BTCUSDT")]
    said["asked"] = futures.query_order("BTCUSDT", resting["orderId"])["status"]
    said["cancelled"] = futures.cancel_order("BTCUSDT", resting["orderId"])["status"]
    said["bought"] = futures.place_order("BTCUSDT", "BUY", "MARKET", quantity="0.002")["status"]
    said["trades"] = [row["qty"] for row in futures.trades_history("BTCUSDT")]
    said["positions"] = [row["positionAmt"] for row in futures.positions()]
    return said


def reads(given):
    return client(given).balance()


def trades(given):
    return client(given).place_order("BTCUSDT", "BUY", "MARKET", quantity="0.002")["status"]


def main():
    said = {}
    for name, given in json.load(sys.stdin).items():
        try:
            said[name] = globals()[given["does"]](given)
        except AsterAPIError as error:
            said[name] = {"error": error.code, "said": error.message}
        except AsterRequestError as error:
            said[name] = {"error": error.status_code, "said": error.text}
    json.dump({"version": importlib.metadata.version("asterdex-mcp"), "said": said}, sys.stdout)


main()
