"""The house's rules, read from the source: who may import whom, what the domain may touch, what crosses a channel."""

from __future__ import annotations

import ast
import inspect as python_inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import pytest
import trio
from msgspec import inspect

from perpbotd import messages, ports, rows, rows_meta
from perpbotd.actors.admin import admin
from perpbotd.actors.chat import chat
from perpbotd.actors.follower import follower
from perpbotd.actors.linker import linker
from perpbotd.actors.matcher import matcher
from perpbotd.actors.relay import Render, relay
from perpbotd.actors.store import store
from perpbotd.actors.validator import validator
from perpbotd.codec import decode, encode
from perpbotd.domain import effects, events, link, phrases
from perpbotd.domain.types import Wei
from perpbotd.kernel.channel import Bell
from perpbotd.kernel.strikes import Strikes
from perpbotd.secret import Secret

PACKAGE: Final = Path(__file__).parent.parent / "perpbotd"

# --- the import graph ---------------------------------------------------------------------------


class Import(msgspec.Struct, frozen=True):
    """`lazy` ones stand inside a function; a package counts as its modules that are named."""

    module: str
    lazy: bool = False


@cache
def tree_of(source: str) -> ast.Module:
    """Parsed once for all rules."""
    return ast.parse(source)


@cache
def imports(source: str, package: str = "") -> tuple[Import, ...]:
    """Every module that a source names, wherever the import stands; `from a import b` may mean the module a.b.

    `package` is where a relative import begins.
    """
    found: list[Import] = []

    def walk(node: ast.AST, lazy: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend(Import(alias.name, lazy) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) + 1 - child.level] if child.level else []
                base = ".".join([*above, *([child.module] if child.module else [])])
                found.extend(Import(name, lazy) for name in (base, *(f"{base}.{alias.name}" for alias in child.names)))
            walk(child, lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    walk(tree_of(source), False)
    return tuple(found)


@cache
def sources() -> dict[str, str]:
    """The package's modules by name."""
    files = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files]
    return {name.removesuffix(".__init__"): file.read_text() for name, file in zip(names, files, strict=True)}


def reached(start: Iterable[str], modules: dict[str, str], *, lazily: bool = True) -> dict[str, str]:
    """Every module that is imported from these on, however indirectly, with one that names it."""
    found: dict[str, str] = {}
    waiting = [(name, "the start") for name in start]
    while waiting:
        name, by = waiting.pop()
        if name in found:
            continue
        found[name] = by
        # A package's own __init__ runs before its modules do.
        parent = name.rpartition(".")[0]
        parents = [parent] if parent else []
        package = name if any(one.startswith(f"{name}.") for one in modules) else parent
        named = [one.module for one in imports(modules.get(name, ""), package) if lazily or not one.lazy]
        waiting += [(one, name) for one in (*named, *parents) if one in modules or not one.startswith("perpbotd")]
    return found


def in_room(module: str, *rooms: str) -> bool:
    """Whether a module lies in one of the package's rooms."""
    return any(module == f"perpbotd.{room}" or module.startswith(f"perpbotd.{room}.") for room in rooms)


def room(name: str) -> list[str]:
    """The modules of a room."""
    return [module for module in sources() if in_room(module, name)]


def root(module: str) -> str:
    """A library's name."""
    return module.partition(".")[0]


FAKE: Final = {
    "perpbotd": "",
    "perpbotd.one": "from perpbotd import two\ndef later():\n    import httpx\n",
    "perpbotd.two": "from .deep import three",
    "perpbotd.deep": "import time\nfrom . import four",
    "perpbotd.deep.four": "from ..five import x",
    "perpbotd.five": "",
    "perpbotd.deep.three": "",
}


def test_an_import_is_followed_through_packages_and_functions() -> None:
    assert set(reached(["perpbotd.one"], FAKE)) >= {"perpbotd.two", "perpbotd.deep.three", "time", "httpx"}
    assert set(FAKE) == {name for name in reached(["perpbotd.one"], FAKE) if name.startswith("perpbotd")}
    assert "httpx" not in reached(["perpbotd.one"], FAKE, lazily=False)
    assert reached(["perpbotd.one"], FAKE)["time"] == "perpbotd.deep"


# --- the domain is pure -------------------------------------------------------------------------

