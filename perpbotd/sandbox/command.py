"""`perpbotd sandbox`: talk to the bot in the local world, play the guide in it, or serve it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import trio

from perpbotd.errors import ConfigError, PerpbotError
from perpbotd.sandbox import session
from perpbotd.sandbox.aster.alone import serve_alone
from perpbotd.sandbox.guide import Detour, Guide, Outcome
from perpbotd.sandbox.line_editor import reading
from perpbotd.sandbox.process import Daemon
from perpbotd.sandbox.terminal import Transcript
from perpbotd.sandbox.world import World

TOURS = {str(detour): detour for detour in Detour}
PATIENCE_S = 60.0
_USER_ID = 501


class TourFailed(PerpbotError):
    """The tour did not end linked with everything proven."""


def serve(directory: Path, log_level: str) -> int:
    """Serve the local world until ^C, with a deployment for it in a directory."""
    try:
        trio.run(_serve, directory, log_level)
    except* KeyboardInterrupt:
        pass  # ^C is how this command ends
    return 0


async def _serve(directory: Path, log_level: str) -> None:
    world = World()
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve)
        config = world.deploy(directory, log_level=log_level)
        print(f"The local world is served. In another terminal:\n\n    perpbotd run --config {config}\n", flush=True)
        print(f"and then    perpbotctl --socket {directory.absolute() / 'admin.sock'} status", flush=True)
        await trio.sleep_forever()


def serve_aster() -> int:
    """Serve the local Aster alone until ^C."""
    return serve_alone()


def talk(directory: Path | None, log_level: str, language: str) -> int:
    """The terminal chat; returns 0, or 1 where a line of a script could not be done. Raises ConfigError."""
    # Python has no stdin object then, and the descriptor's number may be another file's.
    if cast("object", sys.stdin) is None:
        raise ConfigError("the terminal chat reads what you type, and its standard input is closed")
    with _place(directory) as place, reading(sys.stdin.fileno(), _print) as lines:
        try:
            done = trio.run(session.talk, place, log_level, language, lines)
        except BaseExceptionGroup as group:
            # ^C is one way to leave; a terminal sends it to the daemon, too, which may be gone first.
            done = group.subgroup(KeyboardInterrupt) is not None
            if group.subgroup(BrokenPipeError) is not None:
                # Somebody has read enough, as `head` does; what is left in the buffer goes nowhere at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            elif not done:
                raise
    return 0 if done else 1


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def tour(name: str, directory: Path | None, log_level: str) -> int:
    """Play a tour; returns 0 only if the account ended linked with every rule proven. Raises TourFailed."""
    if name not in TOURS:
        raise ConfigError(f"there is no tour {name}; there are: {', '.join(TOURS)}")
    with _place(directory) as place:
        trio.run(_tour, name, place, log_level)
    return 0


@contextmanager
def _place(directory: Path | None) -> Generator[Path]:
    if directory is not None:
        yield directory
        return
    made = Path(tempfile.mkdtemp(prefix="perpbotd-tour-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


async def _tour(name: str, directory: Path, log_level: str) -> None:
    began = time.monotonic()
    world = World()
    user = world.centre.add_user(_USER_ID, "Ann", "en")
    transcript = Transcript(user.screen, partial(print, flush=True))
    outcome: Outcome | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve)
        daemon = Daemon(world.deploy(directory, log_level=log_level))
        await daemon.start()
        try:
            nursery.start_soon(daemon.watch)
            with trio.move_on_after(PATIENCE_S):
                await world.centre.until_online()
                transcript.elsewhere(f"the daemon is up after {time.monotonic() - began:.1f} s")
                nursery.start_soon(transcript.run)
                async with world.client() as client:
                    guide = Guide(world, user, transcript, client)
                    outcome = await guide.play(TOURS[name])
                    transcript.catch_up()
            nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await daemon.stop()
    conclude(outcome, time.monotonic() - began)


def conclude(outcome: Outcome | None, seconds: float) -> None:
    """Say how a tour ended; raises TourFailed where it is not linked, proven and clean (None: it did not end)."""
    if outcome is None:
        raise TourFailed(f"nothing more happened within {PATIENCE_S:.0f} s")
    if not outcome.good:
        raise TourFailed(f"it did not end as it should: {outcome}")
    print(
        f"\nLinked: {outcome.proven} of {outcome.rules} rules proven, nothing pasted is left, {seconds:.1f} s in all."
    )
