"""`perpbotd`: today the sandbox's world; the daemon's commands join it here."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import trio


async def _serve() -> None:
    # Imported here because only `sandbox` may load the local world (product.md, The sandbox).
    from perpbotd.sandbox.world import World

    world = World()
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve)
        centre = world.centre
        addresses = {
            "chain": [{"http": node.http_url, "ws": node.ws_url} for node in world.nodes],
            "aster": world.venue_url,
            "telegram": {"host": "127.0.0.1", "port": centre.port, "public_key": centre.public_key.pem()},
        }
        print(json.dumps(addresses, indent=2, default=bytes.decode), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="perpbotd", description="Links Aster accounts to the Perpbot bot.")
    commands = parser.add_subparsers(dest="command", required=True)
    sandbox = commands.add_parser("sandbox", help="a local Telegram, BNB Smart Chain and Aster to try it on")
    sandbox.add_argument("--serve", action="store_true", required=True, help="serve the local world until ^C")
    parser.parse_args(argv)
    try:
        trio.run(_serve)
    except* KeyboardInterrupt:
        pass  # ^C is how this command ends
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