PURE: Final = frozenset(
    {
        *("__future__", "collections", "datetime", "decimal", "enum", "heapq", "ipaddress", "math", "re", "typing"),
        *("unicodedata", "hmac", "msgspec", "coincurve", "eth_utils"),
    }
)
"""All that the domain may import: computations, and nothing that knows the time, the world or a coin."""
_TELLS_TIME = frozenset({"now", "utcnow", "today"})
_TOUCHES = frozenset({"open", "print", "input", "exec", "eval", "__import__"})


def impurities(module: str, source: str) -> list[str]:
    """Calls that ask the clock or touch the world; what stands under `__name__ == "__main__"` is no part of it."""
    tree = tree_of(source)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))]
    found: list[str] = []
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        match call.func:
            case ast.Attribute(attr=name, value=ast.Name(id="datetime" | "date" | "time")) if name in _TELLS_TIME:
                found.append(f"{module} asks for the time with {name}")
            case ast.Name(id=name) if name in _TOUCHES:
                found.append(f"{module} calls {name}")
            case _:
                pass
    return found


def test_the_domain_imports_nothing_that_knows_time_chance_or_the_world() -> None:
    domain = reached(room("domain"), sources())
    foreign = {name: by for name, by in domain.items() if root(name) not in PURE and root(name) != "perpbotd"}
    assert foreign == {}
    rooms = {name for name in domain if in_room(name, "actors", "adapters", "kernel", "sandbox", "catalog")}
    assert rooms == set()


def test_the_domain_asks_no_clock_and_touches_nothing() -> None:
    assert [one for name in room("domain") for one in impurities(name, sources()[name])] == []


def test_an_impure_domain_is_noticed() -> None:
    modules = sources() | {"perpbotd.domain.types": "import trio\nfrom perpbotd.kernel import channel"}
    domain = reached(room("domain"), modules)
    assert "trio" in domain
    assert "perpbotd.kernel.channel" in domain
    assert impurities("m", "datetime.now(UTC)") == ["m asks for the time with now"]
    assert impurities("m", "def f():\n    open('x')") == ["m calls open"]
    assert impurities("m", "if __name__ == '__main__':\n    print(1)") == []


# --- actors -------------------------------------------------------------------------------------

PARTS: Final = {
    "store": set[str](),
    "follower": {"providers", "finality", "tips", "second_look", "progress", "ranges", "steps"},
    "matcher": {
        "anchors",
        "books",
        "deposits",
        "disputes",
        "hearing",
        "payers",
        "readings",
        "reconciling",
        "watched",
        "witnesses",
    },
    "linker": {"decisions", "forgetting", "lookups", "rounds"},
    "relay": {"errands", "settling"},
    "validator": {"answers", "calibration", "egress", "legacy_looking", "looking", "outage", "points"},
    "chat": {"crowd", "groups", "intake", "strangers"},
    "admin": {
        *(
            "audited",
            "contested",
            "desk",
            "gate",
            "health",
            "imports",
            "parked",
            "roster",
            "rulings",
            "timeline",
            "waiting",
        ),
    },
}
"""Which modules are parts of which actor; no other actor imports them."""
SHARED: Final = frozenset({"stored", "life_signs"})
"""Small things on the actors' side of a channel that any of them may use."""
_ACTORS: Final = "perpbotd.actors."
FOR_ACTORS: Final = frozenset({"trio", "msgspec"})


def strangers(actors: dict[str, str], parts: dict[str, set[str]], shared: Iterable[str]) -> list[str]:
    """Imports between actors that the mapping does not allow, and modules that it does not know."""
    whole = {part: actor for actor, own in parts.items() for part in (actor, *own)}
    found = [f"{name} is nobody's" for name in actors if name not in whole and name not in shared]
    for name, source in actors.items():
        named = {one.module.removeprefix(_ACTORS) for one in imports(source) if one.module.startswith(_ACTORS)}
        for other in sorted({one.partition(".")[0] for one in named} - set(shared)):
            if other in parts or whole.get(other) != whole.get(name):
                found.append(f"{name} imports {other}")
    return found


def actor_sources() -> dict[str, str]:
    """The actors' modules by their own names."""
    return {name.removeprefix(_ACTORS): sources()[name] for name in room("actors") if name != "perpbotd.actors"}


def test_an_actor_imports_no_actor_but_its_own_parts() -> None:
    assert strangers(actor_sources(), PARTS, SHARED) == []


def test_each_part_that_is_listed_is_there() -> None:
    assert {*PARTS, *SHARED, *(part for own in PARTS.values() for part in own)} == set(actor_sources())


