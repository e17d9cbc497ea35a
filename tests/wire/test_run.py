"""`perpbotd` as an operator meets it: what is wrong is one line and exit 78, what is down is waited for and shown."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from perpbotd import ctl, ctl_client
from perpbotd.adapters.keyring import new_key
from perpbotd.cli import CONFIG_ERROR, OK
from perpbotd.sandbox.chain import Chain, Faults, Node, serve_node
from perpbotd.sandbox.world import World
from tests.store_world import account_xprv, account_xpub

PATIENCE_S = 60.0
WATCHDOG_USEC = 1_000_000
LOOKS = 100
SHIPPED = Path(__file__).parents[2] / "contrib/systemd/perpbotd.toml"


def perpbotd(*arguments: str | Path, **environ: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "perpbotd.cli", *map(str, arguments)]
    pipe = subprocess.PIPE
    stdin = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe, text=True, env=os.environ | environ)


def _held_port() -> socket.socket:
    """A port that refuses connections and that nobody else is given."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


class Served:
    """The local world, served from a thread, with wrong nodes and late ones besides: nobody listens there yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.world = World()
        self.wrong = [
            Node(self.world.chain, name="first", faults=Faults(chain_id=97)),
            Node(Chain({}, genesis_ms=1), name="second"),
        ]
        self._held = [_held_port() for _ in range(4)]
        ports = [held.getsockname()[1] for held in self._held]
        self.late = [
            Node(self.world.chain, name="first", http_port=ports[0], ws_port=ports[1]),
            Node(self.world.chain, name="second", http_port=ports[2], ws_port=ports[3]),
        ]
        self._come = trio.Event()
        self.token: trio.lowlevel.TrioToken | None = None
        self._up = threading.Event()
        self._scope = trio.CancelScope()

    async def serve(self) -> None:
        with self._scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.world.serve)
                for node in self.wrong:
                    await nursery.start(serve_node, node)
                self.world.deploy(self.directory / "pristine")
                self.token = trio.lowlevel.current_trio_token()
                self._up.set()
                await self._come.wait()
                for held in self._held:
                    held.close()
                for node in self.late:
                    await nursery.start(serve_node, node)
                await trio.sleep_forever()

    @contextmanager
    def served(self) -> Generator[None]:
        thread = threading.Thread(target=trio.run, args=(self.serve,))
        thread.start()
        try:
            assert self._up.wait(PATIENCE_S)
            yield
        finally:
            self.do(self._scope.cancel)
            thread.join()

    def do(self, work: Callable[[], object]) -> None:
        """Run something in the world's thread."""
        trio.from_thread.run_sync(work, trio_token=self.token)

    def late_ones_come(self) -> None:
        """Somebody listens at the late nodes' ports from now on."""
        self.do(self._come.set)

    def deployment(self, name: str, *edits: tuple[str, str]) -> Path:
        """A deployment of its own, with texts of its configuration replaced; returns the configuration's path."""
        here = self.directory / name
        shutil.copytree(self.directory / "pristine", here)
        config = here / "perpbotd.toml"
        text = config.read_text().replace(str(self.directory / "pristine"), str(here))
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        config.write_text(text)
        return config

    def with_nodes(self, name: str, nodes: list[Node]) -> Path:
        """A deployment whose providers are these."""
        pairs = zip(self.world.nodes, nodes, strict=True)
        urls = [((ours.http_url, theirs.http_url), (ours.ws_url, theirs.ws_url)) for ours, theirs in pairs]
        return self.deployment(name, *(edit for both in urls for edit in both))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    world = Served(tmp_path_factory.mktemp("run"))
    with world.served():
        yield world


def production(directory: Path, *edits: tuple[str, str]) -> Path:
    """A configuration for production: the shipped one, with its secrets in place."""
    directory.mkdir(exist_ok=True)
    text = SHIPPED.read_text()
    for old, new in (
        ('"/var/lib/perpbotd/store"', '"store"'),
        ('# key_file = "kek"', 'key_file = "./kek"'),
        ('api_hash_file = "api-hash"', 'api_hash = "hash"'),
        ('bot_token_file = "bot-token"', f'bot_token = "7000001:{"A" * 35}"'),
        ("[admin]", f'[admin]\nsocket = "{directory}/admin.sock"'),
        *edits,
    ):
        assert old in text
        text = text.replace(old, new, 1)
    return secret_file(directory / "perpbotd.toml", text)