def test_a_stranger_among_actors_is_noticed() -> None:
    actors = {
        "one": "from perpbotd.actors.part import X\nfrom perpbotd.actors import stored",
        "part": "from perpbotd.actors.one import one",
        "two": "from perpbotd.actors import part, one",
        "new": "",
        "stored": "",
    }
    found = strangers(actors, {"one": {"part"}, "two": set()}, {"stored"})
    assert sorted(found) == ["new is nobody's", "part imports one", "two imports one", "two imports part"]


def test_actors_know_no_adapter_no_text_and_no_library() -> None:
    for name in room("actors"):
        named = {one.module for one in imports(sources()[name])}
        assert {
            one for one in named if in_room(one, "adapters", "sandbox", "catalog", "app", "config", "outfit")
        } == set()
        third_party = {root(one) for one in named} - sys.stdlib_module_names - {"perpbotd"}
        assert third_party <= FOR_ACTORS, name


_CHANNELS = (trio.MemorySendChannel, trio.MemoryReceiveChannel)


def unfit(actor: Callable[..., Any]) -> list[str]:
    """Parameters that are no channel end, bell, port, frozen configuration or count of strikes."""
    hints = typing.get_type_hints(actor, vars(sys.modules[actor.__module__]))
    return [name for name in python_inspect.signature(actor).parameters if not _fits(name, hints[name])]


def _fits(name: str, hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Sequence:
        return _fits(name, arguments[0])
    kind = origin or hint
    if kind in (*_CHANNELS, Bell, Strikes) or hint == Render:
        return True
    if name == "task_status":
        return kind is trio.TaskStatus
    is_port = getattr(kind, "_is_protocol", False) and kind.__module__ == ports.__name__
    frozen = isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_config__.frozen
    return is_port or frozen


@pytest.mark.parametrize("actor", [store, follower, matcher, linker, relay, validator, chat, admin])
def test_an_actor_receives_channel_ends_ports_and_frozen_configuration_only(actor: Callable[..., Any]) -> None:
    assert python_inspect.iscoroutinefunction(actor)
    assert actor.__name__ in PARTS
    assert unfit(actor) == []


def test_an_actor_that_is_given_another_thing_is_noticed() -> None:
    async def shady(
        bell: Bell,
        clock: ports.Clock,
        nodes: Sequence[ports.ChainNode],
        other: Callable[[], int],
        open_file: Path,
        mine: Mine,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None: ...

    assert unfit(shady) == ["other", "open_file", "mine"]


class Mine(Protocol):
    """A protocol that is no port."""


# --- adapters, the daemon and the world outside -------------------------------------------------

PLAIN: Final = frozenset({"trio", "msgspec", "coincurve", "eth_utils"})
"""Libraries without I/O of their own, and Trio: all that is imported outside of the adapters and the local world."""


def test_adapters_import_no_actor_and_nothing_above_them() -> None:
    for name in room("adapters"):
        above = [
            one for one in reached([name], sources()) if in_room(one, "actors", "app", "outfit", "sandbox", "catalog")
        ]
        assert above == [], name


def test_the_kernel_knows_no_actor_and_no_adapter() -> None:
    assert [one for one in reached(room("kernel"), sources()) if in_room(one, "actors", "adapters", "sandbox")] == []


def test_third_party_input_and_output_is_the_adapters_alone() -> None:
    for name, source in sources().items():
        if not in_room(name, "adapters", "sandbox"):
            named = {root(one.module) for one in imports(source)}
            assert named - sys.stdlib_module_names - {"perpbotd"} <= PLAIN, name


@pytest.mark.parametrize("start", ["run", "app", "outfit", "init", "config", "ctl"])
def test_what_runs_in_production_imports_nothing_of_the_local_world(start: str) -> None:
    found = reached([f"perpbotd.{start}"], sources())
    assert {name: by for name, by in found.items() if in_room(name, "sandbox")} == {}
    assert len(found) > 10


def test_the_command_line_reaches_the_local_world_by_its_own_command_only() -> None:
    assert [one for one in reached(["perpbotd.cli"], sources(), lazily=False) if in_room(one, "sandbox")] == []
    lazy = [one.module for one in imports(sources()["perpbotd.cli"]) if one.lazy and in_room(one.module, "sandbox")]
    assert set(lazy) <= {"perpbotd.sandbox", "perpbotd.sandbox.command"}


def test_a_way_into_the_local_world_is_noticed() -> None:
    modules = sources() | {"perpbotd.errors": "def f():\n    from perpbotd.sandbox import world"}
    found = reached(["perpbotd.run"], modules)
    assert found["perpbotd.sandbox.world"] == "perpbotd.errors"


def uses_of_environ(source: str) -> int:
    """How often a module reads the process's environment other than as a default that a caller may replace."""
    tree = tree_of(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    defaults = {id(one) for function in functions for one in (*function.args.defaults, *function.args.kw_defaults)}
    reads = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "environb", "getenv")
        and id(node) not in defaults
    ]
    return len(reads)


def test_the_environment_is_read_where_configuration_is() -> None:
    reading = {name for name, source in sources().items() if uses_of_environ(source)}
    assert reading <= {"perpbotd.config", "perpbotd.cli", "perpbotd.ctl"}


def test_a_look_at_the_environment_is_noticed() -> None:
    assert uses_of_environ("import os\ndef f(x=os.environ): return x") == 0
    assert uses_of_environ("import os\ndef f(): return os.environ['A'] or os.getenv('B')") == 2


# --- every message survives its way -------------------------------------------------------------

_DEEP = 5


def samples(kind: inspect.Type, depth: int = 0) -> list[Any]:
    """Values of a type: both ends of what it allows, each member of a union, each length of a tuple up to two."""
    match kind:
        case inspect.BoolType():
            return [False, True]
        case inspect.IntType():
            return [0, -1, 2**63 - 1]
        case inspect.FloatType():
            return [0.0, -1.5]
        case inspect.StrType():
            return ["", "ключ 🔑\x00\u202e"]
        case inspect.BytesType():
            return [b"", b"\xff\x00"]
        case inspect.NoneType():
            return [None]
        case inspect.EnumType(cls=enum):
            return list(enum)
        case inspect.CustomType(cls=cls) if cls is Secret:
            return [Secret(b"\xc3\x28\x00"), Secret(b"")]
        case inspect.CustomType(cls=cls) if cls is Wei:
            return [Wei(0), Wei(2**200)]
        case inspect.UnionType(types=members):
            return [value for member in members for value in samples(member, depth)]
        case inspect.VarTupleType() if depth >= _DEEP:
            return [()]
        case inspect.DictType() if depth >= _DEEP:
            return [{}]
        case inspect.VarTupleType(item_type=item):
            values = samples(item, depth + 1)
            return [(), *((one,) for one in values), tuple(values[:2])]
        case inspect.TupleType(item_types=items):
            return _together([samples(item, depth + 1) for item in items], lambda *values: values)
        case inspect.DictType(value_type=value):
            return [{}, *({"name": one} for one in samples(value, depth + 1))]
        case inspect.StructType(cls=cls, fields=fields):
            names = [field.name for field in fields]
            parts = [samples(field.type, depth + 1) for field in fields]
            return _together(parts, lambda *values: cls(**dict(zip(names, values, strict=True))))
        case inspect.AnyType():
            return [(1,)]
        case _:
            raise AssertionError(f"no sample of {kind}")


def _together(parts: list[list[Any]], make: Callable[..., Any]) -> list[Any]:
    """As many as the longest part has, the shorter ones over and over."""
    count = max((len(part) for part in parts), default=1)
    return [make(*values) for values in islice(zip(*map(cycle, parts), strict=False), count)] if parts else [make()]


def structs(module: types.ModuleType) -> Iterator[type[msgspec.Struct]]:
    """The structs that a module defines."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__:
            yield value


MESSAGES: Final = [
    kind for module in (messages, ports, rows, rows_meta, events, effects, link, phrases) for kind in structs(module)
]


def differences(kind: type[msgspec.Struct]) -> list[str]:
    """What is not the same after encoding and decoding."""
    made = samples(inspect.type_info(kind))
    return [repr(one) for one in made if decode(encode(one), kind) != one]


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_every_message_is_frozen_and_survives_encode_and_decode(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.frozen
    assert differences(kind) == []


def test_a_message_that_does_not_survive_is_noticed() -> None:
    class Lossy(msgspec.Struct, frozen=True):
        value: Any

    assert len(differences(Lossy)) == 1


def test_the_messages_are_all_there() -> None:
    names = {kind.__name__ for kind in MESSAGES}
    assert {"Commit", "FinalRange", "Wrote", "Say", "Link", "InboxRow", "OutboxRow", "CheckCredential", "Live"} <= names
    secrets = [one for one in samples(inspect.type_info(rows.InboxRow)) if isinstance(one.event, events.Wrote)]
    assert secrets
    assert "Secret(***)" in repr(secrets[0])