def secret_file(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


class Running:
    """A daemon that runs while nobody listens at its providers' ports, and what it tells systemd."""

    def __init__(self, served: Served) -> None:
        self.config = served.with_nodes("running", served.late)
        self.socket = self.config.parent / "admin.sock"
        place = self.config.parent / "notify"
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notices.bind(str(place))
        self._notices.settimeout(PATIENCE_S)
        self.told: list[str] = []
        environ = {"NOTIFY_SOCKET": str(place), "WATCHDOG_USEC": str(WATCHDOG_USEC)}
        self.process = perpbotd("run", "--config", self.config, **environ)

    def comes_up(self) -> None:
        """Wait until systemd has been told that it is ready, now or earlier."""
        while "READY=1" not in self.told:
            self.next()

    def has_heard_all(self) -> None:
        """Take what was told until now: systemd always listens, and of a full socket nothing more is told."""
        while select.select([self._notices], [], [], 0)[0]:
            self.next()

    def hears(self, notice: str) -> None:
        """Wait until systemd is told a line, from now on."""
        while notice not in self.next():
            pass

    def next(self) -> list[str]:
        try:
            lines = self._notices.recv(4096).decode().splitlines()
        except TimeoutError:
            self.process.kill()
            pytest.fail(f"silent for {PATIENCE_S:.0f} s; its log: {self.process.communicate()[1]}")
        self.told += lines
        return lines

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._notices.close()


@pytest.fixture(scope="module")
def running(served: Served) -> Iterator[Running]:
    daemon = Running(served)
    yield daemon
    daemon.close()


class Refusals:
    """Every run that must be refused, started at once, since each takes a second or two of imports."""

    def __init__(self, served: Served) -> None:
        here = served.directory
        wrong_key = served.deployment("wrong key")
        (wrong_key.parent / "kek").write_bytes(new_key().reveal())
        xpub = secret_file(here / "xpub", account_xpub().reveal_text())
        xprv = secret_file(here / "xprv", account_xprv().reveal_text())
        made = production(here / "production")
        first = perpbotd("init", "--config", made, "--xpub-file", xpub)
        assert first.wait(PATIENCE_S) == OK, first.communicate()
        self._runs = {
            "unknown key": perpbotd(
                "run", "--config", served.deployment("unknown key", ("[policy]", "[policy]\nreferal = 1"))
            ),
            "wrong key": perpbotd("run", "--config", wrong_key),
            "wrong chain": perpbotd("run", "--config", served.with_nodes("wrong chain", served.wrong)),
            "init twice": perpbotd("init", "--config", made, "--xpub-file", xpub),
            "xprv": perpbotd("init", "--config", production(here / "xprv store"), "--xpub-file", xprv),
            "local in check": perpbotd("check-config", "--config", served.deployment("checked")),
        }
        assert self._runs["init twice"].wait(PATIENCE_S) == CONFIG_ERROR
        shipped_url = '"https://bsc.drpc.org"'
        production(here / "production", (shipped_url, '"http://127.0.0.1:8545"'))
        self._runs["local node"] = perpbotd("run", "--config", made)

    def lines(self, name: str) -> list[str]:
        """What it complained of, once it has ended as a refusal must."""
        out, complaints = self._runs[name].communicate(timeout=PATIENCE_S)
        assert (self._runs[name].returncode, out) == (CONFIG_ERROR, ""), complaints
        return complaints.splitlines()

    def end(self) -> None:
        for run in self._runs.values():
            run.kill()
            run.communicate()


@pytest.fixture(scope="module")
def refusals(served: Served, running: Running) -> Iterator[Refusals]:
    # `running` comes up beside them.
    refused = Refusals(served)
    yield refused
    refused.end()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("unknown key", r"/perpbotd\.toml: unknown key policy\.referal; allowed here: attempt_hours, "),
        ("wrong key", r"wrong key: the key file's id is [0-9a-f]{32}, the store wants [0-9a-f]{32}$"),
        ("xprv", r"xpub: this is a private extended key, which can spend; "),
        ("init twice", r"/production/store: a store is there already; init makes new ones only"),
        ("local in check", r"telegram\.local_centre is of a local world, and the store is for production"),
        ("local node", r"chain\.provider\[1\]\.http_url must be https://: the store is for production"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_one_line_and_exit_78(refusals: Refusals, name: str, line: str) -> None:
    told = refusals.lines(name)
    assert len(told) == 1, told
    assert re.search(rf"^perpbotd: .*{line}", told[0]), told


def _refused(directory: Path, how: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """`run` on no configuration, with its streams as a shell was told."""
    command = ["/bin/sh", "-c", f'exec "$@" {how}', "sh", sys.executable, "-m", "perpbotd.cli", "run", "--config"]
    return subprocess.run(
        [*command, directory / "none.toml"], capture_output=True, check=False, env=os.environ | environ
    )


def test_the_journal_is_told_why_at_the_highest_priority(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.touch()
    about = journal.stat()
    run = _refused(tmp_path, f"2>{journal}", JOURNAL_STREAM=f"{about.st_dev}:{about.st_ino}")
    assert run.returncode == CONFIG_ERROR
    assert journal.read_text() == f"<2>perpbotd: {tmp_path}/none.toml: cannot read it: No such file or directory\n"


def test_where_nobody_can_be_told_the_exit_code_still_is_right(tmp_path: Path) -> None:
    run = _refused(tmp_path, "2>/dev/full")
    assert (run.returncode, run.stdout, run.stderr) == (CONFIG_ERROR, b"", b"")


def test_providers_that_are_all_on_another_chain_end_the_daemon(refusals: Refusals) -> None:
    told = refusals.lines("wrong chain")
    both = r"first has chain id 97; second has genesis 0x[0-9a-f]{64}"
    assert re.fullmatch(rf"perpbotd: no provider is on chain 56: {both}", told[-1]), told
    assert not any("Traceback" in line or "raised=" in line for line in told)


def test_unreachable_providers_are_waited_for_and_shown(
    served: Served, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    def status_until(wanted: str) -> tuple[int, str]:
        # Each notice of life is a moment to look again: every half second.
        said = ""
        for _ in range(LOOKS):
            code, said = ctl.main(["--socket", str(running.socket), "status"]), capsys.readouterr().out
            if re.search(wanted, said):
                return code, said
            running.hears("WATCHDOG=1")
        pytest.fail(f"no {wanted!r} in the status: {said}")

    running.comes_up()
    assert "STATUS=opening the store" in running.told
    assert running.told[-1] == "STATUS=running"
    trouble = "trouble: 0 of 2 needed providers answer"
    code, said = status_until(rf"{trouble} .*provider first: .*Error · provider second: .*Error")
    # The operators are told after a minute.
    assert code == (ctl_client.ALARM if "ALARM follower" in said else OK)
    served.late_ones_come()
    status_until(r"provider first: ok\b.* · provider second: ok\b")
    assert running.process.poll() is None
    running.hears("WATCHDOG=1")


def test_a_second_daemon_on_the_same_store_is_refused_and_the_first_goes_on(running: Running) -> None:
    running.comes_up()
    second = perpbotd("run", "--config", running.config)
    _, complaints = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == CONFIG_ERROR
    assert complaints == f"perpbotd: {running.config.parent}/store: the store is open in another process\n"
    running.hears("WATCHDOG=1")


def test_a_daemon_without_streams_lives_and_leaves_their_numbers_to_nobody(served: Served) -> None:
    """What prints to a closed stream's number would write into whatever was opened next: the store, of all things."""
    config = served.deployment("closed")
    place = config.parent / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(place))
        notices.settimeout(PATIENCE_S)
        command = ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-m", "perpbotd.cli", "run"]
        process = subprocess.Popen([*command, "--config", config], env=os.environ | {"NOTIFY_SOCKET": str(place)})
        try:
            while "READY=1" not in notices.recv(4096).decode().splitlines():
                assert process.poll() is None
            streams = {str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) for number in range(3)}
            process.terminate()
            assert process.wait(10) == OK
        finally:
            process.kill()
            process.wait()
    assert streams == {os.devnull}


def test_a_sigterm_ends_the_daemon_in_order(running: Running) -> None:
    # A signal before that is the end of a process that has begun nothing.
    running.comes_up()
    running.has_heard_all()
    running.process.send_signal(signal.SIGTERM)
    running.hears("STOPPING=1")
    _, log = running.process.communicate(timeout=10)
    assert running.process.returncode == OK
    assert "Traceback" not in log
    assert "raised=" not in log
